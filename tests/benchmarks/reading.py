"""Speed and memory of reading raw images: `python tests/benchmarks/reading.py FOLDER-OF-DICOM`.

Throughput: `cxr preprocess` with as many workers as CPUs, beside a plain loop of pydicom and OpenCV in one
process that does the same to each file, with the same decoders: read, decode, modality and VOI LUT, invert,
resize. Both read links to the files of FOLDER, repeated; to cxr, which reads each one, all but the first are
duplicates. The cases take turns, round after round; rows give the median over rounds, "ratio" is the median
of the ratios within rounds.

Memory: the peak of the largest process of `cxr preprocess` over 100, 1,000 and 10,000 images, no two alike.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

SIZE = 224
SIDE = 256


class Cost(NamedTuple):
    """What a command took, all its processes counted."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def preprocess_command(source: Path, folder: Path, workers: int) -> list[str]:
    """The command line that a user would type."""
    entry = "from cxr_cli.main import entry; entry()"
    options = ["-o", str(folder), "--size", str(SIZE), "--workers", str(workers)]
    return [sys.executable, "-c", entry, "preprocess", str(source), *options]


def plain_loop(source: Path) -> None:
    """Read every file below `source` as a script would, and keep the images."""
    import cv2
    import numpy as np
    from pydicom import dcmread
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    images = []
    for path in sorted(source.iterdir()):
        dataset = dcmread(path)
        values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset).astype(np.float32)
        values = (values - values.min()) / (values.max() - values.min()) * 255
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            values = 255 - values
        images.append(cv2.resize(values.astype(np.uint8), (SIZE, SIZE), interpolation=cv2.INTER_AREA))
    print(len(images))


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command to its end."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    talk = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: failed\n{talk}")
    # Linux gives kibibytes.
    return Cost(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**10)


def link_images(source: Path, folder: Path, count: int) -> None:
    """Fill `folder` with `count` links to the DICOM files below `source`, each as often as another."""
    images = [
        path.resolve() for path in sorted(source.rglob("*")) if path.is_file() and path.suffix != ".csv"
    ]
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:06}.dcm").symlink_to(images[number % len(images)])


def draw_images(folder: Path, count: int) -> None:
    """Fill `folder` with DICOM images of 256 x 256 values of noise, no two alike."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

    rng = np.random.default_rng(0)
    folder.mkdir()
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
    image.Rows = image.Columns = SIDE
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    for number in range(count):
        image.PatientID = str(number)
        image.PixelData = rng.integers(0, 4096, (SIDE, SIDE), np.uint16).tobytes()
        image.save_as(folder / f"{number:06}.dcm", enforce_file_format=True)


def print_throughput(source: Path, images: int, rounds: int, workers: int, work: Path) -> None:
    """Print images a second of both, and their ratio."""
    link_images(source, work / "images", images)
    results: dict[str, list[Cost]] = {"plain loop": [], "cxr preprocess": []}
    for turn in range(rounds):
        loop = [sys.executable, __file__, str(work / "images"), "--plain-loop"]
        results["plain loop"].append(cost_of(loop))
        command = preprocess_command(work / "images", work / f"dataset{turn}", workers)
        results["cxr preprocess"].append(cost_of(command))
    print(f"\nthroughput: {images} images of {source}, {workers} workers, {rounds} rounds")
    print(f"{'':18}{'images a second':>16}{'ratio':>8}{'a CPU second':>14}{'peak memory, MiB':>18}")
    for name, costs in results.items():
        ratios = [
            plain.seconds / cost.seconds for plain, cost in zip(results["plain loop"], costs, strict=True)
        ]
        print(
            f"{name:18}{images / statistics.median(cost.seconds for cost in costs):16.1f}"
            f"{statistics.median(ratios):8.2f}"
            f"{images / statistics.median(cost.cpu_seconds for cost in costs):14.1f}"
            f"{statistics.median(cost.peak_mib for cost in costs):18.0f}"
        )


def print_memory(counts: Sequence[int], workers: int, work: Path) -> None:
    """Print the peak memory over more and more images."""
    print(f"\nmemory: images of {SIDE} x {SIDE} values, {workers} workers")
    print(f"{'images':>8}{'images a second':>16}{'peak memory, MiB':>18}")
    for count in counts:
        draw_images(work / f"drawn{count}", count)
        cost = cost_of(preprocess_command(work / f"drawn{count}", work / f"memory{count}", workers))
        print(f"{count:8}{count / cost.seconds:16.1f}{cost.peak_mib:18.0f}", flush=True)


def main() -> None:
    """Print both tables, or run the plain loop for the process above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="a folder of DICOM files")
    parser.add_argument("--images", type=int, default=1440)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--counts", type=int, nargs="*", default=[100, 1000, 10_000])
    parser.add_argument("--plain-loop", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain_loop:
        plain_loop(options.source)
        return
    from cxr_cli.images.workers import usable_cpus

    workers = usable_cpus()
    print(f"{date.today()}, {platform.platform()}, load {os.getloadavg()[0]:.1f} at the start")
    with tempfile.TemporaryDirectory() as work:
        if options.images:
            print_throughput(options.source, options.images, options.rounds, workers, Path(work))
        print_memory(options.counts, workers, Path(work))


if __name__ == "__main__":
    main()
