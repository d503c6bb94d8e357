"""Published labels of studies, in one table, whose images stand in another."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cxr_cli.errors import BadInput
from cxr_cli.labels.findings import (
    CHEXPERT_FINDINGS,
    NOT_GIVEN,
    Row,
    StatedFindings,
    of_findings,
    read_rows,
    several,
    stated_in_columns,
    values_of,
)
from cxr_cli.labels.table import LabelRow
from cxr_cli.reporting import Reporter

UNLABELED = "no row of its study in the label tables"

MIMIC_MEANING = {
    "dicom_id": None,
    "subject_id": "patient_id",
    "ViewPosition": "view_position",
    "StudyDate": None,
    "StudyTime": None,
}
"""The dates are shifted, but dates."""

OPENI_MEANING = {"uid": "patient_id", "projection": None} | dict.fromkeys(
    ("image", "indication", "comparison", "findings", "impression")
)
"""All but the last of these are free text of the reports; an examination is of a patient of its own."""

OPENI_UNKNOWN = ("No Indexing", "Technical Quality of Image Unsatisfactory")
"""Problems of Open-i that are no findings."""


def read_mimic(tables: Sequence[Path], reporter: Reporter) -> list[StatedFindings]:
    """MIMIC-CXR-JPG's tables (Johnson et al. 2019), findings by study: 1, -1; 0 and blank are neither.

    Of mimic-cxr-2.0.0-chexpert or -negbio alone, a study is of the images below pSUBJECT/sSTUDY. With
    -metadata or -split beside it, images are known by dicom_id, wherever they are, and their views too.
    """
    studies: dict[str, StatedFindings] = {}
    images: dict[str, dict[str, str]] = {}
    for table in tables:
        rows = read_rows(table, ["study_id"], reporter)
        labeled = bool(rows) and any(name in rows[0] for name in CHEXPERT_FINDINGS)
        if not labeled and not (rows and "dicom_id" in rows[0]):
            raise BadInput(f"{table}: neither findings, such as 'Pneumonia', nor a column 'dicom_id'")
        for number, row in enumerate(rows, start=1):
            if labeled:
                folder = LabelRow(table, _mimic_folder(row), "", row, of_folder=True)
                stated = of_findings(folder, *stated_in_columns(table, number, row))
                before = studies.setdefault(row["study_id"], stated)
                if (before.found, before.uncertain) != (stated.found, stated.uncertain):
                    raise BadInput(
                        f"{table}: row {number}: study_id {row['study_id']} has other findings in "
                        f"{before.row.table}; give one table of findings"
                    )
            if "dicom_id" in row:
                images.setdefault(row["dicom_id"], {}).update(row)
    if not studies:
        raise BadInput(f"{tables[0]}: no findings; give mimic-cxr-2.0.0-chexpert.csv.gz, too")
    if not images:
        return [
            replace(study, row=replace(study.row, values=values_of(study.row.values, MIMIC_MEANING)))
            for study in studies.values()
        ]
    joined = []
    for image, row in images.items():
        unlabeled = StatedFindings(LabelRow(tables[0], image, "", {}, UNLABELED), ())
        study = studies.get(row["study_id"], unlabeled)
        values = values_of({**study.row.values, **row}, MIMIC_MEANING)
        joined.append(replace(study, row=replace(study.row, path=image, values=values, of_folder=False)))
    return joined


def _mimic_folder(row: Row) -> str:
    study = f"s{row['study_id']}"
    return f"p{row['subject_id']}/{study}" if row.get("subject_id") else study


def read_openi(tables: Sequence[Path], reporter: Reporter) -> list[StatedFindings]:
    """Open-i's Indiana collection (Demner-Fushman et al. 2016): indiana_projections and indiana_reports.

    Findings are the Problems of the report; those of MeSH, as "Opacity/lung/upper lobe/left", count by their
    first part where there are no Problems.
    """
    reports: dict[str, tuple[Path, Row]] = {}
    images: list[tuple[Path, Row]] = []
    for table in tables:
        rows = read_rows(table, ["uid"], reporter)
        if not rows or not {"filename", "Problems", "MeSH"} & rows[0].keys():
            raise BadInput(f"{table}: no column 'filename', 'Problems' or 'MeSH'")
        if "filename" in rows[0]:
            images += [(table, row) for row in rows]
        if {"Problems", "MeSH"} & rows[0].keys():
            reports |= {row["uid"]: (table, row) for row in rows}
    for there, column, name in ((images, "filename", "projections"), (reports, "Problems", "reports")):
        if not there:
            raise BadInput(f"{tables[0]}: no column {column!r}; give indiana_{name}.csv, too")
    stated = []
    for table, row in images:
        _, report = reports.get(row["uid"], (table, {}))
        values = values_of({**report, **row}, OPENI_MEANING)
        if row.get("projection", "").casefold() == "lateral":
            values["view_position"] = "LATERAL"
        found = _problems(report)
        reason = None if found else NOT_GIVEN if report else UNLABELED
        stated.append(of_findings(LabelRow(table, row["filename"], "", values, reason), found))
    return stated


def _problems(report: Mapping[str, str]) -> list[str]:
    stated = several(report.get("Problems", ""), ";") or [
        heading.partition("/")[0].strip() for heading in several(report.get("MeSH", ""), ";")
    ]
    return list(dict.fromkeys(name for name in stated if name not in OPENI_UNKNOWN))
