"""One label table: its rows, by the columns that the user names, or of a COVIDx list."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cxr_cli.artifacts import read_csv
from cxr_cli.errors import BadInput
from cxr_cli.images.characteristics import FROM_TABLE, MANIFEST_COLUMNS

PATIENT_COLUMN = "patient_id"
COVIDX_FIELDS = ("patientid", "filename", "class", "source")


@dataclass(frozen=True)
class Columns:
    """Which columns of a label table mean what; without `patient` it is patient_id, where that is there."""

    path: str = "path"
    label: str = "label"
    patient: str | None = None


@dataclass(frozen=True)
class LabelRow:
    """One row of a label table.

    Attributes:
        table: where it stands.
        path: the image's, as written.
        label: the image's class; "" where it has none.
        values: by manifest column.
        reason: why the image is to be left out, None where it is not.
        identifying_parts: how many parts of the path, from its end, identify the image where the
            path leads nowhere; 1: its name does.
    """

    table: Path
    path: str
    label: str
    values: Mapping[str, str]
    reason: str | None = None
    identifying_parts: int = 1


def read_table(table: Path, columns: Columns) -> list[LabelRow]:
    """Read one label table: CSV, TSV or a COVIDx list (a .txt file whose first line lacks the path column).

    Raises:
        BadInput: the table cannot be read, lacks a column, or has a line of too few fields.
    """
    first_line = _first_line(table)
    separator = "\t" if "\t" in first_line else ","
    header = [name.strip().strip('"') for name in first_line.split(separator)]
    if table.suffix.lower() == ".txt" and columns.path not in header:
        return read_covidx(table)
    content = read_csv(table, separator=separator)
    for meaning, column in asdict(columns).items():
        if column is not None and column not in content.columns:
            there = ", ".join(map(repr, content.columns))
            raise BadInput(f"{table}: no column {column!r}; it has {there}; give `{meaning}_column`")
    patient = columns.patient or PATIENT_COLUMN
    renamed = {columns.label: None, patient: "patient_id"}
    names = {name: renamed.get(name, own_column(name)) for name in map(str, content.columns)}
    return [
        LabelRow(
            table,
            row[columns.path].strip(),
            row[columns.label].strip(),
            {own: row[name].strip() for name, own in names.items() if own is not None},
        )
        for row in content.to_dict(orient="records")
    ]


def own_column(name: str) -> str:
    """Return the manifest column of a user's column: its own name, unless that is taken."""
    reserved = name in MANIFEST_COLUMNS and (name not in FROM_TABLE or name == "patient_id")
    return f"table_{name}" if reserved else name


def read_covidx(table: Path) -> list[LabelRow]:
    """Read a COVIDx list, an image a line; split from the right, for a patient id may hold spaces.

    Raises:
        BadInput: it cannot be read, or has a line of too few fields.
    """
    stem = table.stem
    listed_in = next((subset for subset in ("train", "test") if stem.lower().startswith(subset)), stem)
    rows = []
    for number, line in enumerate(_text(table).splitlines(), start=1):
        fields = line.strip().rsplit(None, len(COVIDX_FIELDS) - 1)
        if not fields:
            continue
        if len(fields) < len(COVIDX_FIELDS):
            wanted = " ".join(COVIDX_FIELDS)
            raise BadInput(f"{table}: line {number} has {len(fields)} fields; a COVIDx list has {wanted!r}")
        patient, path, label, collection = fields
        values = {"patient_id": patient, "path": path, "collection": collection, "listed_in": listed_in}
        rows.append(LabelRow(table, path, label, values))
    return rows


def _first_line(table: Path) -> str:
    return next(iter(_text(table).splitlines()), "")


def _text(table: Path) -> str:
    try:
        return table.read_text("utf-8-sig")
    except FileNotFoundError:
        raise BadInput(f"{table}: no such file") from None
    except (UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{table}: cannot be read as text ({type(error).__name__})") from error
