"""One label table: its rows, by the columns that the user names, or of a COVIDx list."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from cxr_cli.errors import BadInput, no_column
from cxr_cli.images.characteristics import FROM_TABLE, MANIFEST_COLUMNS
from cxr_cli.images.sources import composed, has_image_suffix
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.user_tables import read_user_table, read_user_text

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
        path: the image's, as written; where `of_folder`, that of a folder of images.
        label: the image's class; "" where it has none.
        values: by manifest column.
        reason: why the image is to be left out, None where it is not.
        identifying_parts: how many parts of the path, from its end, identify the image where the
            path leads nowhere; 1: its name does.
        of_folder: whether the row is of every image below a folder, as of a study.
    """

    table: Path
    path: str
    label: str
    values: Mapping[str, str]
    reason: str | None = None
    identifying_parts: int = 1
    of_folder: bool = False


def read_table(table: Path, columns: Columns, reporter: Reporter = SILENT) -> list[LabelRow]:
    """Read one label table: see `read_user_table`; or a COVIDx list, a .txt without the path column.

    Columns are also found under other capitals: path, label, patient, and those that a manifest has.

    Raises:
        BadInput: the table cannot be read, lacks a column, or has a line of too few fields.
    """
    if ".txt" in map(str.lower, table.suffixes) and not _names_column(read_user_text(table), columns.path):
        return read_covidx(table, reporter)
    patient = columns.patient or PATIENT_COLUMN
    known = dict.fromkeys((columns.path, columns.label, patient, *MANIFEST_COLUMNS))
    content = read_user_table(table, known=list(known), reporter=reporter)
    for meaning, column in asdict(columns).items():
        if column is not None and column not in content.columns:
            missing = no_column(column, map(str, content.columns))
            raise BadInput(f"{table}: {missing}; give `{meaning}_column`")
    renamed = {columns.label: None, patient: "patient_id"}
    names = {name: renamed.get(name, own_column(name)) for name in map(str, content.columns)}
    return [
        LabelRow(
            table,
            row[columns.path],
            composed(row[columns.label]),
            {own: row[name] for name, own in names.items() if own is not None},
        )
        for row in content.to_dict(orient="records")
    ]


def own_column(name: str) -> str:
    """Return the manifest column of a user's column: its own name, unless that is taken."""
    reserved = name in MANIFEST_COLUMNS and (name not in FROM_TABLE or name == "patient_id")
    return f"table_{name}" if reserved else name


def _names_column(text: str, column: str) -> bool:
    """Whether one of the first lines, of which one may name the separator, has a column's name."""
    lines = text.splitlines()[:2]
    fields = [field for line in lines for field in (*re.split(r"[,;\t|]", line), *line.split())]
    return column.casefold() in {field.strip(' "').casefold() for field in fields}


def read_covidx(table: Path, reporter: Reporter = SILENT) -> list[LabelRow]:
    """Read a COVIDx list: an image a line, of patient, file, class and, in most editions, source.

    A patient id may hold spaces: fields are counted from the file's name, or else from the right.

    Raises:
        BadInput: it cannot be read, or has a line of too few fields.
    """
    stem = table.name.partition(".")[0]
    listed_in = next((subset for subset in ("train", "test") if stem.lower().startswith(subset)), stem)
    rows = []
    for number, line in enumerate(read_user_text(table, reporter=reporter).splitlines(), start=1):
        words = line.split()
        if not words or (number == 1 and line.casefold().split() == list(COVIDX_FIELDS[: len(words)])):
            continue
        third, second = (has_image_suffix(PurePosixPath(words[-place:][0])) for place in (3, 2))
        without_source = len(words) == 3 or (second and not third)
        fields = line.strip().rsplit(None, 2 if without_source else 3)
        if len(fields) < 3:
            wanted = " ".join(COVIDX_FIELDS[:3])
            raise BadInput(
                f"{table}: line {number} has {len(fields)} fields; a COVIDx list has {wanted!r} and, in most "
                "editions, the source; of a table, give `path_column`"
            )
        patient, path, label = fields[:3]
        collection = {} if without_source else {"collection": fields[3]}
        values = {"patient_id": patient, "path": path, **collection, "listed_in": listed_in}
        rows.append(LabelRow(table, path, label, values))
    return rows
