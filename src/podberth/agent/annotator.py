"""Pods' network-status, as annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth import objects
from podberth.agent.statuses import Statuses

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.pod import PodRef
    from podberth.process.reason import Reason


class Annotator:
    """Writes annotations; of what waits for one pod the last counts. `failed` is told why it fails."""

    def __init__(self, failed: Callable[[Reason], object]) -> None:
        self._statuses: Statuses[PodRef, tuple[str, str]] = Statuses("network-status", _write, _called, failed)
        self.start, self.stop = self._statuses.start, self._statuses.stop

    def put(self, kubeconfig: str, pod: PodRef, text: str) -> None:
        """Have the pod's status written to the API server of a kubeconfig."""
        self._statuses.put(pod, (kubeconfig, text))


def _write(pod: PodRef, status: tuple[str, str]) -> None:
    kubeconfig, text = status
    objects.annotate(kubeconfig, pod, text)


def _called(pod: PodRef, _: tuple[str, str]) -> str:
    return f"network-status of {pod}"
