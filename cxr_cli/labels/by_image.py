"""Published label tables with a row, or rows, for each image: a class or findings, and characteristics."""

import ast
from dataclasses import replace
from itertools import chain
from pathlib import Path, PurePosixPath

from cxr_cli.errors import BadInput
from cxr_cli.labels.findings import (
    NOT_GIVEN,
    Row,
    StatedFindings,
    of_findings,
    read_rows,
    several,
    stated_in_columns,
    values_of,
)
from cxr_cli.labels.table import LabelRow, read_covidx
from cxr_cli.recorded_values import age_in_years, is_missing, recorded, sex_code
from cxr_cli.reporting import Reporter

LUNG_OPACITY = "Lung Opacity"
"""The finding of RSNA's tables."""

PNEUMOTHORAX = "Pneumothorax"
"""The finding of SIIM's table."""

CHEXPERT_PATH_PARTS = 3
"""patient00001/study1/view1_frontal.jpg identifies an image; the folders before it differ by edition."""

XRAY = ("x-ray", "xray")
"""What Cohen's table calls the modality of images."""

COHEN_UNKNOWN = ("todo", "Unknown")
"""Findings of Cohen's table that say nothing."""

PADCHEST_VIEWS = {"L": "LATERAL", "AP_horizontal": "AP"}
"""PadChest's words for views, but for PA and AP."""

PADCHEST_OTHER = ("COSTAL", "EXCLUDE")
"""Projections of PadChest that are no views of the chest."""


def read_nih(table: Path, reporter: Reporter) -> list[StatedFindings]:
    """ChestX-ray14's Data_Entry_2017.csv (Wang et al., CVPR 2017), of either edition."""
    meaning = {
        "Patient ID": "patient_id",
        "Patient Age": "age",
        "Patient Gender": "sex",
        "Patient Sex": "sex",
        "View Position": "view_position",
    }
    images = []
    for row in read_rows(table, ["Image Index", "Finding Labels", "Patient ID"], reporter):
        values = values_of(row, meaning)
        values["age"] = age_in_years(values.get("age", "")) or values.get("age", "")
        found = several(row["Finding Labels"], "|")
        label_row = LabelRow(table, row["Image Index"], "", values, None if found else NOT_GIVEN)
        images.append(of_findings(label_row, found))
    return images


def read_rsna(table: Path, reporter: Reporter) -> list[StatedFindings]:
    """RSNA Pneumonia Detection's stage_2_train_labels.csv or stage_2_detailed_class_info.csv.

    A patient with several boxes has several rows; they become one, with the boxes joined.
    """
    rows = read_rows(table, ["patientId"], reporter)
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
        found = [
            name for name in dict.fromkeys(_rsna_class(table, row) for row in same) if not is_missing(name)
        ]
        label_row = LabelRow(table, patient, "", values, None if found else NOT_GIVEN)
        images.append(of_findings(label_row, found))
    return images


def _rsna_class(table: Path, row: Row) -> str:
    if "class" in row:
        return row["class"]
    classes = {"1": LUNG_OPACITY, "0": f"No {LUNG_OPACITY}"}
    if row["Target"] not in classes:
        raise BadInput(f"{table}: column 'Target' holds {row['Target']!r}; known are 0 and 1")
    return classes[row["Target"]]


def read_covidx_list(table: Path, reporter: Reporter) -> list[StatedFindings]:
    """A list of COVIDx (Wang, Lin and Wong 2020): patientid filename class source."""
    return [of_findings(replace(row, label=""), [row.label]) for row in read_covidx(table, reporter)]


def read_cohen(table: Path, reporter: Reporter) -> list[StatedFindings]:
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
    for row in read_rows(table, ["patientid", "finding", "view", "modality", "filename"], reporter):
        lines = [each for each in several(row["finding"], ",") if each not in COHEN_UNKNOWN]
        parts = [several(line, "/") for line in lines]
        reason = None if parts else NOT_GIVEN
        if row["modality"].casefold() not in XRAY:
            reason = f"no X-ray: modality {row['modality'] or '-'}"
        values = values_of(row, meaning)
        values["view_position"] = row["view"].partition(" ")[0]  # AP of "AP Supine"
        label_row = LabelRow(table, row["filename"], "", values, reason)
        one = parts[0][-1] if len(parts) == 1 else None
        images.append(StatedFindings(label_row, tuple(dict.fromkeys(chain(*parts))), one=one))
    return images


def read_chexpert(table: Path, reporter: Reporter) -> list[StatedFindings]:
    """CheXpert's tables (Irvin et al., AAAI 2019): 1 found, 0 or blank not, -1 uncertain."""
    meaning = {"Path": None, "Frontal/Lateral": None, "AP/PA": None, "Sex": "sex", "Age": "age"}
    images = []
    for number, row in enumerate(read_rows(table, ["Path"], reporter), start=1):
        path = PurePosixPath(row["Path"].replace("\\", "/"))
        values = values_of(row, meaning)
        values["patient_id"] = next((part for part in path.parts if part.startswith("patient")), "")
        values["sex"] = sex_code(values.get("sex", ""))
        # The test set's table has no columns of views; the names say which are lateral.
        lateral = row.get("Frontal/Lateral", path.stem.partition("_")[2]).casefold() == "lateral"
        values["view_position"] = "LATERAL" if lateral else row.get("AP/PA", "")
        found, uncertain = stated_in_columns(table, number, row)
        label_row = LabelRow(table, row["Path"], "", values, identifying_parts=CHEXPERT_PATH_PARTS)
        images.append(of_findings(label_row, found, uncertain))
    return images


def read_padchest(table: Path, reporter: Reporter) -> list[StatedFindings]:
    """PadChest's PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv (Bustos et al. 2020).

    The reports, free text, and the dates are dropped; the age is the difference of the two years.
    """
    meaning = {
        "PatientID": "patient_id",
        "PatientSex_DICOM": "sex",
        "PatientBirth": None,
        "StudyDate_DICOM": None,
        "StudyDate": None,
        "Report": None,
    }
    images = []
    for number, row in enumerate(read_rows(table, ["ImageID", "PatientID", "Labels"], reporter), start=1):
        values = values_of(row, meaning)
        projection = row.get("Projection", "")
        values["view_position"] = PADCHEST_VIEWS.get(projection, projection)
        born, year = row.get("PatientBirth", "")[:4], row.get("StudyDate_DICOM", "")[:4]
        if born.isdecimal() and year.isdecimal():
            values["age"] = age_in_years(str(int(year) - int(born)))
        found = _python_list(table, number, row["Labels"])
        reason = None if found else NOT_GIVEN
        if projection in PADCHEST_OTHER:
            reason = f"no view of the chest: Projection {projection}"
        elif "exclude" in found:
            reason = "excluded by PadChest's readers"
        images.append(of_findings(LabelRow(table, row["ImageID"], "", values, reason), found))
    return images


def _python_list(table: Path, number: int, text: str) -> list[str]:
    """The findings of a text such as "['pleural effusion', 'cardiomegaly']", each once."""
    if is_missing(text):
        return []
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        names = None
    if not isinstance(names, list):
        raise BadInput(f"{table}: row {number}, column 'Labels' holds no list such as ['pneumonia', 'mass']")
    return list(dict.fromkeys(str(name).strip() for name in names if not is_missing(str(name))))


def read_siim(table: Path, reporter: Reporter) -> list[StatedFindings]:
    """SIIM-ACR Pneumothorax Segmentation's train-rle.csv: a row a mask, -1 for none."""
    masks_of: dict[str, list[str]] = {}
    for row in read_rows(table, ["ImageId", "EncodedPixels"], reporter):
        masks_of.setdefault(row["ImageId"], []).append(recorded(row["EncodedPixels"]))
    images = []
    for image, masks in masks_of.items():
        outlined = sum(mask not in ("", "-1") for mask in masks)
        reason = None if outlined or "-1" in masks else NOT_GIVEN
        label_row = LabelRow(table, image, "", {"masks": str(outlined)}, reason)
        if "-1" in masks and outlined:
            images.append(of_findings(label_row, (), [PNEUMOTHORAX]))
        else:
            none = [f"No {PNEUMOTHORAX}"] if "-1" in masks else []
            images.append(of_findings(label_row, [PNEUMOTHORAX] if outlined else none))
    return images
