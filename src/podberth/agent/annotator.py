"""Pods' network-status: written after the ADD is answered, and tried again while the API server is away."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

from podberth import objects
from podberth.cni.errors import CniError
from podberth.cni.value import replace, value
from podberth.kube.errors import Conflict, NotFound
from podberth.process.jitter import Backoff
from podberth.process.loop import WAIT, Loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.pod import PodRef

MOST = 4096  # pods whose status waits; of more the oldest is given up
TRIES = 2000  # of one status, most of a day; the next change of the pod's networks begins anew
_BACKOFF = Backoff(0.2, 30.0)


@value
class _Due:
    """A status to be written at that time, by the monotonic clock, after so many tries."""

    kubeconfig: str
    text: str
    at: float
    tries: int


class Annotator:
    """A loop that writes annotations. Of what waits for one pod the last counts. `failed` is told why it fails."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        self._changed = threading.Condition()
        self._due: dict[PodRef, _Due] = {}
        self._failed = failed
        self._loop = Loop("network-status", self._turn, failed)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """End, after the one that is being written, but for at most so long."""
        self._loop.stop()
        with self._changed:
            self._changed.notify()
        self._loop.join(seconds)

    def put(self, kubeconfig: str, pod: PodRef, text: str) -> None:
        """Have the pod's status written."""
        with self._changed:
            self._due.pop(pod, None)
            if len(self._due) >= MOST:
                del self._due[next(iter(self._due))]
            self._due[pod] = _Due(kubeconfig=kubeconfig, text=text, at=monotonic(), tries=0)
            self._changed.notify()

    def _turn(self) -> float:
        with self._changed:
            wait = min((due.at for due in self._due.values()), default=monotonic() + WAIT) - monotonic()
            if wait > 0 and not self._loop.stopping:
                self._changed.wait(min(wait, WAIT))
            now = monotonic()
            ready = next(((pod, due) for pod, due in self._due.items() if due.at <= now), None)
        if ready is not None:
            self._write(*ready)
        return 0.0

    def _write(self, pod: PodRef, due: _Due) -> None:
        """Write one. What is refused is refused again: the others do not wait for it."""
        again: _Due | None = None
        try:
            objects.annotate(due.kubeconfig, pod, due.text)
        except (NotFound, Conflict):
            pass  # the pod is gone
        except CniError as failure:
            if due.tries == 0:
                self._failed(f"network-status of {pod}: {failure.message}")
            if due.tries < TRIES:
                again = replace(due, at=monotonic() + _BACKOFF.pause(due.tries + 1), tries=due.tries + 1)
        with self._changed:
            if self._due.get(pod) == due:
                del self._due[pod]
                if again is not None:
                    self._due[pod] = again
