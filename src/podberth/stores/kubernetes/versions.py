"""The ledger's minimum version and the versions of its agents, in Leases of the Kubernetes API (`ipam.versions`).

The minimum is an annotation of one Lease. An agent may create Leases and change none, or it could take the
controller's. So it makes one for its node and its version; of several the newest counts.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from podberth.ipam.versions import AgentVersion, Minimum
from podberth.kube import errors, resources
from podberth.stores.kubernetes import notes
from podberth.stores.kubernetes.objects import NODE

if TYPE_CHECKING:
    from podberth.kube.client import Client
    from podberth.stores.kubernetes.objects import Object

LEDGER = "podberth-ledger"
MINIMUM = "podberth.io/minimum-version"  # an annotation
AGENT = "podberth.io/agent-version"  # a label


class Versions:
    """`namespace` is podberth's own. Threads may share it."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._announced: set[tuple[str, str]] = set()

    def minimum(self) -> Minimum:
        """Return the ledger's minimum version, as it is now."""
        found = notes.find(self._client, self._namespace, LEDGER)
        return _minimum(found) if found is not None else Minimum()

    def demand(self, version: str, before: Minimum) -> bool:
        """Write it, if it is as it was before; say whether it was."""
        made = notes.new(self._namespace, LEDGER, {MINIMUM: version})
        if not before.revision:
            try:
                self._client.create(resources.LEASES, made, self._namespace)
            except errors.AlreadyExists:
                return False
            return True
        made["metadata"]["resourceVersion"] = str(before.revision)
        try:
            self._client.replace(resources.LEASES, made)
        except (errors.Conflict, errors.NotFound):
            return False
        return True

    def announce(self, node: str, version: str) -> None:
        """Have it be known, once."""
        if (node, version) in self._announced:
            return
        name = f"podberth-agent-{sha256(f'{node} {version}'.encode()).hexdigest()[:24]}"
        made = notes.new(self._namespace, name, {NODE: node}, {AGENT: version})
        try:
            self._client.create(resources.LEASES, made, self._namespace)
        except errors.AlreadyExists:
            pass
        self._announced.add((node, version))

    def agent_versions(self) -> tuple[AgentVersion, ...]:
        """Return the newest that each node's agent has said."""
        newest: dict[str, AgentVersion] = {}
        for found in self._client.list(resources.LEASES, namespace=self._namespace, labels=AGENT).items:
            metadata = found["metadata"]
            node, revision = notes.annotations_of(found).get(NODE, ""), int(metadata["resourceVersion"])
            if node and (node not in newest or revision > newest[node].revision):
                newest[node] = AgentVersion(node=node, version=metadata["labels"][AGENT], revision=revision)
        return tuple(newest.values())


def _minimum(found: Object) -> Minimum:
    version = str(notes.annotations_of(found).get(MINIMUM, ""))
    return Minimum(version=version, revision=int(found["metadata"]["resourceVersion"]))
