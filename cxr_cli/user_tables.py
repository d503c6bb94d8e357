"""Tables that people bring, as spreadsheets and other programs save them: read as text, or refused.

The one reader of label tables, predictions of other tools and readers' calls. The tool's own files are read
by `artifacts.read_csv`.
"""

import csv
import gzip
import io
import re
import warnings
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from cxr_cli.errors import BadInput, no_column
from cxr_cli.recorded_values import is_missing
from cxr_cli.reporting import SILENT, Reporter

if TYPE_CHECKING:
    from _csv import Reader

    import pandas as pd

MAX_BYTES = 2**31
"""A table unpacked: the largest published one, of 377,110 images, has 60 MB."""

SEPARATORS = ("\t", ";", ",", "|")
"""Of two that suit alike the first: texts and numbers hold commas more often than tabs."""
EXAMINED_ROWS = 50
"""Rows by which the separator is chosen."""

SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[ \t,;]*(\r\n|\r|\n)', re.IGNORECASE)
"""Excel's own first line, which names the separator."""

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
WORKBOOK = "xl/workbook.xml"

OTHER_FILES = {
    b"\xd0\xcf\x11\xe0": "an Excel file of the old format, or an encrypted one; save it as .xlsx or CSV",
    b"%PDF": "a PDF; save the table as CSV",
    b"PAR1": "a Parquet file; save it as CSV",
    b"BZh": "packed by bzip2; unpack it",
    b"\xfd7zXZ": "packed by xz; unpack it",
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file itself",
    b"<!doctype": "a web page; download the table itself",
    b"<html": "a web page; download the table itself",
    b"<?xml": "an XML file; save it as .xlsx or CSV",
}
"""Files that are taken for tables, by their first bytes in lower case, and what to do."""

BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}

DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
WHOLE_NUMBER = re.compile(r"[-+]?\d+([eE][-+]?\d+)?")
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
"""1,234 may be a thousand: a column of such values alone is left as it is."""


INVISIBLE = "\ufeff\u200b"
"""A second byte order mark, as joined files have, and spaces of no width."""


class _Row(NamedTuple):
    number: int
    fields: list[str]


def read_user_table(
    path: Path,
    required: Sequence[str] = (),
    *,
    known: Sequence[str] = (),
    unique: bool = False,
    reporter: Reporter = SILENT,
) -> "pd.DataFrame":
    """Read a table with every value as text, without the blanks around it ("007" stays "007"); missing is "".

    Text in UTF-8, in UTF-16 or UTF-32 with a byte order mark, or else in Windows-1252, which is reported;
    fields separated by comma, semicolon, tab or |, quoted or not; any line ends; a first line `sep=;`; packed
    by gzip, or alone in a zip archive. Or an Excel workbook (.xlsx) with one sheet that is not empty.

    Rows and unnamed columns without any value are left out, and a first unnamed column of a number each.
    Decimal commas of a text with semicolons or tabs become points, which is reported. A required or known
    column that is there with other capitals only gets its required name.

    Args:
        path: of the table.
        required: columns that it must have.
        known: columns that it may have.
        unique: refuse any column that is there twice, not a required or known one alone.
        reporter: takes notices.

    Raises:
        BadInput: it is missing, damaged or something else, has rows longer than its header, lacks a required
            column or has one twice. The message says what to do.
    """
    expected = (*required, *known)
    content = _unpacked(path, _bytes(path))
    if content.startswith(ZIP):
        separator, rows = "", _rows_of_workbook(path, content)
    else:
        separator, rows = _rows_of_text(path, _decoded(path, content, reporter), expected)
    rows = [row for row in rows if any(row.fields)]
    if not rows:
        raise BadInput(f"{path}: has no row")
    columns = _columns(path, rows, expected, unique)
    for name in required:
        if name not in columns:
            raise BadInput(f"{path}: {no_column(name, columns)}")
    if separator in (";", "\t"):
        _put_decimal_points(path, columns, reporter)
    import pandas as pd

    return pd.DataFrame(columns)


def read_user_text(path: Path, *, reporter: Reporter = SILENT) -> str:
    """Read a text of any of the encodings and packings of `read_user_table`.

    Raises:
        BadInput: it is missing, damaged or something else.
    """
    return _decoded(path, _unpacked(path, _bytes(path)), reporter)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({type(error).__name__})") from error


def _unpacked(path: Path, content: bytes) -> bytes:
    """The content of a file that is packed by gzip or alone in a zip archive; workbooks stay as they are."""
    try:
        if content.startswith(GZIP):
            with gzip.open(io.BytesIO(content)) as stream:
                return _within_bounds(path, stream.read(MAX_BYTES + 1))
        if not content.startswith(ZIP):
            return content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if WORKBOOK in names:
                return content
            tables = [name for name in names if _is_table_in_archive(name)]
            if path.suffix.lower() in (".xlsx", ".xlsm", ".ods", ".numbers") or "mimetype" in names:
                raise BadInput(f"{path}: is no Excel workbook that can be read; save it as .xlsx or CSV")
            if len(tables) != 1:
                raise BadInput(
                    f"{path}: holds {len(tables)} files, one table is needed; unpack it and name the table"
                )
            with archive.open(tables[0]) as member:
                return _unpacked(path, _within_bounds(path, member.read(MAX_BYTES + 1)))
    except BadInput:
        raise
    except Exception as error:  # zipfile and gzip raise anything on damaged data
        raise BadInput(f"{path}: cannot be unpacked ({type(error).__name__}); is it whole?") from error


def _is_table_in_archive(name: str) -> bool:
    """Whether a member is neither a folder nor one of the files that macOS adds."""
    return not (name.endswith("/") or "__MACOSX" in name or PurePosixPath(name).name.startswith("."))


def _within_bounds(path: Path, content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise BadInput(f"{path}: unpacks to more than {MAX_BYTES:,} bytes")
    return content


def _decoded(path: Path, content: bytes, reporter: Reporter) -> str:
    for start, what in OTHER_FILES.items():
        if content[: len(start)].lower() == start.lower():
            raise BadInput(f"{path}: is {what}")
    marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if content.startswith(mark)), None)
    encodings = [marked] if marked else ["utf-8", "cp1252"]
    for encoding in encodings if marked or b"\0" not in content else []:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "cp1252":
            reporter.say(f"{path}: is not UTF-8, read as Windows-1252; check letters with accents")
        return text
    raise BadInput(f"{path}: is no text that can be read; save it as CSV in UTF-8")


def _rows_of_text(path: Path, text: str, expected: Sequence[str]) -> tuple[str, list[_Row]]:
    """The separator, and the rows with their line numbers."""
    named = SEPARATOR_LINE.match(text)
    if named:
        separator, text = named[1], text[named.end() :]
    else:
        separator = max(SEPARATORS, key=lambda one: _likelihood(text, one, expected))
    reader = _reader(text, separator)
    first = 2 if named else 1
    rows, line = [], first
    try:
        for fields in reader:
            rows.append(_Row(line, [_plain(field) for field in fields]))
            line = reader.line_num + first
    except csv.Error as error:
        raise BadInput(f"{path}: line {line}: cannot be read as fields ({error})") from None
    return separator, rows


def _plain(field: str) -> str:
    """A value without what is not seen in a spreadsheet: blanks around it, and ="007", which keeps zeros."""
    value = field.strip().strip(INVISIBLE)
    return value[2:-1] if value.startswith('="') and value.endswith('"') else value


def _reader(text: str, separator: str) -> "Reader":
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)


def _likelihood(text: str, separator: str, expected: Sequence[str]) -> tuple[int, bool, int]:
    """How well a separator suits: expected columns found, rows as long as the header, fields in it."""
    rows: list[list[str]] = []
    with suppress(csv.Error):  # the rows above the damage show the separator, too
        rows.extend(row for row in islice(_reader(text, separator), EXAMINED_ROWS) if row)
    if not rows or len(rows[0]) == 1:
        return 0, False, 0
    header = {_plain(field).casefold() for field in rows[0]}
    found = sum(name.casefold() in header for name in expected)
    return found, all(len(row) == len(rows[0]) for row in rows), len(rows[0])


def _rows_of_workbook(path: Path, content: bytes) -> list[_Row]:
    """The rows of a workbook's one sheet that is not empty, with the numbers that Excel shows."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and validation, which no table has need of
            sheets = pd.read_excel(
                io.BytesIO(content), None, header=None, dtype=str, na_filter=False, engine="openpyxl"
            )
    except ImportError:
        raise BadInput(
            f"{path}: reading Excel workbooks needs openpyxl; `pip install openpyxl`, or save it as CSV"
        ) from None
    except Exception as error:  # openpyxl raises anything on damaged workbooks
        raise BadInput(
            f"{path}: is no Excel workbook that can be read ({type(error).__name__}); save it as CSV"
        ) from error
    filled = {name: sheet for name, sheet in sheets.items() if not sheet.empty}
    if len(filled) > 1:
        raise BadInput(
            f"{path}: has {len(filled)} sheets that are not empty ({', '.join(map(repr, filled))}); "
            "save the one that is meant as CSV"
        )
    return [
        _Row(number, [_plain(str(value)) for value in row])
        for sheet in filled.values()
        for number, row in enumerate(sheet.itertuples(index=False), start=1)
    ]


def _columns(path: Path, rows: Sequence[_Row], expected: Sequence[str], unique: bool) -> dict[str, list[str]]:
    """The columns by name, without those that say nothing."""
    header, *body = rows
    width = len(header.fields)
    for row in body:
        if any(row.fields[width:]):
            raise BadInput(
                f"{path}: row {row.number} has {len(row.fields)} fields, the header {width}; "
                "values that hold the separator must be quoted"
            )
    names = _names(path, header.fields, expected, unique)
    columns = {
        name: [row.fields[place] if place < len(row.fields) else "" for row in body]
        for place, name in enumerate(names)
    }
    unnamed = [name for name, given in zip(names, header.fields, strict=True) if not given]
    for name in unnamed:
        numbers = columns[name]
        index = name == names[0] and all(map(str.isdecimal, numbers)) and len({*numbers}) == len(numbers)
        if index or not any(numbers):
            del columns[name]
    return columns


def _names(path: Path, header: Sequence[str], expected: Sequence[str], unique: bool) -> list[str]:
    """The columns' names: unique, and the expected ones as they are expected."""
    spelled = {name.casefold(): name for name in reversed(expected) if name not in header}
    names = [given if given in expected else spelled.get(given.casefold(), given) for given in header]
    for name in dict.fromkeys(filter(None, names)) if unique else expected:
        if names.count(name) > 1:
            raise BadInput(f"{path}: has {names.count(name)} columns {name!r}; rename or delete one")
    found: dict[str, None] = {}
    for place, name in enumerate(names):
        spellings = (name or f"Unnamed: {place}", *(f"{name}.{again}" for again in range(1, len(names) + 1)))
        found[next(spelling for spelling in spellings if spelling not in found)] = None
    return list(found)


def _put_decimal_points(path: Path, columns: dict[str, list[str]], reporter: Reporter) -> None:
    changed = []
    for name, values in columns.items():
        known = [value for value in values if not is_missing(value)]
        commas = [value for value in known if DECIMAL_COMMA.fullmatch(value)]
        others = len(known) - len(commas) - sum(bool(WHOLE_NUMBER.fullmatch(value)) for value in known)
        if commas and not others and not all(THOUSANDS.fullmatch(value) for value in commas):
            columns[name] = [value.replace(",", ".") for value in values]
            changed.append(name)
    if changed:
        reporter.say(f"{path}: decimal commas read as points, columns {', '.join(map(repr, changed))}")
