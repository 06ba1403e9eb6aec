"""Declarations in the Kubernetes API: custom resources, and ConfigMaps with documents in them.

A ConfigMap that has the label podberth.io/policies=true is read like a directory: each of its keys that ends with
.yaml, .yml or .json has documents. It declares for its own namespace only, and no pools, unless it is in podberth's
own. Where a custom resource says the same, that counts.

Sets of documents are changed one at a time: a Lease of the coordination API says who is at it, and how often anybody
was.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from podberth.cni.errors import CniError, TryAgainLater
from podberth.kube import errors, resources
from podberth.policy import yamlfiles
from podberth.stores.kubernetes import objects
from podberth.stores.replica.shared import DocumentText, Seen, Stale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.kube.client import Client
    from podberth.kube.resources import Resource
    from podberth.stores.kubernetes.objects import Object
    from podberth.stores.replica.shared import DocumentWrite, Key, Proposal

    Documents = tuple[tuple[DocumentText, int], ...]

KINDS: dict[str, Resource] = {"Pool": resources.POOLS, "PodNetwork": resources.POD_NETWORKS}
POLICIES = "podberth.io/policies=true"  # the label of ConfigMaps
LOCK = "podberth-declarations"
_SECONDS = 15  # until whoever is at the declarations is taken for dead
_PATIENCE = 30.0  # seconds


class Declarations:
    """The declarations of one cluster; `namespace` is podberth's own."""

    def __init__(self, client: Client, namespace: str, holder: str) -> None:
        self._client = client
        self._namespace = namespace
        self._holder = holder
        self._of_maps: dict[tuple[str, str], dict[Key, DocumentText]] = {}

    def load(self) -> tuple[str, Documents, int]:
        """Return every document, the position that goes with them, and the version up to which none is missing."""
        lock = self._lock()
        versions, documents = self.listed()
        position = {"declared": _transitions(lock), **versions}
        return ",".join(f"{name}={number}" for name, number in position.items()), documents, min(versions.values())

    def listed(self) -> tuple[dict[str, int], Documents]:
        """Return every document, and the version of each resource at which they were all there was."""
        lists = {kind: self._client.list(resource) for kind, resource in KINDS.items()}
        maps = self._client.list(resources.CONFIG_MAPS, labels=POLICIES)
        found: dict[Key, tuple[DocumentText, int]] = {}
        self._of_maps = {}
        for each in maps.items:
            found.update({text.key: (text, revision) for text, revision in self.of_map(each)})
        for kind, listing in lists.items():
            for each in listing.items:
                text, revision = objects.read_document(each, kind)
                found[text.key] = (text, revision)
        versions = {
            "pools": int(lists["Pool"].resource_version),
            "podnetworks": int(lists["PodNetwork"].resource_version),
            "configmaps": int(maps.resource_version),
        }
        return versions, tuple(found.values())

    def read(self, keys: Iterable[Key]) -> Documents:
        """Return what is there now of these documents; one that is gone is an empty one."""
        found = []
        for kind, namespace, name in keys:
            try:
                found.append(objects.read_document(self._client.get(KINDS[kind], name, namespace), kind))
            except errors.NotFound:
                continue
        return tuple(found)

    def write(self, documents: Iterable[DocumentWrite]) -> Documents:
        """Write the custom resources of documents. Raises Conflict if one is not as it was known.

        Pools come before the PodNetworks that name them, and go after them: the webhook sees one after the other.
        """
        order = sorted(
            documents, key=lambda document: (document.text.kind == "Pool") == bool(document.text.body), reverse=True
        )
        return tuple((document.text, self._written(document)) for document in order)

    def of_map(self, found: Object, *, gone: bool = False) -> Documents:
        """Return what a ConfigMap declares now; a document that it has declared before, and does no more, is empty."""
        metadata = found["metadata"]
        of = (metadata["namespace"], metadata["name"])
        before = self._of_maps.pop(of, {})
        now = {} if gone else {text.key: text for text in _documents(found, own=of[0] == self._namespace)}
        if now:
            self._of_maps[of] = now
        ended = [DocumentText(kind=k, namespace=s, name=n, body="") for k, s, n in before.keys() - now.keys()]
        return tuple((text, objects.revision_of(found)) for text in (*now.values(), *ended))

    @contextmanager
    def alone(self, proposal: Proposal) -> Iterator[str]:
        """Keep others from the declarations meanwhile; yield the position after that.

        Raises Stale if anybody changed them since the proposal looked, TryAgainLater if somebody is at it for too long.
        """
        until, waited = time.monotonic() + _PATIENCE, False
        while True:
            lock = self._lock()
            count, held = _transitions(lock), _is_held(lock)
            # The proposal may have looked while whoever had it was half-way.
            if count != _known(proposal.position) or (waited and not held):
                raise Stale(Seen())
            waited = held
            if not held and (taken := self._taken(lock, count + 1)) is not None:
                break
            if time.monotonic() > until:
                holder = lock["spec"].get("holderIdentity")
                raise TryAgainLater(f"{holder} has been changing the declarations for too long", f"see lease {LOCK}")
            time.sleep(random.uniform(0.02, 0.2))  # noqa: S311 - jitter
        try:
            yield f"declared={count + 1}"
        finally:
            self._free(taken)

    def busy(self) -> bool:
        """Say whether somebody is at the declarations now."""
        return _is_held(self._lock())

    def _lock(self) -> Object:
        try:
            return self._client.get(resources.LEASES, LOCK, self._namespace)
        except errors.NotFound:
            made = {"apiVersion": resources.LEASES.api_version, "kind": "Lease", "metadata": {"name": LOCK}, "spec": {}}
            made["metadata"]["namespace"] = self._namespace  # type: ignore[index]
        try:
            return self._client.create(resources.LEASES, made, self._namespace)
        except errors.AlreadyExists:
            return self._client.get(resources.LEASES, LOCK, self._namespace)

    def _taken(self, lock: Object, count: int) -> Object | None:
        spec = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": _SECONDS,
            "leaseTransitions": count,
            "renewTime": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime()),
        }
        try:
            return self._client.replace(resources.LEASES, {**lock, "spec": spec})
        except errors.Conflict:
            return None

    def _free(self, lock: Object) -> None:
        spec = {key: said for key, said in lock["spec"].items() if key not in ("holderIdentity", "renewTime")}
        try:
            self._client.replace(resources.LEASES, {**lock, "spec": spec})
        except CniError:
            pass  # it is nobody's after a while

    def _written(self, document: DocumentWrite) -> int:
        text, resource = document.text, KINDS[document.text.kind]
        if not text.body:
            try:
                self._client.delete(resource, text.name, text.namespace, resource_version=str(document.revision))
            except errors.NotFound:
                pass
            return document.revision + 1
        made = objects.new_document(text)
        if document.revision:
            made["metadata"]["resourceVersion"] = str(document.revision)
            return objects.revision_of(self._client.replace(resource, made))
        try:
            return objects.revision_of(self._client.create(resource, made, text.namespace))
        except errors.AlreadyExists as other:
            raise errors.Conflict(other.message, other.details) from None


def _documents(found: Object, *, own: bool) -> Iterator[DocumentText]:
    metadata = found["metadata"]
    for key, text in sorted((found.get("data") or {}).items()):
        source = f"ConfigMap {metadata['namespace']}/{metadata['name']}: {key}"
        if not key.endswith((".yaml", ".yml", ".json")):
            continue
        try:
            raws = yamlfiles.load(BytesIO(text.encode()), key)
        except CniError:
            raws = ()
        for raw in raws:
            document = _document(raw.raw, source, metadata["namespace"], own=own)
            if document is not None:
                yield document


def _document(raw: Any, source: str, namespace: str, *, own: bool) -> DocumentText | None:
    try:
        metadata = raw["metadata"]
        kind, name, of = raw["kind"], metadata["name"], metadata.get("namespace", "")
    except (TypeError, KeyError, AttributeError):
        return None
    if kind == "PodNetwork" and not of:
        of = metadata["namespace"] = namespace
    if kind not in KINDS or not (own or (kind == "PodNetwork" and of == namespace)):
        return None
    return DocumentText(
        kind=kind, namespace=of, name=name, body=objects.body_of(raw, source), source=source, origin=source
    )


def _transitions(lock: Object) -> int:
    return int(lock["spec"].get("leaseTransitions") or 0)


def _is_held(lock: Object) -> bool:
    """Say whether somebody is at the declarations, and was not seen to die over it."""
    spec = lock["spec"]
    if not spec.get("holderIdentity") or not spec.get("renewTime"):
        return False
    from datetime import UTC, datetime

    renewed = datetime.fromisoformat(spec["renewTime"])
    return (datetime.now(UTC) - renewed).total_seconds() < int(spec.get("leaseDurationSeconds") or _SECONDS)


def _known(position: str) -> int:
    for part in position.split(","):
        name, _, number = part.partition("=")
        if name == "declared":
            return int(number)
    return 0
