"""Open a finished DATASET folder; read what a begun one, or a shard, holds."""

import json
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.artifacts import digest_file, read_csv, read_record
from cxr_cli.dataset.folder import IMAGES, INFO, JOURNAL, MANIFEST, REJECTED, SHARD, check_is_dataset
from cxr_cli.errors import BadInput
from cxr_cli.images.characteristics import MANIFEST_COLUMNS, RAW_COLUMNS

REQUIRED_COLUMNS = [column for column in MANIFEST_COLUMNS if column not in RAW_COLUMNS]
REJECTED_COLUMNS = ("source", "reason")


@dataclass(frozen=True)
class Image:
    """An input that gave an image: uint8 [size, size], and its manifest record, without `row`."""

    pixels: NDArray[np.uint8]
    record: Mapping[str, str]


@dataclass(frozen=True)
class Rejected:
    """An input that gave no image."""

    source: str
    reason: str


Outcome = Image | Rejected


class Counts(TypedDict, total=False):
    """How many inputs there were, and what became of them."""

    inputs: int
    images: int
    rejected: int


class Info(TypedDict):
    """The fields of dataset.json that commands read."""

    settings: dict[str, Any]
    counts: NotRequired[Counts]
    classes: NotRequired[dict[str, int]]
    digest: str
    tables: NotRequired[dict[str, str]]


@dataclass(frozen=True)
class Dataset:
    """A finished DATASET folder.

    Attributes:
        folder: where it is.
        images: uint8 [N, H, W], a read-only memory map; gray, display-ready.
        manifest: row i describes images[i]; all text but `row`, an integer; missing is "".
        info: what dataset.json says: settings, counts, classes, versions, digest.
    """

    folder: Path
    images: NDArray[np.uint8]
    manifest: pd.DataFrame
    info: dict[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of images.npy as recorded when it was made, 64 hex digits."""
        return str(self.info["digest"])


def open_dataset(folder: Path) -> Dataset:
    """Open a DATASET folder.

    Raises:
        BadInput: the folder is missing, no dataset, unfinished, or its files do not fit each other.
    """
    check_is_dataset(folder)
    info = read_record(folder / INFO, Info)
    manifest = read_csv(folder / MANIFEST, required=REQUIRED_COLUMNS)
    images = _map_images(folder / IMAGES)
    _check_images(folder, images, info["digest"])
    if list(manifest["row"]) != [str(row) for row in range(len(images))]:
        raise BadInput(
            f"{folder}: {MANIFEST} has {len(manifest)} rows, {IMAGES} {len(images)}; rows must be 0, 1, ..."
        )
    return Dataset(folder, images, manifest.astype({"row": int}), info)


def _check_images(folder: Path, images: NDArray[np.uint8], digest: str) -> None:
    """Check that images.npy is as it was written: its size, and its bytes where it is newer than its record.

    The record is written last, so an untouched folder, and a copy that keeps the times, is not read for this.
    """
    path, record = folder / IMAGES, folder / INFO
    if isinstance(images, np.memmap) and path.stat().st_size != images.offset + images.nbytes:
        extra = path.stat().st_size - images.offset - images.nbytes
        raise BadInput(f"{path}: has {extra} bytes after its {len(images)} images; make it again")
    if path.stat().st_mtime_ns > record.stat().st_mtime_ns and (found := digest_file(path)) != digest:
        raise BadInput(
            f"{path}: was changed after it was written: SHA-256 {found[:12]}..., recorded is "
            f"{digest[:12]}...; make the dataset again"
        )


def rejected_by_reason(folder: Path) -> dict[str, int]:
    """Count a dataset's rejected inputs by the kind of reason, without its details; most frequent first."""
    reasons = read_csv(folder / REJECTED, required=REJECTED_COLUMNS)["reason"]
    kinds = (
        reasons.str.replace(r"^(duplicate) of .*", r"\1", regex=True).str.split(r"[:;(]", regex=True).str[0]
    )
    return {str(kind): int(count) for kind, count in kinds.str.strip().value_counts().items()}


def _map_images(path: Path) -> NDArray[np.uint8]:
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (ValueError, OSError, EOFError) as error:
        raise BadInput(f"{path}: cannot be read as an array ({type(error).__name__})") from error
    if images.dtype != np.uint8 or images.ndim != 3:
        raise BadInput(f"{path}: {images.dtype} {list(images.shape)}; uint8 [N, H, W] is needed")
    return np.asanyarray(images, dtype=np.uint8)


def read_rows(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return images[rows]; of a memory map, read these rows from the disk and nothing around them.

    Left to itself the system reads ahead around each row: 8 MiB on a machine where an image had 49 KiB.

    Args:
        images: uint8 [N, H, W].
        rows: int [...].
    """
    mapped = images.base
    if isinstance(images, np.memmap) and isinstance(mapped, mmap.mmap):
        first, size = images.offset % mmap.ALLOCATIONGRANULARITY, images[0].nbytes
        for row in rows.ravel():
            start = first + int(row) * size
            before = start % mmap.PAGESIZE
            mapped.madvise(mmap.MADV_WILLNEED, start - before, size + before)
    return images[rows]


def record_of(folder: Path) -> str:
    """The name of the file that has the plan of a folder, whole or begun; dataset.json if none has."""
    names = (name for name in (INFO, SHARD, JOURNAL) if (folder / name).is_file())
    return next(names, INFO)


def read_plan(record: Path) -> dict[str, Any]:
    """The plan that a folder was made by, from the file that `record_of` names.

    Raises:
        BadInput: there is none in it.
    """
    plan = _first_json_line(record) if record.name == JOURNAL else read_record(record).get("settings")
    if not isinstance(plan, dict):
        raise BadInput(f"{record}: holds no settings of a dataset; name a new folder")
    return plan


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a dataset, or a shard of one, that was made to its end."""
    return record_of(folder) != JOURNAL and (folder / record_of(folder)).is_file()


def read_info(folder: Path) -> dict[str, Any]:
    """What dataset.json, or shard.json, says."""
    return read_record(folder / record_of(folder))


def read_shard(folder: Path) -> Iterator[Outcome]:
    """What became of each input of a finished shard, in their order.

    Raises:
        BadInput: the files are not as they were written.
    """
    digests = read_info(folder).get("digests", {})
    for name in (IMAGES, JOURNAL):
        if not (folder / name).is_file() or digest_file(folder / name) != digests.get(name):
            raise BadInput(f"{folder / name}: missing or not as it was written; make this shard again")
    rows = iter(_map_images(folder / IMAGES))
    with (folder / JOURNAL).open("rb") as stream:
        stream.readline()  # the plan
        for entry in map(json.loads, stream):
            yield Image(next(rows), entry["image"]) if "image" in entry else Rejected(**entry["rejected"])


def _first_json_line(path: Path) -> Any:
    with path.open("rb") as stream:
        return parse_line(stream.readline())


def parse_line(line: bytes) -> Any:
    """The content of a line of the journal; None for one that was cut off."""
    try:
        return json.loads(line)
    except ValueError:
        return None
