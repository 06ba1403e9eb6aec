"""What namespaces declared before they had limits (`policy.tenancy`), as every node knows it.

The first podberth that knows the limits writes digests of these declarations into an annotation of a Lease, once; the
object is created, so one writer wins, and is never changed. Where no older podberth ran there are none: an older one is
known by the Lease with which it took turns at declarations. A declaration that is on the list stays in force as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import StoreFailed
from podberth.kube import errors, resources
from podberth.policy import bundle

if TYPE_CHECKING:
    from podberth.kube.client import Client
    from podberth.stores.kubernetes.objects import Object

MARK = "podberth-tenancy"
DIGESTS = "podberth.io/in-force-before"  # one after the other, each of bundle.DIGEST characters
MOST = 11_000  # what an object's annotations hold (256 KiB)


class Earlier:
    """`lock` is the Lease by which an older podberth is known, `namespace` podberth's own. Threads may share it."""

    def __init__(self, client: Client, namespace: str, lock: str) -> None:
        self._client = client
        self._namespace = namespace
        self._lock = lock
        self._digests: frozenset[str] | None = None

    def digests(self) -> frozenset[str]:
        """Return the list; made if there is none yet, asked for once. StoreFailed if it can't be read or made."""
        if self._digests is None:
            self._digests = _read(self._mark())
        return self._digests

    def _mark(self) -> Object:
        try:
            return self._client.get(resources.LEASES, MARK, self._namespace)
        except errors.NotFound:
            digests = "".join(self._in_force()) if self._is_upgrade() else ""
        except errors.Forbidden as wrong:
            details = "apply the roles of this version: kubectl apply -k deploy/overlays/..."
            raise type(wrong)(wrong.message, details) from None
        metadata = {"name": MARK, "namespace": self._namespace, "annotations": {DIGESTS: digests}}
        mark = {"apiVersion": resources.LEASES.api_version, "kind": "Lease", "metadata": metadata, "spec": {}}
        try:
            return self._client.create(resources.LEASES, mark, self._namespace)
        except errors.AlreadyExists:
            return self._client.get(resources.LEASES, MARK, self._namespace)

    def _is_upgrade(self) -> bool:
        try:
            self._client.get(resources.LEASES, self._lock, self._namespace)
        except errors.NotFound:
            return False
        return True

    def _in_force(self) -> list[str]:
        """Return the digests of what older podberths had in force for namespaces: PodNetworks of their own pods."""
        digests: dict[str, None] = {}
        labels = f"{bundle.LABEL}={bundle.WANTED}"
        for item in self._client.list(resources.CONFIG_MAPS, labels=labels).items:
            namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
            if namespace == self._namespace:
                continue
            for part in bundle.read(namespace, name, bundle.texts(item)):
                of_it = (one for one in part.declarations if one.document.namespace == namespace)
                digests |= dict.fromkeys(one.digest for one in of_it)
        if len(digests) > MOST:
            raise StoreFailed(
                f"ConfigMaps outside {self._namespace} declare {len(digests)} PodNetworks, of which {MOST} can be kept",
                f"move ConfigMaps of the operator's into namespace {self._namespace}",
            )
        return list(digests)


def _read(mark: Object) -> frozenset[str]:
    text = (mark["metadata"].get("annotations") or {}).get(DIGESTS, "")
    return frozenset(text[at : at + bundle.DIGEST] for at in range(0, len(text), bundle.DIGEST))
