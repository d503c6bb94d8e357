"""What the library has to say on the way: notices and progress, by one protocol. No I/O of its own."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Advance(Protocol):
    """Called as work progresses."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report that `done` of `total` pieces are done; `note` is shown next to the bar, such as a loss."""


class Reporter(Protocol):
    """Takes what the library has to say; the commands print it on stderr, a notebook may ignore it."""

    def say(self, message: str) -> None:
        """Take one notice, a line."""

    def progress(self, what: str) -> AbstractContextManager[Advance]:
        """Begin a piece of work, named `what`, and return how to report its progress."""


def part_of(advance: Advance, before: int, total: int) -> Advance:
    """Report the progress of a part: `before` pieces of `total` were done when it began."""
    return lambda done, _, note="": advance(before + done, total, note)


def unheard(done: int, total: int, note: str = "") -> None:
    """Report to nobody; an `Advance`."""


class Silent:
    """Says nothing: the default of every function of the library."""

    def say(self, message: str) -> None:
        """Drop the notice."""

    @contextmanager
    def progress(self, what: str) -> Iterator[Advance]:  # noqa: ARG002 - as the protocol has it
        """Report to nobody."""
        yield unheard


SILENT: Reporter = Silent()
