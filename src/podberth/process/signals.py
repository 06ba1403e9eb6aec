"""Signals that a process heeds, also while it replaces itself.

Over execve(2) handlers are lost, and a signal that comes before the new program has its own would kill it. The mask of
blocked signals is kept, and so is what came meanwhile: the new program gets it once it listens. Signals of one number
that wait are one.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

REPLACE = signal.SIGHUP
ENDING = signal.SIGTERM, signal.SIGINT


class Signals:
    """Those that were sent to this process, one after another. To be made once, by the main thread."""

    def __init__(self, heeded: Iterable[int]) -> None:
        self._heeded = tuple(heeded)
        self._told: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in self._heeded:
            signal.signal(number, lambda number, _: self._told.put(number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._heeded)  # what came before this program listened comes now

    def wait(self) -> int:
        """Return the next one."""
        return self._told.get()

    def ending(self) -> bool:
        """Say whether one that ends the process has come by now. What came of the others is heeded with that."""
        found = False
        while not self._told.empty():
            found = self._told.get() in ENDING or found
        return found

    def replace(self) -> None:
        """Become a new process of the same command line. OSError if there is no such program any more.

        Does nothing if a signal has come that ends the process.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, self._heeded)
        try:
            if not self.ending():
                os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._heeded)
