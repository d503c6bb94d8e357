"""A reporter that keeps what it is expected."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cxr_cli.reporting import Advance


class Recorder:
    """Keeps notices, and (done, total) and notes of progress; `after` is called with each step."""

    def __init__(
        self,
        said: list[str] | None = None,
        steps: list[tuple[int, int]] | None = None,
        after: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self.said = [] if said is None else said
        self.steps = [] if steps is None else steps
        self.notes: list[str] = []
        self.after = after

    def say(self, message: str) -> None:
        self.said.append(message)

    @contextmanager
    def progress(self, _: str) -> Iterator[Advance]:
        def advance(done: int, total: int, note: str = "") -> None:
            self.steps.append((done, total))
            self.notes.append(note)
            self.after(done, total)

        yield advance
