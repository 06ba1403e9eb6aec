"""Pods' network-status: written after the ADD is answered, and tried again while the API server is away."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from podberth import objects
from podberth.cni.errors import CniError
from podberth.kube.errors import Conflict, Invalid, NotFound
from podberth.process.jitter import Backoff
from podberth.process.loop import WAIT, Loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.pod import PodRef

MOST = 4096  # pods whose status waits; of more the oldest is given up
_BACKOFF = Backoff(0.2, 30.0)


class Annotator:
    """A loop that writes annotations. Of what waits for one pod the last counts. `failed` is told why it fails."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        self._changed = threading.Condition()
        self._due: dict[PodRef, tuple[str, str]] = {}  # with the kubeconfig
        self._failures = 0  # in a row
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
            self._due[pod] = kubeconfig, text
            self._changed.notify()

    def _turn(self) -> float:
        with self._changed:
            if not self._due and not self._loop.stopping:
                self._changed.wait(WAIT)
            if not self._due:
                return 0.0
            pod, (kubeconfig, text) = next(iter(self._due.items()))
        try:
            objects.annotate(kubeconfig, pod, text)
        except (NotFound, Conflict, Invalid) as gone:
            if not isinstance(gone, NotFound | Conflict):
                self._failed(f"network-status of {pod}: {gone.message}")
        except CniError as away:
            if self._failures == 0:
                self._failed(f"network-status of {pod}: {away.message}")
            self._failures += 1
            return _BACKOFF.pause(self._failures)
        self._failures = 0
        with self._changed:
            if self._due.get(pod) == (kubeconfig, text):
                del self._due[pod]
        return 0.0
