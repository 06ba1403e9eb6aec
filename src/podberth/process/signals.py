"""Signals that a process heeds, also while it replaces itself.

They are blocked in every thread and fetched by the main one, so none interrupts anything or comes too early. The mask
of blocked signals is kept over execve(2), and a pending signal too: the new program fetches it. Signals of one number
that wait are one. A program that such a process starts should be given an empty mask (runtime/invoke.py).
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

REPLACE = signal.SIGHUP
ENDING = signal.SIGTERM, signal.SIGINT


class Signals:
    """Those that were sent to this process. To be made before any thread begins: threads have their maker's mask."""

    def __init__(self, heeded: Iterable[int]) -> None:
        self._heeded = tuple(heeded)
        signal.pthread_sigmask(signal.SIG_BLOCK, self._heeded)

    def wait(self) -> int:
        """Return the next one."""
        return signal.sigwait(self._heeded)

    def ending(self) -> bool:
        """Say whether one that ends the process has come by now."""
        return not signal.sigpending().isdisjoint(ENDING)

    def replace(self) -> None:
        """Become a new process of the same command line. OSError if there is no such program any more.

        Does nothing if a signal has come that ends the process.
        """
        if not self.ending():
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself


class Part(Protocol):
    """What a process is for: it runs in threads of its own."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""


def until_ended(make: Callable[[], Part]) -> int:
    """Make a part, and run it until a signal ends the process; return the exit status."""
    signals = Signals(ENDING)
    part = make()
    part.start()
    signals.wait()
    part.stop()
    return 0
