"""Ending the DELs that were answered: those of a moment together, each of them until it is done."""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.cni.value import value
from podberth.process.jitter import Backoff
from podberth.process.loop import WAIT, Loop
from podberth.process.reason import reason
from podberth.verbs.finish import Occupied, finish

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.pod import Attachment
    from podberth.net.record import RecordKey
    from podberth.process.reason import Reason
    from podberth.verbs.node import Node

BATCH = 256  # links deleted in one go: the kernel holds its lock for networks meanwhile
# Seconds. A deletion holds that lock for an RCU period, however few links it is for, and every DEL and ADD waits for
# it: so it begins when no DEL has come for a while, or the first has waited for long. An ADD that needs what a DEL
# still holds does not wait for that: it ends the DEL itself (verbs.takeover).
QUIET, GATHERING = 0.01, 0.5
LONGEST_BUSY = 0.64  # seconds until a container that somebody was at work on is looked at again
_BACKOFF = Backoff(0.04, 10.0, least=0.5)  # before what failed is tried again
_BUSY = Backoff(0.04, LONGEST_BUSY, least=0.5)
_TOLD = 8  # how often a container is found busy until that is told of


def pause(failure: CniError, tries: int) -> float:
    """Return the seconds until a DEL is tried again that `failure` has kept from its end, after so many tries."""
    return (_BUSY if isinstance(failure, Occupied) else _BACKOFF).pause(tries)


@value
class _Again:
    """When a DEL is to be tried again, by the monotonic clock, and how often it was."""

    due: float
    tries: int


class Finisher:
    """A thread that ends DELs, of all the stores there are; `open_node` opens a store's node for one use."""

    def __init__(
        self,
        open_node: Callable[[str], Node],
        told: Callable[[Attachment, CniError], None],
        failed: Callable[[Reason], object],
    ) -> None:
        self._open = open_node
        self._told = told
        self._changed = threading.Condition()
        self._begun: deque[tuple[str, RecordKey]] = deque()
        self._stopping = False
        self._again: dict[tuple[str, RecordKey], _Again] = {}  # each at its own time: no DEL waits for another's
        self._under_way: dict[tuple[str, RecordKey], int] = {}  # with how often it was tried
        self._loop = Loop("finisher", self._turn, failed)

    @property
    def waiting(self) -> int:
        """How many DELs were answered and not ended yet."""
        with self._changed:
            return len(self._begun) + len(self._again) + len(self._under_way)

    def start(self) -> None:
        """Begin to work."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """Work off what is there, for at most so long, and end. What is left is found by the next agent."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._loop.wake()
        self._loop.join(seconds)

    def add(self, directory: str, key: RecordKey) -> None:
        """See to the end of a DEL that was begun in the store in `directory`."""
        with self._changed:
            self._begun.append((directory, key))
            if len(self._begun) in (1, BATCH):  # what comes in between is found, without a change of threads for each
                self._changed.notify()

    def _turn(self) -> float:
        batch = self._next()
        again = {each: _Again(due=monotonic() + _BACKOFF.longest, tries=1) for each in batch}
        try:
            again = self._end(batch)
        finally:
            with self._changed:
                self._again |= again
                self._under_way = {}
        return 0.0

    def _next(self) -> tuple[tuple[str, RecordKey], ...]:
        """Wait for DELs to end, for a while, and return them. The loop ends if it is to, and no more can be done."""
        with self._changed:
            if not self._begun and not self._stopping:
                due = min((each.due for each in self._again.values()), default=monotonic() + WAIT)
                self._changed.wait(max(0.0, min(due - monotonic(), WAIT)))
            self._gather()
            if self._stopping and not self._begun:
                self._loop.stop()
                return ()
            self._under_way = {self._begun.popleft(): 0 for _ in range(min(BATCH, len(self._begun)))}
            now = monotonic()
            for each in [each for each, at in self._again.items() if at.due <= now][: BATCH - len(self._under_way)]:
                self._under_way[each] = self._again.pop(each).tries
            return tuple(self._under_way)

    def _gather(self) -> None:
        end, before = monotonic() + GATHERING, 0
        while before < len(self._begun) < BATCH and not self._stopping and monotonic() < end:
            before = len(self._begun)
            self._changed.wait(QUIET)

    def _end(self, batch: tuple[tuple[str, RecordKey], ...]) -> dict[tuple[str, RecordKey], _Again]:
        again = {}
        for directory in dict.fromkeys(directory for directory, _ in batch):
            its = [key for named, key in batch if named == directory]
            for key, failure in self._finish(directory, its).items():
                tries = self._under_way[directory, key] + 1
                if tries == _TOLD or not isinstance(failure, Occupied):
                    self._told(key.attachment, failure)
                again[directory, key] = _Again(due=monotonic() + pause(failure, tries), tries=tries)
        return again

    def _finish(self, directory: str, its: list[RecordKey]) -> dict[RecordKey, CniError]:
        try:
            node = self._open(directory)
            try:
                return finish(node, its)
            finally:
                node.host.close()
        except CniError as failure:
            return dict.fromkeys(its, failure)
        except Exception as bug:  # noqa: BLE001 - a thread that dies would leave all that come after
            return dict.fromkeys(its, CniError(f"internal error: {reason(bug)}", "please report it with the log"))
