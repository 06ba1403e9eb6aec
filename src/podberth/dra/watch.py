"""The devices' health as kubelet is told it: a loop that looks, and streams that say what was seen.

A stream sends only what a look has just found. So a node that can't be looked at falls silent, and kubelet, which takes
what it last heard for true for a while, says Unknown then.
"""

from __future__ import annotations

import threading
from time import monotonic, time  # noqa: TID251 - kubelet is told when it was looked; nothing is decided by it
from typing import TYPE_CHECKING

from podberth.dra.messages import watched
from podberth.process.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.dra.health import Health
    from podberth.process.reason import Reason

PERIOD = 5.0  # seconds between two looks
HEARTBEAT = 10.0  # seconds after which a stream says again what has not changed
TIMEOUT = 30  # seconds for which kubelet believes it: its own default, DefaultHealthTimeout
STREAMS = 4  # at a time; kubelet has one, and one more while a driver takes over from another
_WAIT = 30.0  # seconds between two looks at whether a stream's peer is there


class Watch:
    """Looks by `look`, and tells `changed` of each device that is not as it was. `failed` is told why it can't look.

    `period` and `heartbeat` are seconds, as PERIOD and HEARTBEAT.
    """

    def __init__(
        self,
        look: Callable[[], tuple[Health, ...]],
        changed: Callable[[Health], None],
        failed: Callable[[Reason], object],
        *,
        period: float = PERIOD,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._look, self._changed = look, changed
        self._period, self._heartbeat = period, heartbeat
        self._news = threading.Condition()
        self._seen: tuple[Health, ...] = ()
        self._looks, self._edition = 0, 0  # how often it was looked, and how often anything was new
        self._looked = 0.0  # when it was looked last, by the monotonic clock
        self._at = 0.0  # and in seconds since 1970
        self._streams, self._ended = 0, False
        self._loop = Loop("device-health", self._turn, failed)

    def start(self) -> None:
        """Begin to look."""
        self._loop.start()

    @property
    def counts(self) -> tuple[int, int]:
        """How many devices are healthy, and how many are not, as they were seen last."""
        seen = self._seen
        unhealthy = sum(bool(each.why) for each in seen)
        return len(seen) - unhealthy, unhealthy

    def end(self) -> None:
        """Have each stream end, and begin none."""
        with self._news:
            self._ended = True
            self._news.notify_all()

    def stop(self, seconds: float) -> None:
        """Look no more."""
        self.end()
        self._loop.end(seconds)

    def stream(self, there: Callable[[], bool]) -> Iterator[bytes]:
        """Yield NodeWatchResourcesResponses, each with all devices, while the peer is `there`.

        One at once, if it was looked just now; one at each change, and one as a heartbeat. Of too many streams the
        oldest ends.
        """
        with self._news:
            self._streams += 1
            own = self._streams
            self._news.notify_all()
        edition, looks, sent = 0, 0, 0.0
        while True:
            with self._news:
                while not self._ended and self._streams - own < STREAMS and there():
                    due = self._edition != edition or monotonic() - sent >= self._heartbeat
                    if due and self._looks != looks and monotonic() - self._looked < 2 * self._period:
                        break
                    self._news.wait(_WAIT)
                else:
                    return
                edition, looks, sent = self._edition, self._looks, monotonic()
                seen, at = self._seen, int(self._at)
            yield watched(((each.pool, each.device, each.why) for each in seen), at, TIMEOUT)

    def gone(self) -> None:
        """Have each stream look whether its peer is there."""
        with self._news:
            self._news.notify_all()

    def _turn(self) -> float:
        found = self._look()
        before = {(each.pool, each.device): each.why for each in self._seen}
        with self._news:
            if found != self._seen or not self._edition:
                self._seen = found
                self._edition += 1
            self._looks += 1
            self._looked, self._at = monotonic(), time()
            self._news.notify_all()
        for each in found:
            if before.get((each.pool, each.device), "") != each.why:
                self._changed(each)
        return self._period
