"""`cxr train`: a DATASET and its split to a RUN folder."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli.commands.console import say

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from cxr_cli.run import RunConfig
    from cxr_cli.training.checkpoint import Progress
    from cxr_cli.training.history import EpochRecord
    from cxr_cli.training.loop import Preemption


def train(
    dataset: Annotated[Path, typer.Argument(help="A DATASET folder.")],
    split: Annotated[Path, typer.Option(help="The split.csv that divides it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The RUN folder.")],
    recipe: Annotated[str, typer.Option(help="The papers' settings: single or siamese.")] = "single",
    arch: Annotated[str | None, typer.Option(help="Architecture. [covidnet]")] = None,
    width: Annotated[float | None, typer.Option(help="Channels and units, times the paper's. [1]")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs. [100 single, 50 siamese]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Films or pairs a step. [16 single, 32 siamese]")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate. [1e-4]")] = None,
    pairs: Annotated[int | None, typer.Option(help="Pairs an epoch, siamese only. [12000]")] = None,
    pairing: Annotated[str | None, typer.Option(help="random or in-batch pairs, siamese only. [random]")] = None,
    fold: Annotated[int | None, typer.Option(help="The fold that tests, where the split has folds.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32, tf32 or bfloat16 arithmetic. [float32]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights, sampling and dropout.")] = 0,
) -> None:
    """Train a net and keep the epoch that does best in validation. The same command line again resumes."""
    from cxr_cli.dataset.split import open_split
    from cxr_cli.dataset.store import open_dataset
    from cxr_cli.figures.plots import training_curves
    from cxr_cli.run import FIGURES, write_config
    from cxr_cli.training.history import best_epoch
    from cxr_cli.training.recipes import resolve_recipe
    from cxr_cli.training.train import is_finished, run_config
    from cxr_cli.training.train import train as train_run

    overrides = {
        "arch": arch,
        "width": width,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "pairs": pairs,
        "pairing": pairing,
        "precision": precision,
    }
    settings = resolve_recipe(recipe, overrides)
    films = open_dataset(dataset)
    division = open_split(split, films, fold)
    config = run_config(recipe, settings, films, division, seed)
    write_config(output, config)
    if is_finished(output):
        say(f"{output}: this run is finished ({config.epochs} epochs); nothing to do")
        return
    with _reporter(config) as report, _preemption() as preempted:
        history = train_run(output, config, films, division, report, preempted)
    training_curves(history, output / FIGURES / "training.png")
    best = best_epoch(history)
    say(f"{output}: finished; selected epoch {best.epoch} of {len(history)}")
    typer.echo(f"best validation accuracy {best.val_accuracy:.4f} (epoch {best.epoch})")


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
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
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
        self.done += 1
        left = (time.monotonic() - self.began) / self.done * (self.epochs - record.epoch)
        self._line(
            f"epoch {record.epoch}/{self.epochs}  "
            f"loss {record.train_loss:.4f}  accuracy {record.train_accuracy:.3f}  "
            f"val loss {record.val_loss:.4f}  val accuracy {record.val_accuracy:.3f}"
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
