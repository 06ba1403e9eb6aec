"""Which names were a Node's once, as that Node's own agent has proven: a Lease for each, in podberth's own namespace.

A Node object that is not there says that a Node is gone only if there was one. A ledger that has just come here from
another store has names of which that is not known yet, and so has one whose names were mistyped. Nothing is concluded
from such a Lease's absence but that nothing is known.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from podberth.kube import errors, resources
from podberth.stores.kubernetes import notes
from podberth.stores.kubernetes.objects import NODE

if TYPE_CHECKING:
    from podberth.kube.client import Client


class OnceNodes:
    """`namespace` is podberth's own. Threads may share it."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._noted: set[str] = set()

    def note(self, node: str) -> None:
        """Have it be known for good that the name is a Node's; it is written once."""
        if node in self._noted:
            return
        try:
            self._client.create(
                resources.LEASES, notes.new(self._namespace, name_of(node), {NODE: node}), self._namespace
            )
        except errors.AlreadyExists:
            pass
        self._noted.add(node)

    def has(self, node: str) -> bool:
        """Say whether that is known of the name."""
        found = notes.find(self._client, self._namespace, name_of(node))
        return found is not None and notes.annotations_of(found).get(NODE) == node


def name_of(node: str) -> str:
    """Return the name of the Lease: names of 0.1.0's nodes may be what no object of Kubernetes can."""
    return f"podberth-node-{sha256(node.encode()).hexdigest()[:32]}"
