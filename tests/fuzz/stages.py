"""A tiny real study, stage by stage, for the checks that disturb `cxr`: kills, full disks, two at once.

A stage is one command line. It runs in WORK/here, always the same path (a RUN names its dataset), from a copy
of the study as it stood before; what it leaves is compared with what the undisturbed command left.
"""

import csv
import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import numpy as np

from cxr_cli.main import main

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "cxr3"
IMAGES_OF_CLASS = 20

TRAIN = ("--width", "0.0625", "--epochs", "2", "--batch-size", "8")
PAIRS = ("--recipe", "siamese", "--pairs", "64", "--trials", "9")
SPLIT = ("--split", "split.csv")


@dataclass(frozen=True)
class Stage:
    """A command line: the words after `cxr`."""

    name: str
    words: tuple[str, ...]


def _stage(name: str, *words: str) -> Stage:
    return Stage(name, words)


STAGES: tuple[Stage, ...] = (
    _stage(
        *("preprocess", "preprocess", "raw", "--labels", "raw/labels.csv", "-o", "dataset", "--size", "32"),
        *("--workers", "2"),
    ),
    _stage(
        *("shard", "preprocess", "raw2", "--labels", "raw2/labels.csv", "-o", "shard1", "--size", "32"),
        *("--workers", "2", "--shard", "1/2"),
    ),
    _stage("split", "split", "dataset", "-o", "split.csv"),
    _stage(*("folds", "split", "dataset", "-o", "folds.csv", "--folds", "3")),
    _stage("describe", "describe", "dataset", *SPLIT, "-o", "described"),
    _stage("train", "train", "dataset", *SPLIT, "-o", "run", *TRAIN),
    _stage("siamese", "train", "dataset", *SPLIT, "-o", "siamese", *PAIRS, *TRAIN),
    _stage("template", "template", "siamese"),
    _stage(
        *("validate3way", "validate3way", "siamese", "--trials", "9", "--repeats", "2", "--json", "3.json"),
    ),
    _stage("test", "test", "run"),
    _stage("test-siamese", "test", "siamese"),
    _stage(
        *("other", "preprocess", "raw2", "--labels", "raw2/labels.csv", "-o", "other", "--size", "32"),
        *("--workers", "0"),
    ),
    _stage(
        *("external", "test", "run", "--external", "other", "--exclude-overlap"),
    ),
    _stage(*("stratify", "stratify", "run/predictions.csv", "--by", "label", "-o", "strata")),
    _stage("crossval", "crossval", "dataset", "--split", "folds.csv", "-o", "cv", *TRAIN),
    _stage(
        *("sweep", "sweep", "dataset", *SPLIT, "-o", "sweep", "--recipe", "single", "--lr", "1e-3"),
        *("--lr", "1e-4", *TRAIN),
    ),
    _stage("compare", "compare", "run", "siamese", "-o", "compared"),
    _stage("predict", "predict", "run", "raw", "-o", "predicted.csv"),
    _stage("audit", "audit", "run"),
    _stage("gradcam", "gradcam", "run", "-o", "run/gradcam", "--count", "2"),
    _stage("report", "report", "run"),
    _stage(
        *("phantom", "phantom", "-o", "phantoms", "--count", "20", "--size", "32", "--workers", "2"),
    ),
)
"""The chain, in order. `demo` runs these; `weights fetch` needs a network; the others write nothing."""

PRELOADED = (
    *("jax", "flax.nnx", "optax", "orbax.checkpoint", "pandas", "scipy.stats", "sklearn.linear_model"),
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "cv2", "pydicom", "msgspec", "jinja2"),
)
TIMES = {"last_session_started", "last_session_seconds", "training_seconds", "seconds", "sha256", "files"}
"""Fields that record a time, digests of a record that has one, and those of Orbax's files."""


@dataclass
class Study:
    """The folders of a study: one as it stood before each stage and one as it stood after, and where it runs.

    Attributes:
        work: holds all of it.
        here: where stages run.
    """

    work: Path

    @property
    def here(self) -> Path:
        return self.work / "here"

    def before(self, stage: Stage) -> Path:
        return self.work / "before" / stage.name

    def after(self, stage: Stage) -> Path:
        return self.work / "after" / stage.name

    def make(self) -> None:
        """Run the chain once, undisturbed; what is there already stays."""
        current = self.work / "start"
        if not current.exists():
            _choose_images(current)
        for stage in STAGES:
            if not self.after(stage).exists():
                _renew(self.before(stage), current)
                self.restore(stage)
                began = time.monotonic()
                code, out, err = start(stage.words, self.here).finish()
                if code:
                    raise SystemExit(f"{stage.name}: {code}\n{err}")
                (self.here / ".seconds").write_text(f"{time.monotonic() - began:.3f}")
                (self.here / ".stdout").write_text(out)
                _renew(self.after(stage), self.here)
            current = self.after(stage)

    def seconds(self, stage: Stage) -> float:
        """How long the undisturbed stage took."""
        return float((self.after(stage) / ".seconds").read_text())

    def restore(self, stage: Stage) -> None:
        """Put the study as it stood before a stage where stages run; the folder itself stays."""
        self.here.mkdir(exist_ok=True)
        for path in self.here.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self.before(stage), self.here, dirs_exist_ok=True)

    def differences(self, stage: Stage) -> list[str]:
        """Name what is not as the undisturbed stage left it: contents, files missing and files too many."""
        return differences(self.after(stage), self.here)


def _choose_images(folder: Path) -> None:
    """Copy images of every class into folder/raw, others into folder/raw2, each with a label table."""
    with (REAL / "metadata.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    by_label: dict[str, list[dict[str, str]]] = {}
    for row in {row["patient_id"]: row for row in rows}.values():
        by_label.setdefault(row["label"], []).append(row)
    for raw, begin in ((folder / "raw", 0), (folder / "raw2", IMAGES_OF_CLASS)):
        chosen = [row for of_label in by_label.values() for row in of_label[begin : begin + IMAGES_OF_CLASS]]
        for row in chosen:
            (raw / row["path"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REAL / row["path"], raw / row["path"])
        with (raw / "labels.csv").open("w", newline="") as table:
            writer = csv.DictWriter(table, list(rows[0]))
            writer.writeheader()
            writer.writerows(chosen)


def _renew(folder: Path, source: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)


def differences(whole: Path, other: Path) -> list[str]:
    """Name the files below two folders that are not alike, beside the times that they record."""
    found = []
    names = {path.relative_to(root) for root in (whole, other) for path in root.rglob("*")}
    for name in sorted(names):
        one, two = whole / name, other / name
        if name.parts[0].startswith((".seconds", ".stdout", "raw")) or {"checkpoints", "weights"} & {
            *name.parts
        }:
            continue  # Orbax's files have random names: of the weights the values are compared
        if not one.exists():
            found.append(f"{name}: is left over")
        elif not two.exists():
            found.append(f"{name}: is missing")
        elif one.is_file() and _content(one) != _content(two):
            found.append(f"{name}: differs")
        elif name.name == "model" and _weights_digest(one.parent) != _weights_digest(two.parent):
            found.append(f"{name}: weights differ")
    return found


def _content(path: Path) -> Any:
    """A file's content without the times in it."""
    if path.suffix == ".json":
        return _without_times(json.loads(path.read_text()))
    if path.name == "history.csv":
        with path.open(newline="") as table:
            return [{**row, "seconds": ""} for row in csv.DictReader(table)]
    return path.read_bytes()


def _without_times(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _without_times(value) for name, value in content.items() if name not in TIMES}
    return content


NOT_COMPARED = {".seconds", ".stdout", "raw", "raw2", "checkpoints", "weights"}
"""Orbax's files have random names and times in them; of weights the values are compared."""


def _weights_digest(run: Path) -> bytes:
    """A digest of the values of a run's selected weights, read in a process of its own: this one forks."""
    reader, writer = os.pipe()
    if child := os.fork():
        os.close(writer)
        os.waitpid(child, 0)
        with open(reader, "rb") as stream:
            return stream.read()
    try:
        import jax

        from cxr_cli.runs.model_store import open_run

        arrays = [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(open_run(run).variables)]
        os.write(writer, hashlib.sha256(b"".join(arrays)).digest())
    finally:
        os._exit(0)


@dataclass
class Command:
    """A running command line in a process group of its own, its output in files."""

    process: int
    out: IO[str]
    err: IO[str]

    def kill(self) -> None:
        """Kill the command alone, as the kernel does; its workers are to leave by themselves."""
        os.kill(self.process, signal.SIGKILL)

    def finish(self) -> tuple[int, str, str]:
        """Wait for it: its code (negative: the signal), stdout and stderr."""
        _, status = os.waitpid(self.process, 0)
        texts = []
        for file in (self.out, self.err):
            file.seek(0)
            texts.append(file.read())
            file.close()
        return os.waitstatus_to_exitcode(status), texts[0], texts[1]


def preload() -> None:
    """Load what commands load, once: those started by `start` are forks, and need seconds less."""
    from cxr_cli.compile_cache import use_compile_cache

    use_compile_cache()
    for module in PRELOADED:
        import_module(module)


def start(words: Sequence[str], folder: Path, prepare: Callable[[], None] = lambda: None) -> Command:
    """Start `cxr` with these words in a folder.

    Args:
        words: after `cxr`.
        folder: the working directory.
        prepare: is called in the new process before the command, such as to set a limit.
    """
    out, err = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")  # noqa: SIM115
    process = os.fork()
    if process:
        return Command(process, out, err)
    os.setsid()
    os.chdir(folder)
    for number, file in ((1, out), (2, err)):
        os.dup2(file.fileno(), number)
    code = 1
    try:
        prepare()
        code = main(words)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def print_outcomes(name: str, outcomes: Sequence[str]) -> int:
    """Print how often each outcome came; return how many were failures."""
    counts = Counter(outcomes)
    for outcome, count in sorted(counts.items()):
        print(f"{name} {count:3} x {outcome}", flush=True)
    return sum(count for outcome, count in counts.items() if outcome.startswith("FAILED"))
