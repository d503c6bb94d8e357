"""A function called in processes of its own, guarded: whatever one item does, the others are done.

Over many items in order and in flat memory (`map_in_order`), or over one at a time (`guarded`).

A process takes a few items at a time, for to pass on a small one takes longer than to work on it. One that
hangs or dies is killed and replaced, and each of its items is tried once more, alone, so that it is known
which one it was; that one is given up, and the work continues. What native code in a process prints goes
nowhere: it is no result, and may hold what a header says.
"""

import math
import multiprocessing
import os
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, NoReturn, TypeVar

import cv2

from cxr_cli.errors import CxrError
from cxr_cli.import_path import working_folder_kept_out

BATCHES_PER_WORKER = 4
"""Batches ahead of the next turn, a worker: enough to keep it busy, few enough to keep memory flat."""

BATCH_SECONDS, BATCH_ITEMS = 0.05, 32
"""How long a process is at work on a batch, about, and the most items in one."""

MOST_MEMORY = 2**34
"""Bytes of address space that a process may take: several times what the largest image needs."""

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
        workers: processes; 0 works in this one, without any guard: for what no foreign decoder does.
        timeout: seconds after which an item is tried again, and then given up; None waits for ever.
        on_loss: gives the result of an item that ran out of memory, or twice ran out of time or killed its
            process, from the item and the reason; by default it raises CxrError.

    Raises:
        CxrError: a process that cannot be started.
    """
    if workers == 0:
        yield from map(function, items)
        return
    with _crew(function, min(workers, len(items)), timeout, on_loss) as crew:
        yield from crew.work(items)


@contextmanager
def guarded(
    function: Callable[[Item], Result],
    timeout: float | None = None,
    on_loss: Callable[[Item, str], Result] = raise_loss,
) -> Iterator[Callable[[Item], Result]]:
    """Give the function as one that works in another process, which begins with the first call.

    Args:
        function, timeout, on_loss: see `map_in_order`.
    """
    with _crew(function, 1, timeout, on_loss) as crew:
        yield lambda item: next(crew.work([item]))


@dataclass
class _Worker(Generic[Item]):
    """A process and the turns that it is at: none while it is idle or still starting."""

    process: BaseProcess
    pipe: "Connection[Any, Any]"
    ready: bool = False
    turns: Sequence[int] = ()
    begun: float = 0.0


@dataclass(frozen=True)
class _Raised:
    """What the function raised, in the place of its result."""

    error: Exception


@dataclass(frozen=True)
class _Lost:
    """Why there is no result."""

    reason: str


class _Crew(Generic[Item, Result]):
    """Processes that work on items, each on a batch of them at a time."""

    def __init__(
        self,
        function: Callable[[Item], Result],
        size: int,
        timeout: float | None,
        on_loss: Callable[[Item, str], Result],
    ) -> None:
        self._function = function
        self._size = size
        self._timeout = timeout
        self._on_loss = on_loss
        self._workers: list[_Worker[Item]] = []
        self._batch = 1  # until it is known how long an item takes

    def work(self, items: Sequence[Item]) -> Iterator[Result]:
        """Yield the items' results in order."""
        self._begun = 0
        self._again: list[int] = []
        self._alone: set[int] = set()
        while len(self._workers) < self._size:
            self._hire()
        results: dict[int, Result | _Raised] = {}
        for turn in range(len(items)):
            while turn not in results:
                self._give(items, turn)
                results.update(self._collect(items))
            self._give(items, turn)  # before the caller is at work on the result
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
        # Begun by the first process, it would let Ctrl-C through again that is held back here.
        with working_folder_kept_out():
            resource_tracker.ensure_running()
        ours, theirs = CONTEXT.Pipe()
        process = CONTEXT.Process(target=_serve, args=(self._function, theirs), daemon=True)
        with (
            working_folder_kept_out(),
            _interrupts_held(),
        ):  # a process begun here inherits that, and so is deaf to Ctrl-C for life
            process.start()
            self._workers.append(_Worker(process, ours))
        theirs.close()  # the only other end is the process's now: its death is the end of the pipe

    def _end(self, worker: _Worker[Item]) -> None:
        worker.process.kill()
        worker.process.join(PATIENCE)
        worker.pipe.close()

    def _give(self, items: Sequence[Item], turn: int) -> None:
        """Give idle processes the items that are to be tried again, then the next ones."""
        ahead = min(len(items), turn + BATCHES_PER_WORKER * len(self._workers) * self._batch)
        for worker in self._workers:
            if not worker.ready or worker.turns:
                continue
            if self._again:
                turns: Sequence[int] = [self._again.pop(0)]
            else:
                # The last ones are shared out evenly.
                share = max(1, (len(items) - self._begun) // (2 * len(self._workers)))
                turns = range(self._begun, min(ahead, self._begun + min(self._batch, share)))
                self._begun += len(turns)
            if turns:
                worker.turns, worker.begun = turns, time.monotonic()
                with suppress(OSError):  # it died meanwhile, which is heard next
                    worker.pipe.send([items[turn] for turn in turns])

    def _collect(self, items: Sequence[Item]) -> Iterator[tuple[int, Result | _Raised]]:
        """Wait until something happens; yield the results that came, and those of items that are lost."""
        limit = math.inf if self._timeout is None else self._timeout
        began = min((worker.begun for worker in self._workers if worker.turns), default=math.inf)
        # Selectors take no time that is too long: at the end of an hour it is asked again.
        heard = wait(
            [worker.pipe for worker in self._workers],
            min(3600.0, max(0.0, began + limit - time.monotonic())),
        )
        for worker in list(self._workers):
            if worker.pipe in heard:
                try:
                    answers = worker.pipe.recv()
                except (EOFError, OSError):
                    reason = _death(worker.process)
                    if not worker.ready:
                        raise CxrError(f"a working process {reason} before it had any work") from None
                    yield from self._lose(worker, items, reason)
                    continue
                for turn, answer in zip(worker.turns, answers, strict=True):
                    lost = isinstance(answer, _Lost)
                    yield turn, self._on_loss(items[turn], answer.reason) if lost else answer
                if worker.turns:
                    each = (time.monotonic() - worker.begun) / len(worker.turns)
                    self._batch = max(1, min(BATCH_ITEMS, int(BATCH_SECONDS / max(each, 1e-9))))
                worker.ready, worker.turns = True, ()
            elif worker.turns and worker.begun + limit <= time.monotonic():
                yield from self._lose(worker, items, f"was not done within {self._timeout:g} s")

    def _lose(
        self, worker: _Worker[Item], items: Sequence[Item], reason: str
    ) -> Iterator[tuple[int, Result]]:
        """Replace a dead or hanging process; its items are tried again, or given up after that."""
        self._workers.remove(worker)
        self._end(worker)
        self._hire()
        for turn in worker.turns:
            if turn in self._alone:
                yield turn, self._on_loss(items[turn], reason)
            else:
                self._alone.add(turn)
                self._again.append(turn)


@contextmanager
def _crew(
    function: Callable[[Item], Result],
    size: int,
    timeout: float | None,
    on_loss: Callable[[Item, str], Result],
) -> "Iterator[_Crew[Item, Result]]":
    crew = _Crew(function, size, timeout, on_loss)
    try:
        yield crew
    finally:
        # A second Ctrl-C in the middle of this would leave processes behind.
        with _interrupts_held():
            crew.dismiss()


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


def _serve(function: Callable[[Any], Any], pipe: "Connection[Any, Any]") -> None:
    """A process's life: say that it is ready, then answer each item until there are no more."""
    cv2.setNumThreads(1)  # the processes share the CPUs
    _bound_memory()
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # the other end is gone: nobody waits for more
        pipe.send([])
        while True:
            pipe.send([_answer(function, item) for item in pipe.recv()])


def _bound_memory() -> None:
    """Let a decoder that asks for far too much be refused, lest the system kill another process for it.

    One that is killed leaves no core file, which would hold an image and its header.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    limits = resource.getrlimit(resource.RLIMIT_AS)
    lowest = min(limit for limit in (MOST_MEMORY, *limits) if limit != resource.RLIM_INFINITY)
    with suppress(ValueError, OSError):  # not every system has this limit
        resource.setrlimit(resource.RLIMIT_AS, (lowest, limits[1]))


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
