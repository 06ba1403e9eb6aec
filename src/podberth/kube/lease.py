"""A coordination.k8s.io/v1 Lease as a lock: who has it, how it is taken, and how it is given back.

No clocks are compared. A holder is taken for dead once its Lease has not changed for as long as the holder said, by
the monotonic clock of whoever looks, since that one first saw it so. `renewTime` is for people to read.
"""

from __future__ import annotations

import time
from threading import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.kube.client import Object

SECONDS = 15  # what a holder that says nothing of it has


class Observed:
    """What one process has seen of one Lease. Threads share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = Lock()
        self._seen: tuple[str, float] = ("", 0.0)  # the Lease's resourceVersion, and when it was first seen (seconds)

    def holder(self, lease: Object) -> str:
        """Return who has the Lease, as it was just read; '' if nobody has, or if the holder is taken for dead."""
        spec, version = spec_of(lease), lease["metadata"]["resourceVersion"]
        with self._guard:
            now = self._clock()
            if version != self._seen[0]:
                self._seen = (version, now)
            over = now - self._seen[1] >= (spec.get("leaseDurationSeconds") or SECONDS)
        return "" if over else spec.get("holderIdentity") or ""


def spec_of(lease: Object) -> Object:
    """Return what a Lease says; one that was made by hand may say nothing."""
    return lease.get("spec") or {}


def transitions(lease: Object) -> int:
    """Return how often the Lease has changed hands."""
    return int(spec_of(lease).get("leaseTransitions") or 0)


def taken(lease: Object, identity: str, seconds: int) -> Object:
    """Return the Lease as it is once `identity` has taken it. It is to be written over the very one that was read."""
    said = {"leaseTransitions": transitions(lease) + 1, "acquireTime": _now()}
    return renewed({**lease, "spec": spec_of(lease) | said}, identity, seconds)


def renewed(lease: Object, identity: str, seconds: int) -> Object:
    """Return the Lease as it is once its holder has renewed it."""
    said = {"holderIdentity": identity, "leaseDurationSeconds": seconds, "renewTime": _now()}
    return {**lease, "spec": spec_of(lease) | said}


def freed(lease: Object) -> Object:
    """Return the Lease as it is once its holder has given it back."""
    return renewed(lease, "", 1)


def _now() -> str:
    """Return the time as a MicroTime."""
    seconds, ns = divmod(time.time_ns(), 10**9)  # noqa: TID251 - for people to read
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{ns // 1000:06}Z"
