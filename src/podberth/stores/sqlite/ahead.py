"""Flushing the write-ahead log before anybody waits for it, in a process that stays."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from podberth.process.log import notice
from podberth.process.loop import WAIT, Loop

if TYPE_CHECKING:
    from collections.abc import Callable

_END = -1  # instead of a commit's number: nothing comes after it


class Ahead:
    """A loop that flushes commits nobody waits for yet. Whoever waits for one later tries again if it fails here."""

    def __init__(self, flush: Callable[[int], None]) -> None:
        self._flush = flush
        self._asked: SimpleQueue[int] = SimpleQueue()
        self._loop = Loop("flush ahead", self._turn, notice)
        self._loop.start()

    def put(self, commit: int) -> None:
        """Flush up to this commit, soon."""
        self._asked.put(commit)

    def end(self) -> None:
        """Flush nothing more."""
        self._loop.stop()
        self._asked.put(_END)

    def _turn(self) -> float:
        try:
            commit = self._asked.get(timeout=WAIT)
        except Empty:
            return 0.0
        if commit != _END:
            self._flush(commit)
        return 0.0
