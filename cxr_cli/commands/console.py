"""Talk: progress and notices on stderr, bars only on a terminal. Data goes to stdout by `typer.echo`."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from cxr_cli.runs.model_store import TrainedRun

Advance = Callable[[int, int], None]
"""Called with (done, total) as work goes on."""


def say(message: str) -> None:
    """Print one notice on stderr."""
    print(message, file=sys.stderr, flush=True)


def say_if_unfinished(run: "TrainedRun") -> None:
    """Say that a run's model may not be its last, where training goes on."""
    from cxr_cli.runs.folder import is_finished

    if not is_finished(run.folder):
        say(f"{run.folder}: training is not finished; this is the best model so far, of epoch {run.epoch}")


@contextmanager
def progress(what: str) -> Iterator[Advance]:
    """Yield a function `advance(done, total)`: a bar on a terminal, else a plain line at most every 30 s."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    with terminal_bar() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def terminal_bar() -> Iterator["Bar"]:
    """Show a bar on stderr, gone at the end: description, done of total, time left. For terminals only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield bar


def _lines(what: str, every_seconds: float = 30.0) -> Advance:
    last = time.monotonic()

    def advance(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= every_seconds:
            last = now
            say(f"{what}: {done} of {total}")

    return advance
