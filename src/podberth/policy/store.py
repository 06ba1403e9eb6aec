"""Where declarations live: pools and PodNetworks by name. One protocol, several stores."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Actor
    from podberth.ipam.pool import Pool
    from podberth.policy.changes import Applied, Followed, Waiting
    from podberth.policy.documents import Document
    from podberth.policy.operation import Done, Operation
    from podberth.policy.podnetwork import PodNetwork
    from podberth.policy.standing import Standing


class Policies(Protocol):
    """Declarations as they are in force."""

    def find(self, pod: PodRef) -> tuple[PodNetwork, ...]:
        """Return what is declared for the pod: by its own name, then by its StatefulSet's, then its Deployment's."""
        ...

    def pool(self, name: str) -> Pool | None:
        """Return the pool of that name."""
        ...

    def pools(self) -> tuple[Pool, ...]:
        """Return every pool in order of name."""
        ...

    def pod_networks(self, namespace: str | None = None) -> tuple[PodNetwork, ...]:
        """Return every PodNetwork, or those of one namespace, in order of namespace and name."""
        ...

    def apply(
        self, documents: Sequence[Document], actor: Actor, *, source: str, prune: bool = False, dry_run: bool = False
    ) -> Applied:
        """Put all documents in force in one atomic step, with the reservations they declare; or raise `Conflicts`.

        `prune`: documents that came from the same `source` before and are not among these are deleted.
        """
        ...

    def operate(
        self, operation: Operation, actor: Actor, *, source: str, told: Callable[[int], object] = lambda _: None
    ) -> Done:
        """Do all that the operation is, or raise and have nothing done. `source`: of the documents, as with `apply`.

        `told` gets how many addresses more are on their way, if it takes more than a step.
        """
        ...

    def followed(self, directory: str) -> Followed | None:
        """Return what was last seen of a directory that is kept in force; None if it was never read."""
        ...

    def directories(self) -> tuple[str, ...]:
        """Return every directory that something was recorded of."""
        ...

    def follow(self, directory: str, seen: Followed) -> None:
        """Record what was seen of the directory."""
        ...

    def delete(self, kind: str, namespace: str, name: str, actor: Actor) -> bool:
        """Delete one document and the reservations it declared; False if there is none.

        Refused for a pool with live leases, or that a PodNetwork names.
        """
        ...

    def waiting(self) -> tuple[Waiting, ...]:
        """Return what was declared and is not in force, for another reason than a namespace's right; in order."""
        ...

    def standings(self) -> tuple[Standing, ...]:
        """Return what namespaces declare beyond their right, and what can't be read, in order of ConfigMaps."""
        ...
