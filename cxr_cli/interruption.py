"""Ctrl-C: the first one asks a command to stop where it can be continued, the second one ends it at once."""

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 128 + signal.SIGINT
"""The exit code of a command that was stopped from the keyboard, as shells have it."""

QUIET_SECONDS = 1.0
"""A command that is gone so soon after Ctrl-C need not say that it is stopping."""


class Interrupts:
    """How often Ctrl-C was pressed.

    Attributes:
        count: since the watch began.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.count = 0

    def hear(self, wakeups: int) -> None:
        """Read the numbers of signals from a pipe until it is closed; the second Ctrl-C ends the process."""
        while numbers := os.read(wakeups, 64):
            before, self.count = self.count, self.count + numbers.count(signal.SIGINT)
            if self.count > 1:
                os._exit(INTERRUPTED)
            if self.count > before and not select.select([wakeups], [], [], QUIET_SECONDS)[0]:
                print("cxr: stopping; Ctrl-C again stops at once", file=sys.stderr, flush=True)
        os.close(wakeups)


@contextmanager
def watched_interrupts() -> Iterator[Interrupts]:
    """Watch for Ctrl-C from a thread, for the main one may be within a compiler for a minute.

    What the main thread does about the first one is decided where it is: Python raises KeyboardInterrupt, and
    within `preemption` a state is saved first.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts  # Python lets the main thread alone handle signals.
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    listener = threading.Thread(target=interrupts.hear, args=(reading,), daemon=True)
    listener.start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield interrupts
    finally:
        signal.set_wakeup_fd(before)
        os.close(writing)
        listener.join(1.0)
