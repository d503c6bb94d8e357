"""Training one run from a command: progress on stderr, requests to stop heard, the curves drawn."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.commands.console import say, terminal_bar

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from cxr_cli.dataset.store import Dataset
    from cxr_cli.models.weights.sources import FoundWeights
    from cxr_cli.runs.config import Recipe, RunConfig
    from cxr_cli.splitting.file import Split
    from cxr_cli.training.checkpoint import Progress
    from cxr_cli.training.history import EpochRecord
    from cxr_cli.training.loop import Preemption


def resolve_weights(recipe: "Recipe", size: int) -> "tuple[FoundWeights, ...]":
    """Find the weights that a recipe begins with, and say which, from where, with which digest.

    Args:
        recipe: as resolved.
        size: of the images in pixels.
    """
    from cxr_cli.models.registry import find_architecture
    from cxr_cli.models.weights.sources import combined_digest, find_all

    find_architecture(recipe.arch)
    if recipe.weights == "none":
        return ()
    found = find_all(recipe.weights, recipe.arch)
    for part in found:
        say(part.told())
    if len(found) > 1:
        say(f"weights together: sha256 {combined_digest(found)}, of their digests")
    sizes = {part.card.input_size for part in found} - {size}
    if sizes:
        trained = ", ".join(map(str, sorted(sizes)))
        say(f"these weights were trained on pictures of {trained} pixels, the images have {size}")
    return found


def resolve_memory(folder: Path, config: "RunConfig") -> "tuple[RunConfig, bool]":
    """Resolve how a batch goes through the model, and say so where memory does not hold it plainly.

    Returns:
        The configuration, and whether the step is to be rematerialized.
    """
    from cxr_cli.training.train import fit_to_memory

    fitted, rematerialize = fit_to_memory(folder, config)
    if rematerialize:
        ways = "maps within the model's blocks are computed twice, the step is the same"
        if fitted.micro_batch != config.batch_size:
            ways = f"{fitted.micro_batch} at once, their gradients summed, maps within blocks computed twice"
            if config.batch_norm == "batch":
                ways += "; batch norm takes the statistics of each part"
        say(f"a batch of {config.batch_size} images does not fit into memory: {ways}")
    return fitted, rematerialize


def train_run(
    folder: Path,
    config: "RunConfig",
    dataset: "Dataset",
    split: "Split",
    found: "tuple[FoundWeights, ...]",
    rematerialize: bool,
) -> "tuple[EpochRecord, bool]":
    """Train a run to its end, or find it finished.

    Returns:
        The selected epoch, and whether there was anything to do.
    """
    from cxr_cli.plots.plots import training_curves
    from cxr_cli.runs.config import check_config
    from cxr_cli.runs.folder import FIGURES, HISTORY, is_finished
    from cxr_cli.training.history import best_epoch, read_history
    from cxr_cli.training.train import train

    check_config(folder, config)
    finished, curves = is_finished(folder), folder / FIGURES / "training.png"
    if finished:
        history = read_history(folder / HISTORY, config.epochs)
    else:
        with _reporter(config) as report, _preemption() as preempted:
            history = train(folder, config, dataset, split, found, report, preempted, rematerialize)
    if not (finished and curves.exists()):
        training_curves(history, config.siamese, curves)
    return best_epoch(history), not finished


@contextmanager
def _preemption() -> "Iterator[Preemption]":
    """Turn SIGTERM and SIGUSR1, by which a cluster asks a job to stop, into a question with an answer."""
    asked = False

    def ask(signum: int, frame: object) -> None:  # noqa: ARG001 - the signature of a signal handler
        nonlocal asked
        asked = True

    signals = (signal.SIGTERM, signal.SIGUSR1)
    before = [signal.signal(name, ask) for name in signals]
    try:
        yield lambda: asked
    finally:
        for name, handler in zip(signals, before, strict=True):
            signal.signal(name, handler)


@contextmanager
def _reporter(config: "RunConfig") -> "Iterator[_Reporter]":
    """Report by a bar on a terminal, else by one plain line an epoch."""
    if not sys.stderr.isatty():
        yield _Reporter(config.epochs, None)
        return
    with terminal_bar() as bar:
        yield _Reporter(config.epochs, bar)


class _Reporter:
    """Tells how training goes; see `training.loop.Report`."""

    def __init__(self, epochs: int, bar: "Bar | None") -> None:
        self.epochs = epochs
        self.bar = bar
        self.task = bar.add_task("training", total=None) if bar else None
        self.began = time.monotonic()
        self.done = 0

    def resumed(self, progress: "Progress") -> None:
        step = f", step {progress.step}" if progress.step else ""
        self._line(f"going on after epoch {progress.epoch}{step}")

    def step(self, epoch: int, done: int, total: int, loss: float) -> None:
        if self.bar and self.task is not None:
            self.bar.update(
                self.task,
                description=f"epoch {epoch}/{self.epochs} loss {loss:.4f}",
                completed=(epoch - 1) * total + done,
                total=self.epochs * total,
            )

    def epoch(self, record: "EpochRecord") -> None:
        validation = f"val loss {record.val_loss:.4f}  val accuracy {record.val_accuracy:.3f}"
        if record.epoch == 0:
            self._line(f"before training  {validation} *")
            return
        self.done += 1
        left = (time.monotonic() - self.began) / self.done * (self.epochs - record.epoch)
        self._line(
            f"epoch {record.epoch}/{self.epochs}  "
            f"loss {record.train_loss:.4f}  accuracy {record.train_accuracy:.3f}  {validation}"
            f"{' *' if record.selected else '  '}  {record.seconds:.1f} s  {_clock(left)} left"
        )

    def _line(self, text: str) -> None:
        if self.bar:
            self.bar.console.print(text, highlight=False)
        else:
            say(text)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
