"""The thread that sends spans: what it has no room for, or nobody takes, is dropped and counted. No call waits."""

from __future__ import annotations

import os
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from podberth.agent.spans.collector import Verdict, post
from podberth.agent.spans.context import context
from podberth.agent.spans.encode import encode, request, size
from podberth.process.jitter import Backoff
from podberth.process.loop import BOUND, WAIT, Loop
from podberth.process.reason import Reason, reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.agent.calls import Served
    from podberth.agent.spans.target import Target

SENT, REJECTED, LOST, OVERFLOW = OUTCOMES = ("sent", "rejected", "lost", "overflow")
ATTEMPTS = 5  # for one batch
# Before the next attempt. By chance: the agents of many nodes have lost the same collector at the same moment.
_BACKOFF = Backoff(1.0, 30.0, least=0.5)
_COLLECTOR = "is the collector of --spans there, and does it take OTLP as JSON by HTTP? calls go on without it"
_LOOK = 0.05  # seconds between looks at whether somebody waits for the end


class Exporter:
    """Sends the spans of calls that are offered; threads share it.

    `count` is told what became of spans, by outcome; `told` why a batch was lost, and how many spans it had.
    """

    def __init__(self, to: Target, count: Callable[[str, int], None], told: Callable[[Reason, int], None]) -> None:
        self._to = to
        self._count = count
        self._told = told
        self._changed = threading.Condition()
        self._calls: deque[Served] = deque()
        self._queued = self._under_way = 0  # spans
        self._end: float | None = None  # when it has to have stopped
        self._loop = Loop("spans", self._turn, lambda why: told(why, 0), bound=BOUND + ATTEMPTS * to.timeout)

    @property
    def waiting(self) -> int:
        """How many spans are not sent yet."""
        return self._queued + self._under_way

    def start(self) -> None:
        """Begin to send."""
        self._loop.start()

    def offer(self, served: Served) -> None:
        """Have a call's spans sent, unless its caller does not record the trace."""
        parent = context(served.call.env)
        if parent is not None and not parent.sampled:
            return
        its = size(served)
        with self._changed:
            room = self._queued + its <= self._to.queue
            if room:
                before, self._queued = self._queued, self._queued + its
                self._calls.append(served)
                # What comes in between is found, without a change of threads for each.
                if not before or before < self._to.batch <= self._queued:
                    self._changed.notify()
        if not room:
            self._count(OVERFLOW, its)

    def stop(self, seconds: float, hurry: Callable[[], bool]) -> None:
        """Send what is there, each batch once, for at most so long, and end; sooner if there is a hurry."""
        with self._changed:
            self._end = end = monotonic() + seconds
            self._changed.notify()
        while monotonic() < end and not hurry() and not self._loop.join(_LOOK):
            pass
        self._end = min(end, monotonic())

    def _turn(self) -> float:
        batch = self._next()
        if not batch:
            if self._end is not None:
                self._loop.stop()
            return 0.0
        spans = sum(map(size, batch))
        try:
            body = request(self._to.resource, (encode(served, _new_id) for served in batch))
            said = self._send(body)
        except Exception as bug:  # noqa: BLE001 - these spans are lost, and none that come after
            said = Verdict(why=f"internal error: {reason(bug)}")
        self._settle(said, spans)
        return 0.0

    def _next(self) -> list[Served]:
        """Wait for a batch, for a while, and return it; nothing if there is none, and at the end."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._calls or self._end is not None, WAIT):
                return []
            self._changed.wait_for(lambda: self._queued >= self._to.batch or self._end is not None, self._to.delay)
            batch: list[Served] = []
            spans = 0
            while self._calls and spans < self._to.batch and self._left() > 0:
                batch.append(self._calls.popleft())
                spans += size(batch[-1])
            self._queued, self._under_way = self._queued - spans, spans
            return batch

    def _send(self, body: bytes) -> Verdict:
        attempt = 1
        while True:
            said = post(self._to, body, max(_LOOK, min(self._to.timeout, self._left())))
            if not said.again or attempt == ATTEMPTS or said.after > _BACKOFF.longest:
                return said
            with self._changed:
                if self._changed.wait_for(lambda: self._end is not None, max(_BACKOFF.pause(attempt), said.after)):
                    return said
            attempt += 1

    def _settle(self, said: Verdict, spans: int) -> None:
        self._under_way = 0
        if said.why:
            self._count(LOST, spans)
            if self._left() > 0:  # otherwise the process is about to end, and its log with it
                self._told(Reason(said.why, _COLLECTOR), spans)
            return
        rejected = min(said.rejected, spans)
        self._count(SENT, spans - rejected)
        if rejected:
            self._count(REJECTED, rejected)
            self._told(Reason("the collector rejected some", "its log says why"), rejected)

    def _left(self) -> float:
        return float("inf") if self._end is None else self._end - monotonic()


def _new_id(length: int) -> str:
    """Return a random ID of so many bytes, in hex: never all zero, which would be none (W3C Trace Context)."""
    while True:
        made = os.urandom(length)
        if any(made):
            return made.hex()
