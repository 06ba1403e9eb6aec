"""What namespaces declared before they had limits (`policy.permit`), as every node knows it.

The first podberth that knows the limits writes digests of these declarations into an annotation of a Lease, once, and
makes a second Lease after it, the seal. Both are created, so one writer wins, and never changed. A declaration that is
on the list stays in force as it is.

Where no older podberth ran there is no list: an older one is known by the Lease with which it took turns at
declarations, and a newer one writes into that Lease, as it makes it, that there were limits since the start. So a list
that is lost is known as lost, and is never made anew.

PodNetworks in the API become their namespaces' word when the operator says so (`policy.settings_map`). What is there
then is written down the same way, in another Lease, by the first that hears of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from podberth.cni.errors import StoreFailed
from podberth.kube import errors, resources
from podberth.policy import bundle
from podberth.stores.kubernetes import notes, objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podberth.kube.client import Client
    from podberth.stores.kubernetes.objects import Object

MARK, SEAL = "podberth-tenancy", "podberth-tenancy-seal"
OBJECTS, OBJECTS_SEAL = "podberth-tenancy-objects", "podberth-tenancy-objects-seal"
DIGESTS = "podberth.io/in-force-before"  # one after the other, each of bundle.DIGEST characters
LIMITS, SINCE_START = "podberth.io/limits", "since-start"  # an annotation of the Lease for taking turns
MOST = 11_000  # what an object's annotations hold (256 KiB)


class Earlier:
    """`lock` is the Lease by which an older podberth is known, `namespace` podberth's own. Threads may share it."""

    def __init__(self, client: Client, namespace: str, lock: str) -> None:
        self._client = client
        self._namespace = namespace
        self._lock = lock
        self._digests: frozenset[str] | None = None
        self._objects: frozenset[str] | None = None

    def objects(self) -> frozenset[str]:
        """Return the digests of PodNetworks that stay as they are where others are tenants'. StoreFailed if lost."""
        if self._objects is None:
            mark = self._find(OBJECTS)
            if mark is None:
                # As below: the seal is younger than the list.
                sealed = self._find(OBJECTS_SEAL) is not None
                mark = self._find(OBJECTS) if sealed else self._made(OBJECTS, {DIGESTS: "".join(self._resources())})
            if mark is None:
                raise StoreFailed(
                    f"Lease {self._namespace}/{OBJECTS} is gone, the list of PodNetworks that were in force before "
                    "`podNetworks: tenants`",
                    "restore it from a backup; or give up what is on it: create an empty Lease of that name",
                )
            self._made(OBJECTS_SEAL, {})
            self._objects = _read(mark)
        return self._objects

    def digests(self) -> frozenset[str]:
        """Return the list; made if there never was one, asked for once. StoreFailed if it is lost."""
        if self._digests is None:
            self._digests = self._known()
        return self._digests

    def lock(self) -> Object:
        """Return the Lease for taking turns at declarations; a new one says whether there was a list before it."""
        lock = self._find(self._lock)
        if lock is None:
            listed = self._find(MARK) or self._find(SEAL)
            lock = self._made(self._lock, {} if listed else {LIMITS: SINCE_START})
        return lock

    def _known(self) -> frozenset[str]:
        mark = self._find(MARK)
        if mark is None:
            if notes.annotations_of(self.lock()).get(LIMITS) == SINCE_START:
                return frozenset()
            # The seal is younger than the list: whoever sees it can see the list, unless that is gone.
            mark = self._sealed() if self._find(SEAL) else self._made(MARK, {DIGESTS: "".join(self._in_force())})
        self._made(SEAL, {})
        return _read(mark)

    def _sealed(self) -> Object:
        mark = self._find(MARK)
        if mark is None:
            raise StoreFailed(
                f"Lease {self._namespace}/{MARK} is gone, the list of what namespaces declared before they had limits",
                f"restore it from a backup; or give up what is on it: kubectl annotate lease -n {self._namespace} "
                f"{self._lock} {LIMITS}={SINCE_START}",
            )
        return mark

    def _find(self, name: str) -> Object | None:
        return notes.find(self._client, self._namespace, name)

    def _made(self, name: str, annotations: Mapping[str, str]) -> Object:
        """Return the Lease of that name, with these annotations if it is new."""
        made = notes.new(self._namespace, name, annotations)
        try:
            return self._client.create(resources.LEASES, made, self._namespace)
        except errors.AlreadyExists:
            return self._client.get(resources.LEASES, name, self._namespace)

    def _in_force(self) -> list[str]:
        """Return the digests of what older podberths had in force for namespaces: PodNetworks of their own pods."""
        over = {
            (one["metadata"]["namespace"], one["metadata"]["name"])
            for one in self._client.list(resources.POD_NETWORKS).items
        }
        listed = self._client.list(resources.CONFIG_MAPS, labels=f"{bundle.LABEL}={bundle.WANTED}").items
        for declaration in _declarations(one for one in listed if one["metadata"]["namespace"] == self._namespace):
            over.add((declaration.document.namespace, declaration.document.name))
        by_namespace: dict[str, dict[str, None]] = {}
        for item in listed:
            namespace = item["metadata"]["namespace"]
            if namespace == self._namespace:
                continue
            digests = by_namespace.setdefault(namespace, {})
            for one in _declarations((item,)):
                if one.document.namespace == namespace and (namespace, one.document.name) not in over:
                    digests[one.digest] = None
        return shared_out([list(digests) for digests in by_namespace.values()])

    def _resources(self) -> list[str]:
        """Return the digests of all PodNetworks in the API, as `stores.replica.said` makes them."""
        by_namespace: dict[str, list[str]] = {}
        for item in self._client.list(resources.POD_NETWORKS).items:
            text, _ = objects.read_document(item, "PodNetwork")
            spec = json.loads(text.body).get("spec")
            by_namespace.setdefault(text.namespace, []).append(bundle.digest(text.namespace, text.key, spec))
        return shared_out(by_namespace.values())


def shared_out(lists: Iterable[list[str]], most: int = MOST) -> list[str]:
    """Return as many as there is room for: each list gets an equal share, and what others leave of theirs."""
    kept: list[str] = []
    waiting = sorted(lists, key=len)
    for i, digests in enumerate(waiting):
        kept += digests[: (most - len(kept)) // (len(waiting) - i)]
    return kept


def _declarations(config_maps: Iterable[Object]) -> Iterable[bundle.Declaration]:
    for item in config_maps:
        for part in bundle.read(item["metadata"]["namespace"], item["metadata"]["name"], bundle.texts(item)):
            yield from part.declarations


def _read(mark: Object) -> frozenset[str]:
    text = notes.annotations_of(mark).get(DIGESTS, "")
    return frozenset(text[at : at + bundle.DIGEST] for at in range(0, len(text), bundle.DIGEST))
