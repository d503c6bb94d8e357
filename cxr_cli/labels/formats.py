"""Label tables as public collections of chest images publish them: columns, and a class for each image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cxr_cli.artifacts import read_csv
from cxr_cli.errors import BadInput
from cxr_cli.labels.choices import Format
from cxr_cli.labels.table import LabelRow, own_column, read_covidx
from cxr_cli.recorded_values import age_in_years, sex_code

POSITIVE, NEGATIVE = "positive", "negative"
"""Classes of images with and without the finding asked for."""

LUNG_OPACITY = "Lung Opacity"
"""The finding of RSNA's tables."""

CHEXPERT_FINDINGS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)

CHEXPERT_PATH_PARTS = 3
"""patient00001/study1/view1_frontal.jpg identifies an image; the folders before it differ by edition."""

XRAY = ("x-ray", "xray")
"""What Cohen's table calls the modality of images."""

COHEN_UNKNOWN = ("todo", "Unknown")
"""Findings of Cohen's table that say nothing."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Published:
    """The format of the label tables, and the finding by which images are positive or negative.

    Without a finding an image's class is its one finding, and an image with several is left out.
    """

    format: Format
    finding: str | None = None


class StatedFindings(NamedTuple):
    """What a published table says of an image.

    Attributes:
        row: path and values; its label is still empty; its reason stands where nothing else counts.
        found: the findings it has; also names of groups that they belong to.
        uncertain: the findings it may have.
        one: the one finding it has; None where it has none or several.
    """

    row: LabelRow
    found: tuple[str, ...]
    uncertain: tuple[str, ...] = ()
    one: str | None = None


def read_published(table: Path, published: Published) -> list[LabelRow]:
    """Read a label table of a public collection.

    Raises:
        BadInput: the table is not of that format, or no image of it has the finding.
    """
    images = FORMATS[published.format](table)
    if published.finding is None:
        return [_by_one_finding(image) for image in images]
    known = dict.fromkeys(name for image in images for name in (*image.found, *image.uncertain))
    if published.finding not in known:
        raise BadInput(
            f"{table}: no image has the finding {published.finding!r}; "
            f"there are {', '.join(map(repr, known))}"
        )
    return [_by_finding(image, published.finding) for image in images]


def _by_one_finding(image: StatedFindings) -> LabelRow:
    if image.row.reason:
        return image.row
    if image.uncertain:
        return replace(image.row, reason=f"uncertain findings: {', '.join(image.uncertain)}")
    if image.one is not None:
        return replace(image.row, label=image.one)
    return replace(
        image.row, reason=f"several findings: {', '.join(image.found)}" if image.found else "no finding given"
    )


def _by_finding(image: StatedFindings, finding: str) -> LabelRow:
    if image.row.reason:
        return image.row
    if finding in image.uncertain:
        return replace(image.row, reason=f"uncertain finding: {finding}")
    return replace(image.row, label=POSITIVE if finding in image.found else NEGATIVE)


def _of_findings(row: LabelRow, found: Sequence[str]) -> StatedFindings:
    return StatedFindings(row, tuple(found), one=found[0] if len(found) == 1 else None)


def _read_nih(table: Path) -> list[StatedFindings]:
    """ChestX-ray14's Data_Entry_2017.csv (Wang et al., CVPR 2017), of either edition."""
    meaning = {
        "Patient ID": "patient_id",
        "Patient Age": "age",
        "Patient Gender": "sex",
        "Patient Sex": "sex",
        "View Position": "view_position",
    }
    images = []
    for row in _rows(table, ["Image Index", "Finding Labels", "Patient ID"]):
        values = _values(row, meaning)
        values["age"] = age_in_years(values.get("age", "")) or values.get("age", "")
        label_row = LabelRow(table, row["Image Index"], "", values)
        images.append(_of_findings(label_row, _several(row["Finding Labels"], "|")))
    return images


def _read_rsna(table: Path) -> list[StatedFindings]:
    """RSNA Pneumonia Detection's stage_2_train_labels.csv or stage_2_detailed_class_info.csv.

    A patient with several boxes has several rows; they become one, with the boxes joined.
    """
    rows = _rows(table, ["patientId"])
    if rows and not {"class", "Target"} & rows[0].keys():
        raise BadInput(f"{table}: no column 'Target' nor 'class'; one of RSNA's two tables is needed")
    of_patient: dict[str, list[Row]] = {}
    for row in rows:
        of_patient.setdefault(row["patientId"], []).append(row)
    images = []
    for patient, same in of_patient.items():
        values = {"patient_id": patient}
        boxes = [
            " ".join(row[side] for side in ("x", "y", "width", "height")) for row in same if row.get("x")
        ]
        if "x" in same[0]:
            values["boxes"] = "; ".join(boxes)
        found = list(dict.fromkeys(_rsna_class(table, row) for row in same))
        images.append(_of_findings(LabelRow(table, patient, "", values), found))
    return images


def _rsna_class(table: Path, row: Row) -> str:
    if "class" in row:
        return row["class"]
    classes = {"1": LUNG_OPACITY, "0": f"No {LUNG_OPACITY}"}
    if row["Target"] not in classes:
        raise BadInput(f"{table}: column 'Target' holds {row['Target']!r}; known are 0 and 1")
    return classes[row["Target"]]


def _read_covidx_list(table: Path) -> list[StatedFindings]:
    """A list of COVIDx (Wang, Lin and Wong 2020): patientid filename class source."""
    return [_of_findings(replace(row, label=""), [row.label]) for row in read_covidx(table)]


def _read_cohen(table: Path) -> list[StatedFindings]:
    """The metadata.csv of the COVID-19 image data collection (Cohen et al. 2020); X-rays only.

    A finding is a path as Pneumonia/Viral/COVID-19: the image's class is its last part, and it counts as
    positive for every part. The notes, free text, are dropped.
    """
    meaning = {
        "patientid": "patient_id",
        "filename": None,
        "clinical_notes": None,
        "other_notes": None,
    }
    images = []
    for row in _rows(table, ["patientid", "finding", "view", "modality", "filename"]):
        lines = [each for each in _several(row["finding"], ",") if each not in COHEN_UNKNOWN]
        parts = [_several(line, "/") for line in lines]
        reason = None if parts else "no finding given"
        if row["modality"].casefold() not in XRAY:
            reason = f"no X-ray: modality {row['modality'] or '-'}"
        values = _values(row, meaning)
        values["view_position"] = row["view"].partition(" ")[0]  # AP of "AP Supine"
        label_row = LabelRow(table, row["filename"], "", values, reason)
        one = parts[0][-1] if len(parts) == 1 else None
        images.append(StatedFindings(label_row, tuple(dict.fromkeys(chain(*parts))), one=one))
    return images


def _read_chexpert(table: Path) -> list[StatedFindings]:
    """CheXpert's train.csv or valid.csv (Irvin et al., AAAI 2019): 1 found, 0 or blank not, -1 uncertain."""
    meaning = {"Path": None, "Frontal/Lateral": None, "AP/PA": None, "Sex": "sex", "Age": "age"}
    images = []
    for number, row in enumerate(_rows(table, ["Path", "Frontal/Lateral", "AP/PA"]), start=1):
        path = PurePosixPath(row["Path"])
        values = _values(row, meaning)
        values["patient_id"] = next((part for part in path.parts if part.startswith("patient")), "")
        values["sex"] = sex_code(values.get("sex", ""))
        values["view_position"] = "LATERAL" if row["Frontal/Lateral"] == "Lateral" else row["AP/PA"]
        stated = {
            name: _chexpert_value(table, number, name, row[name]) for name in CHEXPERT_FINDINGS if name in row
        }
        label_row = LabelRow(table, row["Path"], "", values, identifying_parts=CHEXPERT_PATH_PARTS)
        found = [name for name, value in stated.items() if value == 1]
        uncertain = tuple(name for name, value in stated.items() if value == -1)
        images.append(_of_findings(label_row, found)._replace(uncertain=uncertain))
    return images


def _chexpert_value(table: Path, number: int, name: str, text: str) -> int:
    values = {"": 0, "0": 0, "0.0": 0, "1": 1, "1.0": 1, "-1": -1, "-1.0": -1}
    if text not in values:
        raise BadInput(f"{table}: row {number}, column {name!r} holds {text!r}; known are 1, 0, -1 and empty")
    return values[text]


FORMATS: Mapping[str, Callable[[Path], list[StatedFindings]]] = {
    "nih": _read_nih,
    "rsna": _read_rsna,
    "covidx": _read_covidx_list,
    "cohen": _read_cohen,
    "chexpert": _read_chexpert,
}


def _rows(table: Path, required: Sequence[str]) -> list[Row]:
    content = read_csv(table, required)
    return [
        {str(name): value.strip() for name, value in row.items()} for row in content.to_dict(orient="records")
    ]


def _values(row: Row, meaning: Mapping[str, str | None]) -> dict[str, str]:
    """A row's values by manifest column; without what means None, and columns without a name."""
    columns = {name: meaning.get(name, own_column(name)) for name in row if not name.startswith("Unnamed: ")}
    return {column: row[name] for name, column in columns.items() if column is not None}


def _several(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]
