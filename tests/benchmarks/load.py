"""A study of a hundred thousand images: `python tests/benchmarks/load.py WORK [--counts 1000 10000 100000]`.

Draws small PNG images, no two alike, with a label table; then each command of a study runs on them, the
training short, for it is the data that are measured. Printed as Markdown: wall and CPU seconds of the command
with all its processes, and the peak of their own memory (proportional, without the pages of mapped files).

    --walk FILES     instead: a folder of so many files that are no images, and one that is
    --table ROWS     instead: a label table of so many rows, for a few images
"""

import argparse
import csv
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

SIDE, FOLDER_FILES = 32, 1000
SAMPLED_EVERY = 0.2
IMAGES_OF_PATIENT = 1.5
RARE = 0.005
"""Share of the class whose images an epoch holds as many of, of each class."""

TRAIN = ("--width", "0.0625", "--epochs", "1", "--batch-size", "32")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("preprocess", "images", "--labels", "labels.csv", "-o", "dataset", "--size", str(SIDE)),
    ("split", "dataset", "-o", "split.csv"),
    ("describe", "dataset", "--split", "split.csv"),
    ("train", "dataset", "--split", "split.csv", "-o", "run", *TRAIN),
    ("train", "dataset", "--split", "split.csv", "-o", "other", "--seed", "1", *TRAIN),
    ("test", "run"),
    ("test", "other"),
    ("audit", "run"),
    ("predict", "run", "images", "-o", "predicted.csv"),
    ("stratify", "run/predictions.csv", "--by", "sex"),
    ("compare", "run", "other"),
    ("report", "run"),
    ("verify", "dataset", "run", "--full"),
)


class Cost(NamedTuple):
    """What a command took, all its processes counted."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def cost_of(words: Sequence[str], work: Path) -> Cost:
    """Run `cxr` in a folder to its end."""
    began = time.perf_counter()
    with (work / f"{words[0]}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cxr_cli", *words], cwd=work, stdout=log, stderr=subprocess.STDOUT
        )
        peak = 0
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak = max(peak, sum(map(own_memory, tree(process.pid))))
            time.sleep(SAMPLED_EVERY)
    _, status, used = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}: failed\n{(work / f'{words[0]}.log').read_text()}")
    return Cost(time.perf_counter() - began, used.ru_utime + used.ru_stime, peak / 2**10)


def tree(process: int) -> Iterator[int]:
    """A process and all below it."""
    yield process
    with suppress(OSError):
        for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            yield from tree(int(child))


def own_memory(process: int) -> int:
    """Kibibytes of a process that are no file's, its share of those that several have."""
    with suppress(OSError):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "SwapPss:")))
    return 0


def make_study(work: Path, count: int) -> None:
    """Draw images and write their table."""
    import numpy as np

    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(draw, work / "images", count), range(0, count, FOLDER_FILES)))
    rng = np.random.default_rng(0)
    patients = rng.integers(0, max(3, int(count / IMAGES_OF_PATIENT)), count)
    sexes, makers, views = ("F", "M"), ("Siemens", "Philips Medical Systems", "FUJIFILM"), ("PA", "AP")
    with (work / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "label", "patient_id", "sex", "age", "view_position", "manufacturer"))
        for number, patient in enumerate(patients):
            sex, age = sexes[patient % 2], 18 + patient % 75
            view, maker = views[number % 2], makers[patient % 3]
            label = label_of(number, count)
            writer.writerow((path_of(number), label, f"P{patient:06}", sex, age, view, maker))


def path_of(number: int) -> str:
    """Where an image is below the folder of them all."""
    return f"{number // FOLDER_FILES:04}/{number:07}.png"


def label_of(number: int, count: int) -> str:
    """The class of an image: of each thousand or more a few are of the rare one."""
    rare = max(50, int(RARE * count))
    if number * rare // count != (number + 1) * rare // count:
        return "pneumothorax"
    return ("normal", "effusion")[number % 2]


def draw(folder: Path, count: int, first: int) -> None:
    """Draw a folder's images: smooth noise that differs between all, brighter by class."""
    import cv2
    import numpy as np

    (folder / f"{first // FOLDER_FILES:04}").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(first)
    brighter = {"normal": 0, "effusion": 20, "pneumothorax": 40}
    for number in range(first, min(count, first + FOLDER_FILES)):
        coarse = rng.integers(20, 200, (6, 6)).astype(np.float32)
        pixels = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        pixels[SIDE // 2 :] += brighter[label_of(number, count)]
        encoded = cv2.imencode(".png", np.clip(pixels, 0, 255).astype(np.uint8))[1]
        (folder / path_of(number)).write_bytes(encoded.tobytes())


def print_row(count: int, words: Sequence[str], work: Path) -> None:
    """Run a command and print its line."""
    cost = cost_of(words, work)
    print(
        f"| {count:,} | {words[0]} | {cost.seconds:.1f} | {cost.cpu_seconds:.1f} | {cost.peak_mib:.0f} |",
        flush=True,
    )


def measure_walk(work: Path, files: int) -> None:
    """Preprocess a folder with one image among many other files."""
    make_study(work, FOLDER_FILES)
    for number in range(files):
        folder = work / "images" / f"other{number // FOLDER_FILES:04}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").touch()
    print_row(files, COMMANDS[0], work)


def measure_table(work: Path, rows: int) -> None:
    """Preprocess few images by a table of many rows."""
    make_study(work, FOLDER_FILES)
    with (work / "labels.csv").open("a", encoding="utf-8") as stream:
        for number in range(rows - FOLDER_FILES):
            stream.write(f"absent/{number:07}.png,normal,Q{number},F,50,PA,Siemens\n")
    print_row(rows, COMMANDS[0], work)


def main() -> None:
    """Make the studies and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, help="an empty or new folder; what was measured stays in it")
    parser.add_argument("--counts", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--walk", type=int, metavar="FILES")
    parser.add_argument("--table", type=int, metavar="ROWS")
    options = parser.parse_args()
    print(f"{date.today()}, {platform.platform()}, load {os.getloadavg()[0]:.1f} at the start\n")
    print("| images | command | seconds | CPU seconds | peak memory, MiB |\n| --- | --- | --- | --- | --- |")
    for name, number, measure in (
        ("walk", options.walk, measure_walk),
        ("table", options.table, measure_table),
    ):
        if number:
            (options.work / name).mkdir(parents=True)
            measure(options.work / name, number)
    for count in () if options.walk or options.table else options.counts:
        work = options.work / str(count)
        work.mkdir(parents=True)
        began = time.perf_counter()
        make_study(work, count)
        print(f"| {count:,} | (drawn) | {time.perf_counter() - began:.1f} | | |", flush=True)
        for words in COMMANDS:
            print_row(count, words, work)


if __name__ == "__main__":
    main()
