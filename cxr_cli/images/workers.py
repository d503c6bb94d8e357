"""A function mapped over many items by several processes: in order, in flat memory, whatever one item does.

Each process has one item at a time, so that it is known which one made it hang or die; it is then killed
and replaced, and the work continues.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, NoReturn, TypeVar

import cv2

from cxr_cli.errors import CxrError

TASKS_PER_WORKER = 4
"""Items ahead of the next turn, a worker: enough to keep it busy, few enough to keep memory flat."""

PATIENCE = 5.0
"""Seconds that a process may take to be gone once it is killed or has closed its pipe."""

# Spawned, not forked: whoever calls this may hold threads and locks.
CONTEXT = multiprocessing.get_context("spawn")

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cpus() -> int:
    """The CPUs that this process may use, which on a batch node are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def raise_loss(_: object, reason: str) -> NoReturn:
    """Give up over a lost item."""
    raise CxrError(f"an item of work {reason}; run again to resume")


def map_in_order(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    timeout: float | None = None,
    on_loss: Callable[[Item, str], Result] = raise_loss,
) -> Generator[Result, None, None]:
    """Yield function(item) for each item in order.

    Close the generator (contextlib.closing) to end the processes early.

    Args:
        function: what it raises is raised here in the item's turn.
        items: what to work on.
        workers: processes; 0 works in this one, without any guard.
        timeout: seconds after which an item is given up; None waits for ever.
        on_loss: gives the result of an item that ran out of time or memory or killed its process, from the
            item and the reason; by default it raises CxrError.

    Raises:
        CxrError: a process that cannot be started.
    """
    if workers == 0:
        yield from map(function, items)
        return
    crew = _Crew(function, min(workers, len(items)), timeout, on_loss)
    try:
        yield from crew.work(items)
    finally:
        # A second Ctrl-C in the middle of this would leave processes behind.
        with _interrupts_held():
            crew.dismiss()


@dataclass
class _Worker(Generic[Item]):
    """A process and what it is at; `turn` is None while it is idle or still starting."""

    process: BaseProcess
    pipe: "Connection[Any, Any]"
    ready: bool = False
    turn: int | None = None
    deadline: float | None = None


@dataclass(frozen=True)
class _Raised:
    """What the function raised, in the place of its result."""

    error: Exception


@dataclass(frozen=True)
class _Lost:
    """Why there is no result."""

    reason: str


class _Crew(Generic[Item, Result]):
    """Processes that work on items, one each at a time."""

    def __init__(
        self,
        function: Callable[[Item], Result],
        size: int,
        timeout: float | None,
        on_loss: Callable[[Item, str], Result],
    ) -> None:
        self._function = function
        self._timeout = timeout
        self._on_loss = on_loss
        self._workers: list[_Worker[Item]] = []
        # Begun by the first process, it would let Ctrl-C through again that `_hire` holds back.
        with _working_directory_off_the_path():
            resource_tracker.ensure_running()
        for _ in range(size):
            self._hire()

    def work(self, items: Sequence[Item]) -> Iterator[Result]:
        """Yield the items' results in order."""
        results: dict[int, Result | _Raised] = {}
        begun = 0
        for turn in range(len(items)):
            while turn not in results:
                ahead = min(len(items), turn + TASKS_PER_WORKER * len(self._workers))
                for worker in self._idle():
                    if begun < ahead:
                        begun += self._begin(worker, begun, items[begun])
                results.update(self._collect(items))
            result = results.pop(turn)
            if isinstance(result, _Raised):
                raise result.error
            yield result

    def dismiss(self) -> None:
        """End all processes at once; there is nothing in them to lose."""
        for worker in self._workers:
            self._end(worker)
        self._workers = []

    def _hire(self) -> None:
        ours, theirs = CONTEXT.Pipe()
        process = CONTEXT.Process(target=_serve, args=(self._function, theirs), daemon=True)
        with (
            _working_directory_off_the_path(),
            _interrupts_held(),
        ):  # a process begun here inherits that, and so is deaf to Ctrl-C for life
            process.start()
            self._workers.append(_Worker(process, ours))
        theirs.close()  # the only other end is the process's now: its death is the end of the pipe

    def _end(self, worker: _Worker[Item]) -> None:
        worker.process.kill()
        worker.process.join(PATIENCE)
        worker.pipe.close()

    def _idle(self) -> Iterable[_Worker[Item]]:
        return [worker for worker in self._workers if worker.ready and worker.turn is None]

    def _begin(self, worker: _Worker[Item], turn: int, item: Item) -> bool:
        """Give an idle process an item; False if it died meanwhile."""
        try:
            worker.pipe.send(item)
        except OSError:
            return False
        worker.turn = turn
        worker.deadline = None if self._timeout is None else time.monotonic() + self._timeout
        return True

    def _collect(self, items: Sequence[Item]) -> Iterator[tuple[int, Result | _Raised]]:
        """Wait until something happens; yield the results that came, and those of items that are lost."""
        deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None]
        # Selectors take no time that is too long: at the end of an hour it is asked again.
        patience = min(3600.0, max(0.0, min(deadlines) - time.monotonic())) if deadlines else None
        heard = wait([worker.pipe for worker in self._workers], patience)
        for worker in list(self._workers):
            turn = worker.turn
            if worker.pipe in heard:
                try:
                    answer = worker.pipe.recv()
                except (EOFError, OSError):
                    reason = _death(worker.process)
                    if not worker.ready:
                        raise CxrError(f"a working process {reason} before it had any work") from None
                    self._replace(worker)
                    if turn is not None:
                        yield turn, self._on_loss(items[turn], reason)
                    continue
                if turn is not None:
                    lost = isinstance(answer, _Lost)
                    yield turn, self._on_loss(items[turn], answer.reason) if lost else answer
                worker.ready, worker.turn, worker.deadline = True, None, None
            elif turn is not None and worker.deadline is not None and worker.deadline <= time.monotonic():
                self._replace(worker)
                yield turn, self._on_loss(items[turn], f"was not done within {self._timeout:g} s")

    def _replace(self, worker: _Worker[Item]) -> None:
        """Put a new process in the place of a dead or hanging one."""
        self._workers.remove(worker)
        self._end(worker)
        self._hire()


def _death(process: BaseProcess) -> str:
    """How a process that has closed its pipe came to its end."""
    process.join(PATIENCE)
    code = process.exitcode
    if code is None or code >= 0:
        return f"ended its process (exit code {code})"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"killed its process ({name}{', out of memory?' if -code == signal.SIGKILL else ''})"


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back from this thread; one that comes meanwhile takes effect afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _working_directory_off_the_path() -> Iterator[None]:
    """Begin processes that import nothing from the working directory, where a random.py may lie."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _serve(function: Callable[[Any], Any], pipe: "Connection[Any, Any]") -> None:
    """A process's life: say that it is ready, then answer each item until there are no more."""
    cv2.setNumThreads(1)  # the processes share the CPUs
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # the other end is gone: nobody waits for more
        pipe.send(None)
        while True:
            pipe.send(_answer(function, pipe.recv()))


def _answer(function: Callable[[Any], Any], item: Any) -> Any:
    try:
        return function(item)
    except MemoryError:
        return _Lost("ran out of memory")
    except Exception as error:
        error.add_note(traceback.format_exc())
        return _Raised(error)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
