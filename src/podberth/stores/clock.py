"""This node's clock: what it says, what others say of it, and how long the node has run. Read from the kernel."""

from __future__ import annotations

import time
from functools import cache

from podberth.cni.errors import StoreFailed
from podberth.ipam.moment import Moment, Uptime, judged
from podberth.process.machine import BOOT_ID, boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.ipam.moment import Opinion


def uptime() -> Uptime:
    """Return how long this machine has run, by the clock that nobody sets (clock_gettime(2), CLOCK_BOOTTIME)."""
    return Uptime(boot=boot(), ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME))


@cache
def boot() -> str:
    """Return what tells this run of the machine from every other. StoreFailed if it can't be read."""
    known = boot_id()
    if not known:  # without it the times of two boots would look like those of one
        raise StoreFailed(f"{BOOT_ID} can't be read", "mount /proc: podberth tells boots apart by it")
    return known


class NodeClock:
    """A node's clock, held against second opinions: the first that there is counts.

    An opinion is asked for with the uptime of the question, and is of that moment.
    """

    def __init__(
        self,
        opinions: Sequence[Callable[[Uptime], Opinion | None]] = (),
        *,
        wall: Callable[[], int] = time.time_ns,  # noqa: TID251
        running: Callable[[], Uptime] = uptime,
    ) -> None:
        self._opinions = opinions
        self._wall = wall
        self._running = running

    def __call__(self) -> Moment:
        """Return this moment."""
        now = self._running()
        return judged(self._wall(), now, (opinion(now) for opinion in self._opinions))


node_clock = NodeClock()
