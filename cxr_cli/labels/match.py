"""Label tables together: the image that each of their rows means."""

import os
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from cxr_cli.errors import BadInput
from cxr_cli.images.characteristics import MANIFEST_COLUMNS
from cxr_cli.images.sources import absolute, composed, image_stem
from cxr_cli.labels.formats import Published, read_published
from cxr_cli.labels.table import Columns, LabelRow, read_table
from cxr_cli.recorded_values import is_missing
from cxr_cli.reporting import SILENT, Reporter

BOX_COLUMNS = re.compile(
    r"((bbox|box|roi|rect)?[_ ]?\[?([xy]_?(min|max|center|[012])?|w|h|width|height|left|top|right|bottom)\]?)"
    r"|b?box(es)?|box_?id|bounding_?box(es)?|annotation_?id|(encoded_?)?pixels|rle|polygons?|segmentation",
    re.IGNORECASE,
)
"""Columns of which an image has several values, a row for each: boxes and outlines of findings."""

ROUNDED = re.compile(r"\d([.,]\d+)?[eE]\+\d{2,}")
"""What a spreadsheet makes of an id of more digits than it computes with: many become one."""

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Labels:
    """The rows by the image they belong to (absolute path), and how many found none.

    Attributes:
        by_image, rows_without_image: as above.
        columns: of the tables, beside those that every manifest has.
        renamed: of these, those whose own name such a one has.
        path_columns: of these, those that have the image's path in every row.
    """

    by_image: Mapping[str, LabelRow]
    rows_without_image: int
    columns: tuple[str, ...]
    renamed: tuple[str, ...]
    path_columns: tuple[str, ...]


def read_labels(
    tables: Sequence[Path],
    columns: Columns,
    images: Sequence[Path],
    sources: Sequence[Path],
    published: Published | None = None,
    reporter: Reporter = SILENT,
) -> Labels:
    """Read label tables and match their rows to images.

    Args:
        tables: their paths.
        columns: what the tables' columns mean.
        images: all that there are.
        sources: files and folders that the images were found in.
        published: the format that the tables are in, instead of `columns`.
        reporter: takes notices of how the tables were read.

    Raises:
        BadInput: a table that cannot be read or lacks a column, an id that a spreadsheet rounded, a row that
            fits several images, or two rows of one image that disagree.
    """
    rows = (
        read_published(tables, published, reporter)
        if published
        else [row for table in tables for row in read_table(table, columns, reporter)]
    )
    for row in rows:
        for name, value in (("path", row.path), ("patient id", row.values.get("patient_id", ""))):
            if ROUNDED.fullmatch(value):
                raise BadInput(
                    f"{row.table}: {name} {value!r} was rounded by a spreadsheet; export the column as text"
                )
    by_image, without_image = match_rows(rows, images, sources)
    names = dict.fromkeys(name for row in rows for name in row.values if name not in MANIFEST_COLUMNS)
    renamed = tuple(name for name in names if name.removeprefix("table_") in MANIFEST_COLUMNS)
    paths = tuple(name for name in names if all(row.values.get(name, row.path) == row.path for row in rows))
    return Labels(by_image, without_image, tuple(names), renamed, paths)


class _Match(NamedTuple):
    """What a row's path fits.

    Attributes:
        images: that its end fits equally well.
        parts: how many last parts of the path they have; EXACT where the path leads there.
        whole: whether these are all parts of the path.
    """

    images: Sequence[str]
    parts: int
    whole: bool


EXACT = 1_000_000
NOWHERE = _Match((), 0, False)


def match_rows(
    rows: Sequence[LabelRow], images: Sequence[Path], sources: Sequence[Path]
) -> tuple[dict[str, LabelRow], int]:
    """Find each row's image: by path from the table's folder, a source, or here; else by the path's end.

    The longest end of the path that an image's path has counts: folders, then the file's name, in any case
    and Unicode form, then the name without suffix. Backslashes, drives, ".", ".." and double slashes are
    understood. A row of a folder is of every image below it.

    Returns:
        The rows by their image's absolute path, and the number of rows that no image belongs to.

    Raises:
        BadInput: a row that fits several images, or two rows of one image that disagree.
    """
    paths = [absolute(image) for image in images]
    known = {composed(path): path for path in paths} | {path: path for path in paths}
    folders = [source for source in sources if source.is_dir()]
    endings = _Endings(paths)
    matches = [
        endings.below(row)
        if row.of_folder
        else (_image_by_path(row, known, folders) or endings.of_image(row))
        for row in rows
    ]
    longest: Counter[str] = Counter()
    for row, match in zip(rows, matches, strict=True):
        for image in match.images if row.of_folder or len(match.images) == 1 else ():
            longest[image] = max(longest[image], match.parts)
    rows_of: dict[str, list[LabelRow]] = defaultdict(list)
    without_image = 0
    for row, match in zip(rows, matches, strict=True):
        # `test/1.png` does not mean `train/1.png` where another row names that one with more of its path.
        meant = [image for image in match.images if match.whole or match.parts >= longest[image]]
        if not meant:
            without_image += 1
        elif row.of_folder:
            for image in meant:
                rows_of[image].append(row)
        else:
            rows_of[_only(row, match.images)].append(row)
    merged = {image: of[0] if len(of) == 1 else _merged(image, of) for image, of in rows_of.items()}
    return merged, without_image


def _image_by_path(row: LabelRow, known: Mapping[str, str], folders: Iterable[Path]) -> _Match | None:
    if not row.path:
        return NOWHERE
    for path in dict.fromkeys((row.path, _with_slashes(row.path))):
        for places in ([row.table.parent / path], [folder / path for folder in folders], [Path(path)]):
            spelled = [composed(absolute(place)) for place in places]
            found = dict.fromkeys(known[place] for place in spelled if place in known)
            if found:
                return _Match((_only(row, list(found)),), EXACT, True)
    return None


class _Endings:
    """Images by the last parts of their paths, for rows whose path leads nowhere."""

    def __init__(self, images: Sequence[str]) -> None:
        self._spelled = {image: _parts(image) for image in images}
        self._folded = {image: _folded(parts) for image, parts in self._spelled.items()}
        self._by_name = _ByEnd(self._folded)
        self._by_stem = _ByEnd({image: _with_stem(parts) for image, parts in self._folded.items()})
        self._below: dict[int, dict[Parts, list[str]]] = {}

    def of_image(self, row: LabelRow) -> _Match:
        """Find the images whose path has the longest end of a row's path; none where it is too short."""
        path = _parts(_with_slashes(row.path))
        if not path:
            return NOWHERE
        folded = _folded(path)
        images, length = self._by_name.longest(folded)
        if length < len(path):
            # The whole name may be a stem, too: UIDs and some ids have dots of their own.
            for named in (folded, _with_stem(folded)):
                others, other_length = self._by_stem.longest(named)
                if other_length > length:
                    images, length = others, other_length
        if length < row.identifying_parts:
            return NOWHERE
        # Of names that differ in case alone the one spelled as in the row.
        alike = [image for image in images if self._spelled[image][-length:] == path[-length:]]
        return _Match(alike or images, length, length == len(path))

    def below(self, row: LabelRow) -> _Match:
        """Find the images below the folder that a row is of."""
        path = _folded(_parts(_with_slashes(row.path)))
        length = len(path)
        if length not in self._below:
            self._below[length] = defaultdict(list)
            for image, parts in self._folded.items():
                for end in range(length, len(parts)):
                    self._below[length][parts[end - length : end]].append(image)
        return _Match(self._below[length].get(path, ()) if path else (), length, True)


class _ByEnd:
    """Images by any number of last parts of their paths."""

    def __init__(self, paths: Mapping[str, Parts]) -> None:
        self._paths = paths
        self._ends: dict[int, dict[Parts, list[str]]] = {}

    def longest(self, path: Parts) -> tuple[Sequence[str], int]:
        """Find the images whose paths share the most last parts with a path, and how many these are."""
        images: Sequence[str] = ()
        for length in range(1, len(path) + 1):
            at_this_length = self._of_length(length).get(path[-length:], ())
            if not at_this_length:
                return images, length - 1
            images = at_this_length
            if len(images) == 1:  # no need of an index for more
                both = zip(reversed(self._paths[images[0]]), reversed(path), strict=False)
                return images, sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both))
        return images, len(path)

    def _of_length(self, length: int) -> dict[Parts, list[str]]:
        if length not in self._ends:
            self._ends[length] = defaultdict(list)
            for image, parts in self._paths.items():
                self._ends[length][parts[-length:]].append(image)
        return self._ends[length]


def _with_slashes(path: str) -> str:
    """A path as it is written here: slashes, and neither drive nor scheme, as of C:\\x and s3://x."""
    return re.sub(r"^(?:[a-z][a-z0-9+.-]*://|[a-z]:)", "", path.replace("\\", "/"), flags=re.IGNORECASE)


def _parts(path: str) -> Parts:
    normal = posixpath.normpath(composed(path))
    return tuple(part for part in normal.split("/") if part not in ("", ".", ".."))


def _folded(parts: Parts) -> Parts:
    return tuple(part.casefold() for part in parts)


def _with_stem(parts: Parts) -> Parts:
    return (*parts[:-1], image_stem(parts[-1]))


def _only(row: LabelRow, images: Sequence[str]) -> str:
    if len(images) > 1:
        examples = " and ".join(os.path.relpath(image) for image in images[:2])
        raise BadInput(
            f"{row.table}: path {row.path!r} fits {len(images)} images ({examples}); give more of the path"
        )
    return images[0]


def _merged(image: str, rows: Sequence[LabelRow]) -> LabelRow:
    """The rows of one image as one: what they say beside boxes is the same, or said by one of them alone.

    Raises:
        BadInput: they disagree.
    """
    first = rows[0]
    values: dict[str, str] = {}
    differing = ["label"] if len({(row.label, row.reason) for row in rows}) > 1 else []
    for name in dict.fromkeys(name for row in rows for name in row.values):
        said = {row.values[name]: None for row in rows if name in row.values and row.values[name] != row.path}
        recorded = [value for value in said if not is_missing(value)]
        values[name] = next(iter(recorded or said), first.path)
        if len(recorded) > 1 and not BOX_COLUMNS.fullmatch(name):
            differing.append(name)
    if differing:
        tables = " and ".join(dict.fromkeys(str(row.table) for row in rows))
        raise BadInput(
            f"{tables}: two rows for {os.path.relpath(image)} disagree in {differing[0]!r}; keep one"
        )
    boxes = [name for name in values if BOX_COLUMNS.fullmatch(name)]
    each = dict.fromkeys(tuple(row.values.get(name, "") for name in boxes) for row in rows)
    for place, name in enumerate(boxes if len(each) > 1 else ()):
        values[name] = "; ".join(box[place] for box in each if any(box))
    return replace(first, values=values)
