"""Published label tables with a row for each reader of an image, or for each box that a reader drew."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cxr_cli.errors import BadInput
from cxr_cli.labels.findings import Row, StatedFindings, of_findings, read_rows
from cxr_cli.labels.table import LabelRow
from cxr_cli.recorded_values import is_missing, recorded
from cxr_cli.reporting import Reporter

NO_FINDING = "No finding"

ONE_READING = ""
"""The reader of tables that have one consensus for each image."""

FOUND, NOT_FOUND = ("1", "1.0"), ("0", "0.0")

BOX = ("x_min", "y_min", "x_max", "y_max")


def read_vindr(table: Path, reporter: Reporter) -> list[StatedFindings]:
    """VinDr-CXR's and VinDr-PCXR's tables (Nguyen et al. 2022), and VinBigData's train.csv of Kaggle.

    An image_labels file has a row for each image and reader, of the test set for each image, and a column for
    each finding; an annotations file has a row for each box. What more than half of an image's readers found
    counts, what just half of them found is uncertain.
    """
    rows = read_rows(table, ["image_id"], reporter)
    by_box = bool(rows) and "class_name" in rows[0]
    columns = [] if by_box else _columns_of_findings(table, rows)
    readings: dict[str, dict[str, dict[str, None]]] = {}
    boxes: dict[str, list[str]] = {}
    for row in rows:
        found = [row["class_name"]] if by_box else [name for name in columns if row[name] in FOUND]
        reading = readings.setdefault(row["image_id"], {}).setdefault(recorded(row.get("rad_id", "")), {})
        reading.update(dict.fromkeys(name for name in found if not is_missing(name)))
        if by_box and row.get(BOX[0]):
            drawn = (row.get("rad_id", ""), row["class_name"], *(row.get(side, "") for side in BOX))
            boxes.setdefault(row["image_id"], []).append(" ".join(drawn))
    return [
        _majority(table, image, of_image, {"boxes": "; ".join(boxes.get(image, ()))} if by_box else {})
        for image, of_image in readings.items()
    ]


def _columns_of_findings(table: Path, rows: Sequence[Row]) -> list[str]:
    """The columns of 0 and 1.

    Raises:
        BadInput: one of them has another value, or there is none for images without a finding.
    """
    columns = []
    for name in dict.fromkeys(rows[0] if rows else ()):
        others = [number for number, row in enumerate(rows, start=1) if row[name] not in (*FOUND, *NOT_FOUND)]
        if 0 < len(others) < len(rows) / 2:
            value = rows[others[0] - 1][name]
            raise BadInput(f"{table}: row {others[0]}, column {name!r} holds {value!r}; known are 0 and 1")
        if not others:
            columns.append(name)
    if NO_FINDING not in columns:
        raise BadInput(
            f"{table}: no column 'class_name' and no column {NO_FINDING!r} of 0 and 1; an annotations file "
            "or an image_labels file of VinDr is needed"
        )
    return columns


def _majority(
    table: Path, image: str, readings: dict[str, dict[str, None]], values: dict[str, str]
) -> StatedFindings:
    votes = Counter(name for reading in readings.values() for name in reading)
    found = [name for name, count in votes.items() if 2 * count > len(readings)]
    uncertain = [name for name, count in votes.items() if 2 * count == len(readings)]
    readers = {name: tuple(reading) for name, reading in readings.items() if name != ONE_READING}
    return of_findings(LabelRow(table, image, "", values), found, uncertain, readers)
