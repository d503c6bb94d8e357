"""Damage image files, and look at what `cxr preprocess` makes of them.

    python tests/fuzz/images.py WORK --dicom 10000 --rasters 5000 --seed 1

Files of SOURCES are damaged by byte, DICOM by attribute too, and go through the command in batches. Each file
must be a row or a named reject; a traceback, any text of a decoder, an exit code but 0, a worker that took
longer than its limit is a failure. The batch of a failure stays in WORK.
"""

import argparse
import csv
import random
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.uid import JPEG2000Lossless, RLELossless

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
LARGEST = 400_000
"""Bytes of a file that is damaged: many small ones tell more than few large ones."""

BATCH, WORKERS, IMAGE_TIMEOUT = 250, 2, 20
SECONDS_A_FILE = 1.0
"""How long a file of a batch may take on average, be the machine as busy as it is."""

ENCODINGS = (
    *("JPEG-lossy.dcm", "JPGExtended.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"),
    *("MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "image_dfl.dcm"),
    *("SC_rgb_jpeg_gdcm.dcm", "JPEG2000.dcm"),
)
"""Small files of pydicom, of one encoding each."""

VALUES: tuple[Any, ...] = (
    *(None, "", 0, 1, -1, 3, 17, 255, 65535, 2**31 - 1, 1e300, "nan", "1\\2\\3", "x" * 300),
    *("MONOCHROME1", "RGB", "PALETTE COLOR", "ISO_IR 999", b"\0\xff", [], [0, 0, 0], "é\ud7ff\x1b[31m"),
)
STRAY = re.compile(
    r"Traceback|panicked|terminate called|libpng|Corrupt|[Ww]arning|core dumped|Error\b|\x1b|gdcm"
)


@dataclass(frozen=True)
class Failure:
    """A batch that did something else than it should."""

    batch: int
    what: str


def dicom_sources() -> list[bytes]:
    """DICOM files of an archive, where they are at hand, of pydicom, and one encoded anew."""
    archive = [path for path in sorted((SHARED / "dicom").rglob("*")) if path.is_file()]
    paths = [path for path in archive if path.suffix != ".csv" and path.stat().st_size <= LARGEST]
    paths += [Path(str(path)) for name in ENCODINGS if (path := get_testdata_file(name, download=False))]
    found = [path.read_bytes() for path in paths]
    for syntax in (RLELossless, JPEG2000Lossless):
        encoded = pydicom.dcmread(str(get_testdata_file("MR_small.dcm")))
        encoded.compress(syntax)
        found.append(_written(encoded))
    return found


def raster_sources() -> list[tuple[str, bytes]]:
    """Suffix and content of PNG, JPEG and TIFF images, gray of 8 and 16 bits and color, and of real ones."""
    paths = sorted((SHARED / "cxr3").rglob("*.*"))
    real = [path for path in paths if path.suffix != ".csv" and path.stat().st_size <= LARGEST][:60]
    found = [(path.suffix, path.read_bytes()) for path in real]
    pixels = np.random.default_rng(0).integers(0, 65535, (64, 48)).astype(np.uint16)
    gray = Image.fromarray((pixels >> 8).astype(np.uint8))
    for image, suffix, options in (
        (gray, ".png", {}),
        (gray.convert("RGB"), ".png", {}),
        (gray.convert("P"), ".png", {}),
        (Image.fromarray(pixels), ".png", {}),
        (gray, ".jpg", {}),
        (gray.convert("RGB"), ".jpg", {"progressive": True}),
        (Image.fromarray(pixels), ".tif", {}),
        (gray, ".tif", {"compression": "tiff_lzw"}),
        (gray, ".tif", {"compression": "tiff_deflate"}),
        (gray, ".bmp", {}),
    ):
        stream = BytesIO()
        kind = {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
        image.save(stream, kind, **options)
        found.append((suffix, stream.getvalue()))
    return found


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, repeat, cut out or cut off some bytes; the header is hit as often as all the rest."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        end = len(changed) if rng.random() < 0.5 else min(len(changed), 1024)
        place, length = rng.randrange(max(1, end)), rng.choice((1, 2, 4, 64))
        kind = rng.choice(("flip", "flip", "set", "set", "noise", "repeat", "cut out", "cut off"))
        if kind == "flip" and changed:
            changed[place] ^= 1 << rng.randrange(8)
        elif kind == "set":
            changed[place : place + length] = rng.choice((b"\0", b"\xff", b"\x7f")) * length
        elif kind == "noise":
            changed[place : place + length] = rng.randbytes(length)
        elif kind == "repeat":
            changed[place:place] = changed[place : place + length] * rng.choice((1, 50))
        elif kind == "cut out":
            del changed[place : place + length]
        elif rng.random() < 0.3:
            del changed[place:]
    return bytes(changed)


def damaged_attribute(content: bytes, rng: random.Random) -> bytes:
    """Change, delete or exchange attributes of a data set, nested ones too; or else some bytes."""
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(BytesIO(content), force=True)
        for _ in range(rng.choice((1, 1, 2, 4))):
            element = rng.choice([*dataset.file_meta, *dataset.iterall()])
            if rng.random() < 0.2 and element.tag in dataset:
                del dataset[element.tag]
            elif element.keyword == "PixelData":
                element.value = damaged_bytes(element.value, rng)
            else:
                element.value = rng.choice(VALUES)
        return _written(dataset)
    return damaged_bytes(content, rng)


def _written(dataset: pydicom.FileDataset) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


def damaged_dicom(number: int, rng: random.Random, sources: Sequence[bytes]) -> tuple[str, bytes]:
    """Give suffix and content of a damaged DICOM file."""
    damage = damaged_attribute if number % 2 else damaged_bytes
    return ".dcm", damage(rng.choice(sources), rng)


def damaged_raster(_: int, rng: random.Random, sources: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """Give suffix and content of a damaged raster image."""
    suffix, content = rng.choice(sources)
    return suffix, damaged_bytes(content, rng)


def write_batch(folder: Path, files: Iterator[tuple[str, bytes]]) -> int:
    """Write files and one intact image; return how many there are."""
    folder.mkdir(parents=True)
    Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 15).save(folder / "intact.png")
    count = 1
    for count, (suffix, content) in enumerate(files, start=2):
        (folder / f"{count:05}{suffix}").write_bytes(content)
    return count


def preprocess(folder: Path, dataset: Path) -> tuple[int, str]:
    """Run the command in a process of its own; return its code and stderr."""
    bounds = ("--image-timeout", str(IMAGE_TIMEOUT), "--workers", str(WORKERS))
    words = ("preprocess", str(folder), "-o", str(dataset), "--size", "32", "--views", "any", *bounds)
    command = (sys.executable, "-m", "cxr_cli", *words)
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stderr


def faults(code: int, err: str, dataset: Path, files: int) -> str:
    """Say what is wrong with an outcome; "" for nothing."""
    if code or (found := STRAY.search(err)):
        return f"exit code {code}, stderr: {err[-1500:]}" if code else f"{found} on stderr: {err[-1500:]}"
    sources = [
        row["source"]
        for name in ("manifest.csv", "rejected.csv")
        for row in csv.DictReader((dataset / name).open(encoding="utf-8", newline=""))
    ]
    whole = len({*sources}) == len(sources) == files
    return "" if whole else f"{len(sources)} rows and rejects of {files} files"


def reasons(dataset: Path) -> Counter[str]:
    """Count the rejects by reason, numbers left out."""
    with (dataset / "rejected.csv").open(encoding="utf-8", newline="") as stream:
        found = [row["reason"][:60] for row in csv.DictReader(stream)]
    return Counter(re.sub(r"\d+|duplicate of .*", "N", reason) for reason in found)


def run_batches(work: Path, total: int, make: Callable[[int], tuple[str, bytes]], kind: str) -> list[Failure]:
    """Damage files and preprocess them, a batch at a time; print what became of them."""
    failures, rejected = [], Counter[str]()
    for batch in range(-(-total // BATCH)):
        folder, dataset = work / f"{kind}{batch}", work / f"{kind}{batch}-dataset"
        numbers = range(batch * BATCH, min(total, (batch + 1) * BATCH))
        files = write_batch(folder, (make(number) for number in numbers))
        began = time.monotonic()
        code, err = preprocess(folder, dataset)
        what = faults(code, err, dataset, files)
        if not what and time.monotonic() - began > 60 + SECONDS_A_FILE * files:
            what = f"{time.monotonic() - began:.0f} s for {files} files"
        if what:
            failures.append(Failure(batch, what))
            print(f"FAILED {folder}: {what}", flush=True)
        else:
            rejected += reasons(dataset)
            shutil.rmtree(folder)
            shutil.rmtree(dataset)
        if batch % 4 == 3:
            print(f"{kind}: {numbers.stop} files, {rejected.total()} rejected", flush=True)
    lost = sum(count for reason, count in rejected.items() if reason.startswith("reading it"))
    print(
        f"{total} damaged {kind} files: {len(failures)} batches failed, {rejected.total()} files rejected,"
        f" {lost} of them for their process died or hung"
    )
    for reason, count in rejected.most_common(12):
        print(f"  {count:6} {reason}")
    return failures


def main() -> None:
    """Run what the options ask for; exit with 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, help="an empty or new folder")
    parser.add_argument("--dicom", type=int, default=0)
    parser.add_argument("--rasters", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    dicom, rasters = dicom_sources(), raster_sources()
    failures = run_batches(
        options.work, options.dicom, lambda number: damaged_dicom(number, rng, dicom), "dicom"
    )
    failures += run_batches(
        options.work, options.rasters, lambda number: damaged_raster(number, rng, rasters), "raster"
    )
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
