"""Speed and memory of `cxr preprocess`: `python tests/benchmarks/reading.py FOLDER-OF-DICOM`.

Throughput: `cxr preprocess` beside a plain loop of pydicom and OpenCV, as a script has it: read, decode,
modality and VOI LUT, scale to 8 bits, invert, resize, write into a memory map; with the decoders that
pydicom finds, and as many processes (multiprocessing.Pool). The loop computes no identity of an image,
reads no characteristics, and does not check what it reads. Beside the files of FOLDER, radiographs of 2000
x 2500 pixels in an archive's encodings are made of one of them, and small PNG images; but for these, links
repeat a few. The two take turns; a ratio above 1 says that cxr takes less time. Both include their start.

CPU times (`--cpu-times`): those of reading one image, in one process that has started, by both.

Memory: the peak of the largest process of `cxr preprocess` over 1,000, 10,000 and 100,000 small PNG images,
no two alike.
"""

import argparse
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

SIZE = 224
ROWS, COLUMNS, SMALL_SIDE = 2500, 2000, 64
DISTINCT = 4

IMAGES = {
    "folder": 288,
    "uncompressed": 72,
    "RLE": 72,
    "lossless JPEG": 40,
    "JPEG-LS": 40,
    "JPEG 2000": 12,
    "JPEG": 150,
    "PNG": 120,
    "16-bit PNG": 60,
    "small PNG": 5000,
}
"""What is read, and how many of each."""


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


def plain_image(path: Path) -> Any:
    """Read one file as a script would."""
    import cv2
    import numpy as np
    from pydicom import dcmread
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    cv2.setNumThreads(1)
    if path.suffix != ".dcm":
        values = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    else:
        dataset = dcmread(path)
        values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset).astype(np.float32)
        values = (values - values.min()) / (values.max() - values.min()) * 255
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            values = 255 - values
        values = values.astype(np.uint8)
    return cv2.resize(values, (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def plain_loop(source: Path, output: Path, workers: int) -> None:
    """Read every file below `source` into an array on disk."""
    import numpy as np

    paths = sorted(path for path in source.rglob("*") if path.is_file())
    images = np.lib.format.open_memmap(output, "w+", np.uint8, (len(paths), SIZE, SIZE))
    if workers < 2:
        for row, path in enumerate(paths):
            images[row] = plain_image(path)
    else:
        with multiprocessing.Pool(workers) as pool:
            for row, pixels in enumerate(pool.imap(plain_image, paths, chunksize=4)):
                images[row] = pixels
    images.flush()


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


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in another process: a command's peak memory counts that of the one that starts it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def link_images(sources: Sequence[Path], folder: Path, count: int) -> None:
    """Fill `folder` with `count` links to these files, each as often as another."""
    folder.mkdir(parents=True)
    for number in range(count):
        source = sources[number % len(sources)].resolve()
        (folder / f"{number:06}{source.suffix or '.dcm'}").symlink_to(source)


def large_radiographs(source: Path) -> Iterator[Any]:
    """Values of 12 bits [ROWS, COLUMNS]: an image of `source` enlarged, with noise."""
    import cv2
    import numpy as np
    from pydicom import dcmread

    small = dcmread(source).pixel_array.astype(np.float32)
    large = cv2.resize(small, (COLUMNS, ROWS), interpolation=cv2.INTER_LINEAR)
    large = (large - large.min()) / np.ptp(large) * 3900 + 100
    rng = np.random.default_rng(0)
    for _ in range(DISTINCT):
        yield np.clip(large + rng.normal(0, 10, large.shape), 0, 4095).astype(np.uint16)


def make_large(source: Path, folder: Path, kind: str) -> list[Path]:
    """Write DISTINCT large images in one encoding."""
    from PIL import Image

    folder.mkdir()
    suffix = {"JPEG": ".jpg", "PNG": ".png", "16-bit PNG": ".png"}.get(kind, ".dcm")
    paths = []
    for number, values in enumerate(large_radiographs(source)):
        path = folder / f"{number}{suffix}"
        if kind == "16-bit PNG":
            Image.fromarray(values * 16).save(path)
        elif suffix == ".dcm":
            write_dicom(values, path, kind)
        else:
            Image.fromarray((values >> 4).astype("uint8")).save(path, quality=92)
        paths.append(path)
    return paths


def write_dicom(values: Any, path: Path, kind: str) -> None:
    """Write values of 12 bits [H, W] as DICOM in one encoding."""
    import gdcm
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import (
        DigitalXRayImageStorageForPresentation,
        ExplicitVRLittleEndian,
        JPEG2000Lossless,
        JPEGLosslessSV1,
        JPEGLSLossless,
        RLELossless,
    )

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
    image.Rows, image.Columns = values.shape
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME1", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.WindowCenter, image.WindowWidth = "2048", "3600"
    image.PixelData = values.tobytes()
    image["PixelData"].VR = "OW"
    by_pydicom = {"RLE": RLELossless, "JPEG 2000": JPEG2000Lossless}
    by_gdcm = {"lossless JPEG": JPEGLosslessSV1, "JPEG-LS": JPEGLSLossless}
    if kind in by_pydicom:
        image.compress(by_pydicom[kind])
    image.save_as(path, enforce_file_format=True)
    if kind in by_gdcm:
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(str(path))
        reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(by_gdcm[kind])))
        change.SetInput(reader.GetImage())
        change.Change()
        writer.SetFileName(str(path))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.Write()


def draw_small(folder: Path, count: int) -> None:
    """Fill `folder` with PNG images of noise, no two alike."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = rng.integers(0, 64, (SMALL_SIDE, SMALL_SIDE), np.uint8)
        (folder / f"{number:06}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())


def cpu_time(paths: Sequence[Path], rounds: int, plain: bool) -> float:
    """The median CPU seconds that `cxr preprocess`, or the plain loop, takes to read one of these files."""
    import cv2

    read: Callable[[Path], Any] = plain_image
    if not plain:  # in a process of its own, for this import sets the decoders
        from cxr_cli.images.read import Geometry, UnreadImage, read_image

        def read(path: Path) -> Any:
            return read_image(UnreadImage(path), Geometry(SIZE))

    cv2.setNumThreads(1)
    read(paths[0])  # loads the decoders
    times = []
    for path in [*paths] * rounds:
        began = time.process_time()
        read(path)
        times.append(time.process_time() - began)
    return statistics.median(times)


def print_cpu_times(source: Path, kind: str, rounds: int, work: Path) -> None:
    """Print a line of CPU times, in one process and without its start."""
    inputs = work / f"{kind} alone"
    files = sorted(path for path in source.rglob("*") if path.is_file() and path.suffix != ".csv")
    if kind == "small PNG":
        apart(draw_small, inputs, 100)
    elif kind == "folder":
        link_images(files[::3], inputs, len(files[::3]))
    else:
        apart(make_large, files[0], inputs, kind)
    plain, ours = (apart(cpu_time, sorted(inputs.iterdir()), rounds, plain) for plain in (True, False))
    print(f"| {kind} | {1e3 * plain:.2f} | {1e3 * ours:.2f} | {plain / ours:.2f} |", flush=True)


def print_throughput(source: Path, kind: str, all_workers: Sequence[int], rounds: int, work: Path) -> None:
    """Print a line for each number of workers."""
    images, inputs = IMAGES[kind], work / kind / "images"
    files = sorted(path for path in source.rglob("*") if path.is_file() and path.suffix != ".csv")
    if kind == "small PNG":
        apart(draw_small, inputs, images)
    elif kind == "folder":
        link_images(files, inputs, images)
    else:
        link_images(apart(make_large, files[0], work / f"{kind} files", kind), inputs, images)
    for workers in all_workers:
        ratios, cpu_ratios, plain_costs, costs = [], [], [], []
        for turn in range(rounds):
            loop = [sys.executable, __file__, str(inputs), "--plain-loop", str(workers)]
            plain_costs.append(cost_of(loop))
            command = preprocess_command(inputs, work / kind / f"dataset{workers}{turn}", workers)
            costs.append(cost_of(command))
            ratios.append(plain_costs[-1].seconds / costs[-1].seconds)
            cpu_ratios.append(plain_costs[-1].cpu_seconds / costs[-1].cpu_seconds)
        plain, ours = (
            images / statistics.median(cost.seconds for cost in each) for each in (plain_costs, costs)
        )
        print(
            f"| {kind} | {images:,} | {workers} | {plain:.1f} | {ours:.1f} "
            f"| {statistics.median(ratios):.2f} | {statistics.median(cpu_ratios):.2f} |",
            flush=True,
        )


def print_memory(counts: Sequence[int], workers: int, work: Path) -> None:
    """Print the peak memory over more and more images."""
    print("\n| small PNG images | workers | seconds | images a second | peak memory, MiB |")
    print("| --- | --- | --- | --- | --- |")
    for count in counts:
        apart(draw_small, work / f"drawn{count}", count)
        cost = cost_of(preprocess_command(work / f"drawn{count}", work / f"memory{count}", workers))
        print(
            f"| {count:,} | {workers} | {cost.seconds:.1f} | {count / cost.seconds:.0f} "
            f"| {cost.peak_mib:.0f} |",
            flush=True,
        )


def main() -> None:
    """Print both tables, or run the plain loop for the process above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="a folder of DICOM files")
    parser.add_argument("--kinds", nargs="*", choices=[*IMAGES], default=[*IMAGES])
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--cpu-times", action="store_true", help="print CPU times an image alone")
    parser.add_argument("--counts", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--plain-loop", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain_loop is not None:
        with tempfile.TemporaryDirectory() as work:
            plain_loop(options.source, Path(work, "images.npy"), options.plain_loop)
        return
    print(f"{date.today()}, {platform.platform()}, load {os.getloadavg()[0]:.1f} at the start")
    if options.cpu_times:
        print("\n| images | plain loop, CPU ms | cxr, CPU ms | ratio |\n| --- | --- | --- | --- |")
        with tempfile.TemporaryDirectory() as work:
            for kind in options.kinds:
                print_cpu_times(options.source, kind, options.rounds, Path(work))
        return
    print("\n| images | number | workers | plain loop, images/s | cxr, images/s | ratio | of CPU time |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as work:
        for kind in options.kinds:
            print_throughput(options.source, kind, options.workers, options.rounds, Path(work))
        print_memory(options.counts, max(options.workers), Path(work))


if __name__ == "__main__":
    main()
