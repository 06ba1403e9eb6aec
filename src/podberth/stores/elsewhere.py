"""What operators said of nodes, also while the cluster's store is away: by the last that this process has heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, TryAgainLater
from podberth.ipam.outlook import sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.pod import PodRef
    from podberth.ipam.elsewhere import Elsewhere, Fence, Verdict
    from podberth.ipam.lease import Lease


class LastKnown:
    """An `Elsewhere` whose fences are remembered. `away` says why the store can't be reached; it is not asked then."""

    def __init__(self, store: Elsewhere, away: Callable[[], str]) -> None:
        self._store = store
        self._away = away
        self._fences: tuple[Fence, ...] | None = None

    def judge(self, lease: Lease, pod: PodRef | None) -> Verdict:
        """Ask the store: whether a holder is dead can't be known by what was."""
        return self._store.judge(lease, pod)

    def tell(self, pod: PodRef, reason: str, message: str) -> None:
        """Pass it on."""
        self._store.tell(pod, reason, message)

    def registered(self, node: str) -> bool:
        """Ask the store."""
        return self._store.registered(node)

    def fences(self) -> tuple[Fence, ...]:
        """Return what operators have said. Raises what asking came to, if this process has heard of nothing before."""
        why = self._away()
        try:
            if why:
                raise TryAgainLater(sentence(why), "which nodes are fenced is not known here")
            self._fences = self._store.fences()
        except CniError:
            if self._fences is None:
                raise
        return self._fences

    def fence(self, said: Fence) -> bool:
        """Have it said."""
        return self._store.fence(said)
