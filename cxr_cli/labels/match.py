"""Label tables together: the image that each of their rows means."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from cxr_cli.errors import BadInput
from cxr_cli.images.characteristics import MANIFEST_COLUMNS
from cxr_cli.images.sources import absolute
from cxr_cli.labels.formats import CHEXPERT_PATH_PARTS, Published, read_published
from cxr_cli.labels.table import Columns, LabelRow, read_table

IDENTIFYING_PARTS = (CHEXPERT_PATH_PARTS,)
"""How many last parts of a path may be needed to identify an image, see LabelRow."""


@dataclass(frozen=True)
class Labels:
    """The rows by the image they belong to (absolute path), and how many found none."""

    by_image: Mapping[str, LabelRow]
    rows_without_image: int
    columns: tuple[str, ...]
    renamed: tuple[str, ...]


def read_labels(
    tables: Sequence[Path],
    columns: Columns,
    images: Sequence[Path],
    sources: Sequence[Path],
    published: Published | None = None,
) -> Labels:
    """Read label tables and match their rows to images.

    Args:
        tables: their paths.
        columns: what the tables' columns mean.
        images: all that there are.
        sources: files and folders that the images were found in.
        published: the format that the tables are in, instead of `columns`.

    Raises:
        BadInput: a table that cannot be read or lacks a column, a row that fits several images, or two rows
            of one image that disagree.
    """
    rows = [
        row
        for table in tables
        for row in (read_published(table, published) if published else read_table(table, columns))
    ]
    by_image, without_image = match_rows(rows, images, sources)
    names = dict.fromkeys(name for row in rows for name in row.values if name not in MANIFEST_COLUMNS)
    renamed = tuple(name for name in names if name.removeprefix("table_") in MANIFEST_COLUMNS)
    return Labels(by_image, without_image, tuple(names), renamed)


def match_rows(
    rows: Sequence[LabelRow], images: Sequence[Path], sources: Sequence[Path]
) -> tuple[dict[str, LabelRow], int]:
    """Find each row's image: by path from the table's folder, a source, or here; else by unique name or stem.

    Returns:
        The rows by their image's absolute path, and the number of rows that no image belongs to.

    Raises:
        BadInput: a row that fits several images, or two rows of one image that disagree.
    """
    known = {absolute(image) for image in images}
    folders = [source for source in sources if source.is_dir()]
    exact = [_image_by_path(row, known, folders) for row in rows]
    named = _ImagesByName(images, taken={image for image in exact if image is not None})
    matched: dict[str, LabelRow] = {}
    without_image = 0
    for row, image_by_path in zip(rows, exact, strict=True):
        image = image_by_path or named.find(row)
        if image is None:
            without_image += 1
        else:
            matched[image] = _merge(image, matched[image], row) if image in matched else row
    return matched, without_image


def _image_by_path(row: LabelRow, known: set[str], folders: Iterable[Path]) -> str | None:
    if not row.path:
        return None
    beside_table = absolute(row.table.parent / row.path)
    if beside_table in known:
        return beside_table
    below_sources = list(
        dict.fromkeys(image for folder in folders if (image := absolute(folder / row.path)) in known)
    )
    if below_sources:
        return _only(row, below_sources)
    as_given = absolute(Path(row.path))
    return as_given if as_given in known else None


class _ImagesByName:
    """Images by file name, by stem and by the last parts of paths, for rows whose path leads nowhere."""

    def __init__(self, images: Sequence[Path], taken: set[str]) -> None:
        self._taken = taken
        self._by_end: dict[tuple[str, ...], list[str]] = defaultdict(list)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for image in images:
            self._by_name[image.name].append(absolute(image))
            self._by_stem[image.stem].append(absolute(image))
            for parts in IDENTIFYING_PARTS:
                self._by_end[image.parts[-parts:]].append(absolute(image))

    def find(self, row: LabelRow) -> str | None:
        path = PurePosixPath(row.path.replace("\\", "/"))
        if row.identifying_parts > 1:
            ending = self._by_end.get(path.parts[-row.identifying_parts :])
            return _only(row, ending) if ending else None
        # The whole name may be a stem too: UIDs and some ids have dots of their own.
        for images in (
            self._by_name.get(path.name),
            self._by_stem.get(path.name),
            self._by_stem.get(path.stem),
        ):
            if images:
                image = _only(row, images)
                # `test/1.png` does not mean `train/1.png` where another row names that one in full.
                return None if image in self._taken and len(path.parts) > 1 else image
        return None


def _only(row: LabelRow, images: Sequence[str]) -> str:
    if len(images) > 1:
        examples = " and ".join(os.path.relpath(image) for image in images[:2])
        raise BadInput(
            f"{row.table}: path {row.path!r} fits {len(images)} images ({examples}); give more of the path"
        )
    return images[0]


def _merge(image: str, one: LabelRow, other: LabelRow) -> LabelRow:
    shared = (one.values.keys() & other.values.keys()) - {"path"}
    differing = sorted(name for name in shared if one.values[name] != other.values[name])
    if (one.label, one.reason) != (other.label, other.reason):
        differing.insert(0, "label")
    if differing:
        tables = " and ".join(dict.fromkeys((str(one.table), str(other.table))))
        raise BadInput(
            f"{tables}: two rows for {os.path.relpath(image)} disagree in {differing[0]!r}; keep one"
        )
    return replace(one, values={**other.values, **one.values})
