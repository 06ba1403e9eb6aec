"""Ending the DELs that were answered: those of a moment together, each of them until it is done."""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.process.jitter import Backoff
from podberth.process.loop import WAIT, Loop, reason
from podberth.verbs.finish import finish

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.pod import Attachment
    from podberth.verbs.node import Node

BATCH = 256  # links deleted in one go: the kernel holds its lock for networks meanwhile
# Seconds. A deletion holds that lock for an RCU period, however few links it is for, and every DEL and ADD waits for
# it: so it begins when no DEL has come for a while, or the first has waited for long. An ADD that needs what a DEL
# still holds does not wait for that: it ends the DEL itself (verbs.takeover).
QUIET, GATHERING = 0.01, 0.5
_BACKOFF = Backoff(0.04, 10.0, least=0.5)  # before what failed is tried again


class Finisher:
    """A thread that ends DELs, of all the stores there are; `open_node` opens a store's node for one use."""

    def __init__(
        self,
        open_node: Callable[[str], Node],
        told: Callable[[Attachment, CniError], None],
        failed: Callable[[str], None],
    ) -> None:
        self._open = open_node
        self._told = told
        self._changed = threading.Condition()
        self._begun: deque[tuple[str, Attachment]] = deque()
        self._stopping = False
        self._under_way = 0
        self._failed = 0  # rounds in a row
        self._loop = Loop("finisher", self._turn, failed)

    @property
    def waiting(self) -> int:
        """How many DELs were answered and not ended yet."""
        with self._changed:
            return len(self._begun) + self._under_way

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

    def add(self, directory: str, attachment: Attachment) -> None:
        """See to the end of a DEL that was begun in the store in `directory`."""
        with self._changed:
            self._begun.append((directory, attachment))
            if len(self._begun) in (1, BATCH):  # what comes in between is found, without a change of threads for each
                self._changed.notify()

    def _turn(self) -> float:
        batch = self._next()
        again = batch
        try:
            again = self._end(batch)
        finally:
            with self._changed:
                self._begun.extend(again)
                self._under_way = 0
                self._failed = self._failed + 1 if again else 0
        return _BACKOFF.pause(self._failed)

    def _next(self) -> list[tuple[str, Attachment]]:
        """Wait for DELs to end, for a while, and return them. The loop ends if it is to, and no more can be done."""
        with self._changed:
            if not self._begun and not self._stopping:
                self._changed.wait(WAIT)
            self._gather()
            if self._stopping and (not self._begun or self._failed):
                self._loop.stop()
                return []
            batch = [self._begun.popleft() for _ in range(min(BATCH, len(self._begun)))]
            self._under_way = len(batch)
            return batch

    def _gather(self) -> None:
        end, before = monotonic() + GATHERING, 0
        while before < len(self._begun) < BATCH and not self._stopping and monotonic() < end:
            before = len(self._begun)
            self._changed.wait(QUIET)

    def _end(self, batch: list[tuple[str, Attachment]]) -> list[tuple[str, Attachment]]:
        again = []
        for directory in dict.fromkeys(directory for directory, _ in batch):
            its = [attachment for named, attachment in batch if named == directory]
            for attachment, failure in self._finish(directory, its).items():
                self._told(attachment, failure)
                again.append((directory, attachment))
        return again

    def _finish(self, directory: str, its: list[Attachment]) -> dict[Attachment, CniError]:
        try:
            node = self._open(directory)
            try:
                return finish(node, its)
            finally:
                node.host.close()
        except CniError as failure:
            return dict.fromkeys(its, failure)
        except Exception as bug:  # noqa: BLE001 - a thread that dies would leave all that come after
            return dict.fromkeys(its, CniError(f"internal error: {reason(bug)}"))
