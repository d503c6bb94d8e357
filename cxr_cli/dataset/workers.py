"""A function mapped over many items by several processes: in order, and in flat memory."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import cv2

from cxr_cli.errors import CxrError

TASKS_PER_WORKER = 4
"""Items in flight for each worker: enough to keep it busy, few enough to keep memory flat."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cpus() -> int:
    """The CPUs that this process may use, which on a batch node are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_order(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Generator[Result, None, None]:
    """Yield function(item) for each item in order, worked out in this process (1 worker) or in several.

    Close the generator (contextlib.closing) to end the processes early.

    Raises:
        CxrError: a process died.
    """
    if workers == 1 or len(items) <= 1:
        yield from map(function, items)
        return
    # Spawned, not forked: whoever calls this may hold threads and locks.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(items)), mp_context=context, initializer=_begin_worker)

    def submit(item: Item) -> Future[Result]:
        with _interrupts_held():  # a process begun here inherits that, and so is deaf to Ctrl-C for life
            return pool.submit(function, item)

    waiting = iter(items)
    running: deque[Future[Result]] = deque()
    try:
        running.extend(submit(item) for item in islice(waiting, TASKS_PER_WORKER * workers))
        while running:
            result = running.popleft().result()
            running.extend(submit(item) for item in islice(waiting, 1))
            yield result
    except BrokenProcessPool as error:
        raise CxrError(
            "a working process died (out of memory?); run again to go on, with --workers 1 to see where"
        ) from error
    finally:
        with (
            _interrupts_held()
        ):  # a second Ctrl-C in the middle of this would leave processes waiting for ever
            pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back from this thread; one that comes meanwhile takes effect afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker() -> None:
    """Set up a process: one thread for OpenCV, for the processes share the CPUs; gone when the parent is."""
    cv2.setNumThreads(1)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
