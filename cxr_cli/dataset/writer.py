"""Write a DATASET folder image by image, in such a way that it can be resumed."""

import io
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.artifacts import (
    atomic_path,
    digest_file,
    require_room,
    write_csv,
    write_record,
    writing,
)
from cxr_cli.dataset.folder import IMAGES, INFO, JOURNAL, MANIFEST, PARTIAL_IMAGES, REJECTED, SHARD
from cxr_cli.dataset.reader import REJECTED_COLUMNS, Image, Outcome, parse_line

NOTED_EVERY = 0.05
"""Seconds after which what was added is on disk at the latest, once the next is added."""


class GrowingDataset(AbstractContextManager["GrowingDataset"]):
    """A DATASET folder in the making: an array that grows by rows, a journal of what became of each input.

    The journal's first line is the plan; then comes one line an input, in order, `{"image": record}` or
    `{"rejected": {"source", "reason"}}`. Images' pixels are written before their lines, so that the whole
    lines of the journal are true at whatever moment the work is cut off; some at a time, for many are small.

    Attributes:
        images: the manifest's records, without `row`, in the order of the rows.
        rejected: source and reason of each input that gave no image.
    """

    def __init__(self, folder: Path, size: int, plan: Mapping[str, Any]) -> None:
        """Begin the folder, or resume after its last whole entry; what is torn is dropped.

        The folder is to be `locked`.

        Raises:
            BadInput: it cannot be written; so in every method that writes.
        """
        self._folder = folder
        self._row_shape = (size, size)
        self.images: list[Mapping[str, str]] = []
        self.rejected: list[dict[str, str]] = []
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._recover(plan)
            self._pixels = self._open_pixels()
            self._journal = (folder / JOURNAL).open("a", encoding="utf-8")
        self._lines: list[str] = []
        self._noted = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files; the folder stays as it is, to be resumed."""
        with writing(self._folder), self._pixels, self._journal:
            self._write_lines()

    @property
    def inputs(self) -> int:
        """The number of inputs dealt with."""
        return len(self.images) + len(self.rejected)

    def require_room(self, images: int) -> None:
        """Check that so many more images have room on disk.

        Raises:
            BadInput: they have not.
        """
        require_room(self._folder, images * math.prod(self._row_shape), f"{images} images")

    def add(self, outcome: Outcome) -> None:
        """Append what became of an input."""
        if isinstance(outcome, Image):
            self.add_image(outcome.pixels, outcome.record)
        else:
            self.add_rejected(outcome.source, outcome.reason)

    def add_image(self, pixels: NDArray[np.uint8], record: Mapping[str, str]) -> None:
        """Append an image, uint8 [size, size], and its manifest record, without `row`."""
        with writing(self._folder / IMAGES):
            self._pixels.write(pixels.tobytes())
        self._note({"image": dict(record)})
        self.images.append(record)

    def add_rejected(self, source: str, reason: str) -> None:
        """Note an input that gave no image."""
        entry = {"source": source, "reason": reason}
        self._note({"rejected": entry})
        self.rejected.append(entry)

    def _note(self, entry: dict[str, dict[str, str]]) -> None:
        self._lines.append(json.dumps(entry) + "\n")
        if time.monotonic() - self._noted > NOTED_EVERY:
            self._write_lines()

    def _write_lines(self) -> None:
        with writing(self._folder):
            self._pixels.flush()
            self._journal.writelines(self._lines)
            self._journal.flush()
        self._lines = []
        self._noted = time.monotonic()

    def finish(self, columns: Sequence[str], info: Mapping[str, Any]) -> None:
        """Write manifest, rejected list, images, info: the folder is a dataset once the last is there."""
        self._write_lines()
        # By column: of a hundred thousand records one more copy takes much memory.
        manifest = {name: [record.get(name, "") for record in self.images] for name in columns}
        write_csv(self._folder / MANIFEST, pd.DataFrame(manifest | {"row": range(len(self.images))}))
        write_csv(self._folder / REJECTED, pd.DataFrame(self.rejected, columns=list(REJECTED_COLUMNS)))
        self._seal_images()
        tables = {name: digest_file(self._folder / name) for name in (MANIFEST, REJECTED)}
        digest = digest_file(self._folder / IMAGES)
        write_record(self._folder / INFO, {**info, "digest": digest, "tables": tables})
        (self._folder / JOURNAL).unlink()

    def finish_shard(self, info: Mapping[str, Any]) -> None:
        """Keep images and journal for `read_shard`, and the info with their digests."""
        self._write_lines()
        self._seal_images()
        digests = {name: digest_file(self._folder / name) for name in (IMAGES, JOURNAL)}
        write_record(self._folder / SHARD, {**info, "digests": digests})

    def _seal_images(self) -> None:
        with writing(self._folder / IMAGES):
            self._pixels.seek(0)
            self._pixels.write(self._header(len(self.images)))
            self._pixels.flush()
            os.fsync(self._pixels.fileno())
            os.replace(self._folder / PARTIAL_IMAGES, self._folder / IMAGES)

    def discard(self) -> None:
        """Remove what was begun."""
        for name in (PARTIAL_IMAGES, JOURNAL):
            (self._folder / name).unlink(missing_ok=True)

    def _recover(self, plan: Mapping[str, Any]) -> None:
        """Read the journal's whole lines whose pixels are on disk, cut off the rest; begin one if none."""
        journal = self._folder / JOURNAL
        if not journal.exists():
            with atomic_path(journal) as temporary:
                temporary.write_text(json.dumps(plan) + "\n", "utf-8")
        with journal.open("rb+") as stream:
            whole = len(stream.readline())
            rows_on_disk = self._rows_on_disk()
            for line in stream:
                entry = parse_line(line) if line.endswith(b"\n") else None
                if not isinstance(entry, dict) or ("image" in entry and len(self.images) == rows_on_disk):
                    break
                if "image" in entry:
                    self.images.append(entry["image"])
                else:
                    self.rejected.append(entry["rejected"])
                whole += len(line)
            stream.truncate(whole)

    def _rows_on_disk(self) -> int:
        if (self._folder / IMAGES).exists():  # cut off while finishing
            os.replace(self._folder / IMAGES, self._folder / PARTIAL_IMAGES)
        (self._folder / PARTIAL_IMAGES).touch()
        stored = (self._folder / PARTIAL_IMAGES).stat().st_size - len(self._header(0))
        return max(stored, 0) // math.prod(self._row_shape)

    def _open_pixels(self) -> IO[bytes]:
        stream = (self._folder / PARTIAL_IMAGES).open("rb+")
        stream.write(self._header(0))
        stream.truncate(len(self._header(0)) + len(self.images) * math.prod(self._row_shape))
        stream.seek(0, os.SEEK_END)
        return stream

    def _header(self, rows: int) -> bytes:
        """The .npy header for this many rows; its length is always the same, for numpy leaves room."""
        stream = io.BytesIO()
        shape = (rows, *self._row_shape)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        return stream.getvalue()
