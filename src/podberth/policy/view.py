"""What the check of a set of documents has to know of what is in force: one protocol, met by each store."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Lease, Reservation
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address
    from podberth.policy.documents import Document
    from podberth.policy.podnetwork import PodNetwork


class View(Protocol):
    """Everything as it is before the change; it must not change while the check runs."""

    def document(self, kind: str, namespace: str, name: str) -> Document | None:
        """Return the document of that name."""
        ...

    def pools(self) -> tuple[Pool, ...]:
        """Return every pool."""
        ...

    def find(self, pod: PodRef) -> tuple[PodNetwork, ...]:
        """Return the PodNetworks declared for the pod, by its own name, its StatefulSet's and its Deployment's."""
        ...

    def same_target(self, podnetwork: PodNetwork) -> tuple[PodNetwork, ...]:
        """Return the other PodNetworks declared for exactly the same pod, StatefulSet or Deployment."""
        ...

    def with_mac(self, mac: str) -> tuple[PodNetwork, ...]:
        """Return the PodNetworks that declare the MAC."""
        ...

    def naming(self, pool: str) -> tuple[PodNetwork, ...]:
        """Return the PodNetworks that name the pool."""
        ...

    def reservation(self, address: Address) -> Reservation | None:
        """Return whom the address is reserved for."""
        ...

    def lease(self, address: Address) -> Lease | None:
        """Return who has the address now."""
        ...

    def held(self, pool: str) -> Iterable[Reservation | Lease]:
        """Yield every reservation and lease in the pool."""
        ...
