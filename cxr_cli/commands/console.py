"""Talk: notices and progress on stderr, bars only on a terminal; `show` puts results on stdout."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from cxr_cli.errors import BadInput, with_names
from cxr_cli.printable import printable
from cxr_cli.reporting import Advance

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

EVERY_SECONDS, EVERY_SECONDS_VERBOSE = 30.0, 5.0
"""Where there is no terminal, a line of progress at most so often."""
SPEED_SECONDS = 600.0
"""The time left is estimated from what was done in so many seconds before; a step may take a minute."""


class Console:
    """Reports on stderr; see `cxr_cli.reporting.Reporter`.

    Attributes:
        names: the running command's flags, by the fields that the library names in backticks.
        silent: whether another process of this job says it all.
        quiet: whether only errors are said.
        verbose: whether notices have the time, and progress comes more often.
    """

    def __init__(self) -> None:
        """Begin without a bar."""
        self._bar: Bar | None = None
        self.names: dict[str, str] = {}
        self.silent = False
        self.quiet = False
        self.verbose = False
        self._log: TextIO | None = None

    @contextmanager
    def logging_to(self, path: Path | None) -> Iterator[None]:
        """Append all that is said meanwhile to a file, too.

        Raises:
            BadInput: it cannot be written.
        """
        if path is None:
            yield
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._log = path.open("a", encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{path}: cannot be written ({error.strerror})") from error
        try:
            yield
        finally:
            self._log.close()
            self._log = None

    def log(self, message: str) -> None:
        """Append to the log, if there is one, with the time."""
        if self._log is not None:
            print(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {message}", file=self._log, flush=True)

    def say(self, message: str) -> None:
        """Print one notice, above the bar where there is one."""
        if self.silent:
            return
        message = printable(with_names(message, self.names))
        self.log(message)
        if self.quiet:
            return
        if self.verbose:
            message = f"{time.strftime('%H:%M:%S')} {message}"
        try:
            if self._bar is None:
                print(message, file=sys.stderr, flush=True)
            else:
                self._bar.console.print(message, highlight=False, markup=False)
        except BrokenPipeError:
            raise
        except OSError:  # a log on a full disk: what the command makes is worth more
            pass

    @contextmanager
    def progress(self, what: str) -> Iterator[Advance]:
        """Show a bar on a terminal, else print a plain line now and then."""
        if self.silent or self.quiet or not sys.stderr.isatty():
            with self._lines(what) as advance:
                yield advance
            return
        with terminal_bar() as bar:
            task = bar.add_task(what, total=None)

            def advance(done: int, total: int, note: str = "") -> None:
                bar.update(task, description=f"{what} {note}".rstrip(), completed=done, total=total)

            self._bar = bar
            try:
                yield advance
            finally:
                self._bar = None

    @contextmanager
    def _lines(self, what: str) -> Iterator[Advance]:
        """Print a plain line now and then; where nothing advances, such as in compilation, one too."""
        every = EVERY_SECONDS_VERBOSE if self.verbose else EVERY_SECONDS
        last, before = time.monotonic(), -1
        waiting = threading.Timer(every, lambda: None)

        def advance(done: int, total: int, note: str = "") -> None:
            nonlocal last, before, waiting
            waiting.cancel()
            left = every - (time.monotonic() - last)
            line = f"{what}: {done} of {total}{f', {note}' if note else ''}"

            def say() -> None:
                nonlocal last
                last = time.monotonic()
                self.say(line)

            if left <= 0:
                say()
            elif note and done in (0, before):
                waiting = threading.Timer(left, say)
                waiting.daemon = True
                waiting.start()
            before = done

        try:
            yield advance
        finally:
            waiting.cancel()


CONSOLE = Console()
say = CONSOLE.say


def show(text: object, *, data: bool = False, end: str = "\n") -> None:
    """Put a result on stdout, such that no text of a file in it steers the terminal.

    Args:
        text: of any number of lines.
        data: whether it is for programs, CSV or JSON: it goes on as it is where stdout is no terminal.
        end: follows it.
    """
    shown = str(text)
    if not data or sys.stdout.isatty():
        shown = printable(shown, keep="\n\t")
    print(shown, end=end, flush=True)


@contextmanager
def terminal_bar() -> Iterator["Bar"]:
    """Show a bar on stderr, gone at the end: description, done of total, time left."""
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Terminal(stderr=True), transient=True, speed_estimate_period=SPEED_SECONDS
    ) as bar:
        yield bar
