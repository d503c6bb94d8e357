"""Label tables: reading them, and finding the film that each row means."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cxr_cli.artifacts import read_csv
from cxr_cli.dataset.characteristics import FROM_TABLE, MANIFEST_COLUMNS
from cxr_cli.dataset.sources import absolute
from cxr_cli.errors import BadInput

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
    """One row of a label table: the film's path as written, its label, and values by manifest column."""

    table: Path
    path: str
    label: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Labels:
    """The rows by the film they belong to (absolute path), and how many found none."""

    by_film: Mapping[str, LabelRow]
    rows_without_film: int
    columns: tuple[str, ...]
    renamed: tuple[str, ...]


def read_labels(
    tables: Sequence[Path], columns: Columns, films: Sequence[Path], sources: Sequence[Path]
) -> Labels:
    """Read label tables and match their rows to films.

    Raises:
        BadInput: a table that cannot be read or lacks a column, a row that fits several films, or two rows
            of one film that disagree.
    """
    rows = [row for table in tables for row in read_table(table, columns)]
    by_film, without_film = match_rows(rows, films, sources)
    names = dict.fromkeys(name for row in rows for name in row.values if name not in MANIFEST_COLUMNS)
    renamed = tuple(name for name in names if name.removeprefix("table_") in MANIFEST_COLUMNS)
    return Labels(by_film, without_film, tuple(names), renamed)


def read_table(table: Path, columns: Columns) -> list[LabelRow]:
    """Read one label table: CSV, TSV or a COVIDx list (a .txt file whose first line lacks the path column).

    Raises:
        BadInput: the table cannot be read, lacks a column, or has a line of too few fields.
    """
    first_line = _first_line(table)
    separator = "\t" if "\t" in first_line else ","
    header = [name.strip().strip('"') for name in first_line.split(separator)]
    if table.suffix.lower() == ".txt" and columns.path not in header:
        return _read_covidx(table)
    required = [columns.path, columns.label, *([columns.patient] if columns.patient else [])]
    content = read_csv(table, required=required, separator=separator)
    patient = columns.patient or PATIENT_COLUMN
    meaning = {columns.label: None, patient: "patient_id"}
    names = {name: meaning.get(name, _own_column(name)) for name in map(str, content.columns)}
    return [
        LabelRow(
            table,
            row[columns.path].strip(),
            row[columns.label].strip(),
            {own: row[name].strip() for name, own in names.items() if own is not None},
        )
        for row in content.to_dict(orient="records")
    ]


def _own_column(name: str) -> str:
    """The manifest column of a user's column: its own name, unless that is taken."""
    reserved = name in MANIFEST_COLUMNS and (name not in FROM_TABLE or name == "patient_id")
    return f"table_{name}" if reserved else name


def _read_covidx(table: Path) -> list[LabelRow]:
    """Read a COVIDx list, a film a line; split from the right, for a patient id may hold spaces."""
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


def match_rows(
    rows: Sequence[LabelRow], films: Sequence[Path], sources: Sequence[Path]
) -> tuple[dict[str, LabelRow], int]:
    """Find each row's film: by path from the table's folder, a source, or here; else by unique name or stem.

    Returns:
        The rows by their film's absolute path, and the number of rows that no film belongs to.

    Raises:
        BadInput: a row that fits several films, or two rows of one film that disagree.
    """
    known = {absolute(film) for film in films}
    folders = [source for source in sources if source.is_dir()]
    exact = [_film_by_path(row, known, folders) for row in rows]
    named = _FilmsByName(films, taken={film for film in exact if film is not None})
    matched: dict[str, LabelRow] = {}
    without_film = 0
    for row, film_by_path in zip(rows, exact, strict=True):
        film = film_by_path or named.find(row)
        if film is None:
            without_film += 1
        else:
            matched[film] = _merge(film, matched[film], row) if film in matched else row
    return matched, without_film


def _film_by_path(row: LabelRow, known: set[str], folders: Iterable[Path]) -> str | None:
    if not row.path:
        return None
    beside_table = absolute(row.table.parent / row.path)
    if beside_table in known:
        return beside_table
    below_sources = list(
        dict.fromkeys(film for folder in folders if (film := absolute(folder / row.path)) in known)
    )
    if below_sources:
        return _only(row, below_sources)
    as_given = absolute(Path(row.path))
    return as_given if as_given in known else None


class _FilmsByName:
    """Films by file name and by stem, for rows whose path leads nowhere."""

    def __init__(self, films: Sequence[Path], taken: set[str]) -> None:
        self._taken = taken
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for film in films:
            self._by_name[film.name].append(absolute(film))
            self._by_stem[film.stem].append(absolute(film))

    def find(self, row: LabelRow) -> str | None:
        path = PurePosixPath(row.path.replace("\\", "/"))
        # The whole name may be a stem too: UIDs and some ids have dots of their own.
        for films in (
            self._by_name.get(path.name),
            self._by_stem.get(path.name),
            self._by_stem.get(path.stem),
        ):
            if films:
                film = _only(row, films)
                # `test/1.png` does not mean `train/1.png` where another row names that one in full.
                return None if film in self._taken and len(path.parts) > 1 else film
        return None


def _only(row: LabelRow, films: Sequence[str]) -> str:
    if len(films) > 1:
        examples = " and ".join(os.path.relpath(film) for film in films[:2])
        raise BadInput(
            f"{row.table}: path {row.path!r} fits {len(films)} films ({examples}); give more of the path"
        )
    return films[0]


def _merge(film: str, one: LabelRow, other: LabelRow) -> LabelRow:
    shared = (one.values.keys() & other.values.keys()) - {"path"}
    differing = sorted(name for name in shared if one.values[name] != other.values[name])
    if one.label != other.label:
        differing.insert(0, "label")
    if differing:
        tables = " and ".join(dict.fromkeys((str(one.table), str(other.table))))
        raise BadInput(
            f"{tables}: two rows for {os.path.relpath(film)} disagree in {differing[0]!r}; keep one"
        )
    return LabelRow(one.table, one.path, one.label, {**other.values, **one.values})
