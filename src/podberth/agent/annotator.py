"""Pods' network-status: written after the ADD is answered, and tried again while the API server is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth import objects
from podberth.agent.due import Due
from podberth.cni.errors import CniError
from podberth.cni.value import replace, value
from podberth.kube.errors import Conflict, NotFound
from podberth.process.jitter import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.pod import PodRef

MOST = 4096  # pods whose status waits; of more the oldest is given up
TRIES = 2000  # of one status, most of a day; the next change of the pod's networks begins anew
_BACKOFF = Backoff(0.2, 30.0)


@value
class _Status:
    """A status to be written to the API server of a kubeconfig, after so many tries."""

    kubeconfig: str
    text: str
    tries: int


class Annotator:
    """Writes annotations. Of what waits for one pod the last counts. `failed` is told why it fails."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        self._failed = failed
        self._due: Due[PodRef, _Status] = Due("network-status", self._write, failed, most=MOST)
        self.start, self.stop = self._due.start, self._due.stop

    def put(self, kubeconfig: str, pod: PodRef, text: str) -> None:
        """Have the pod's status written."""
        self._due.put(pod, _Status(kubeconfig=kubeconfig, text=text, tries=0))

    def _write(self, pod: PodRef, status: _Status) -> None:
        """Write one. What is refused is refused again: the others do not wait for it."""
        try:
            objects.annotate(status.kubeconfig, pod, status.text)
        except (NotFound, Conflict):
            pass  # the pod is gone
        except CniError as failure:
            if status.tries == 0:
                self._failed(f"network-status of {pod}: {failure.message}")
            if status.tries < TRIES:
                tries = status.tries + 1
                self._due.again(pod, replace(status, tries=tries), _BACKOFF.pause(tries))
