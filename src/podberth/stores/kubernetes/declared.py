"""Declarations in the Kubernetes API: custom resources, and ConfigMaps with documents in them.

A ConfigMap that has the label podberth.io/policies=true is read like a directory (`policy.bundle`). One in podberth's
own namespace is the operator's word, any other its namespace's (`policy.permit`). Where a custom resource says the
same, that counts.

Sets of documents are changed one at a time: a Lease of the coordination API says who is at it, and how often anybody
was.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.cni.value import replace
from podberth.kube import errors, lease, resources
from podberth.process.jitter import between
from podberth.stores.kubernetes import copies, in_use, objects
from podberth.stores.kubernetes.earlier import Earlier
from podberth.stores.kubernetes.shares import Shares
from podberth.stores.replica.position import numbers, position_of
from podberth.stores.replica.shared import Busy, Seen, Stale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.kube.client import Client
    from podberth.kube.resources import Resource
    from podberth.policy.budget import Amount
    from podberth.stores.kubernetes.objects import Object
    from podberth.stores.replica.copies import Copy
    from podberth.stores.replica.shared import ApprovedWrite, Bundle, DocumentText, DocumentWrite, Key, Proposal

    Documents = tuple[tuple[DocumentText, int], ...]

KINDS: dict[str, Resource] = {"Pool": resources.POOLS, "PodNetwork": resources.POD_NETWORKS}
LOCK = "podberth-declarations"
_SECONDS = 15  # until whoever is at the declarations is taken for dead
_PATIENCE = 30.0  # seconds


class Declarations:
    """The declarations of one cluster; `namespace` is podberth's own."""

    def __init__(self, client: Client, namespace: str, holder: str) -> None:
        self._client = client
        self._namespace = namespace
        self._holder = holder
        self._earlier = Earlier(client, namespace, LOCK)
        self._shares = Shares(client, namespace, self._earlier)
        self._observed = lease.Observed()

    def load(self) -> Seen:
        """Return every document, the position that goes with them, and the version up to which none is missing."""
        self._earlier.digests()
        lock = self._earlier.lock()
        versions, seen = self.listed()
        position = {"declared": lease.transitions(lock), **versions}
        there = {text.name for text, _ in seen.documents if text.kind == "Pool"}
        return replace(
            seen,
            left=in_use.left(lock, there),
            position=position_of(position),
            complete=min(versions.values()),
        )

    def listed(self) -> tuple[dict[str, int], Seen]:
        """Return every document, and the version of each resource at which they were all there was."""
        lists = {kind: self._client.list(resource) for kind, resource in KINDS.items()}
        maps = self._client.list(resources.CONFIG_MAPS, labels=copies.FOLLOWED)
        documents = [objects.read_document(one, kind) for kind, listing in lists.items() for one in listing.items]
        approved = tuple(objects.read_approved(one, kind) for kind, listing in lists.items() for one in listing.items)
        versions = {
            "pools": int(lists["Pool"].resource_version),
            "podnetworks": int(lists["PodNetwork"].resource_version),
            "configmaps": int(maps.resource_version),
        }
        kept = tuple(copies.read(one) for one in maps.items if copies.is_copy(one, self._namespace))
        bundles = self._shares.all([one for one in maps.items if copies.declares(one)])
        return versions, Seen(documents=tuple(documents), bundles=(*kept, *bundles), approved=approved)

    def read(self, keys: Iterable[Key]) -> Seen:
        """Return what is there now of these documents."""
        found, approved = [], []
        for kind, namespace, name in keys:
            try:
                one = self._client.get(KINDS[kind], name, namespace)
            except errors.NotFound:
                continue
            found.append(objects.read_document(one, kind))
            approved.append(objects.read_approved(one, kind))
        return Seen(documents=tuple(found), approved=tuple(approved))

    def write(self, documents: Iterable[DocumentWrite]) -> Documents:
        """Write the custom resources of documents. Raises Conflict if one is not as it was known.

        Pools come before the PodNetworks that name them, and go after them: the webhook sees one after the other.
        """
        order = sorted(
            documents, key=lambda document: (document.text.kind == "Pool") == bool(document.text.body), reverse=True
        )
        return tuple((document.text, self._written(document)) for document in order)

    def approve(self, written: Documents, approved: Iterable[ApprovedWrite]) -> Seen:
        """Have the status of documents, some of which were just written, say what is in force of each.

        Who may not leaves that to the controller. Raises Conflict if a document is not as it was known.
        """
        revisions = {text.key: revision for text, revision in written}
        found = []
        for each in approved:
            one, known = each.approved, revisions.get(each.approved.text.key, each.text_revision)
            if not one.text.body:
                found.append((replace(one, born=""), known))
                continue
            resource, name, namespace = KINDS[one.text.kind], one.text.name, one.text.namespace
            try:
                before = self._client.get(resource, name, namespace)
                patch = {"metadata": {"resourceVersion": str(known)}, **objects.approved_patch(before, one)}
                made = self._client.merge_patch(resource, name, patch, namespace, subresource="status")
            except (errors.Forbidden, errors.NotFound):
                continue
            found.append(objects.read_approved(made, one.text.kind))
            if one.text.key in revisions:
                revisions[one.text.key] = objects.revision_of(made)
        return Seen(documents=tuple((text, revisions[text.key]) for text, _ in written), approved=tuple(found))

    def changed(self, news: Iterable[tuple[Object, bool]]) -> tuple[Bundle, ...]:
        """Return what ConfigMaps declare now, of which each is gone or not, and others for which that leaves room.

        One that loses the label is gone, whatever else it is.
        """
        kept, others = [], []
        for one, gone in news:
            if copies.is_copy(one, self._namespace):
                kept.append(copies.read(one, gone=gone))
            else:
                others.append((one, gone or not copies.declares(one)))
        return (*kept, *self._shares.changed(others))

    def keep_last_good(self, wanted: Iterable[Copy]) -> int:
        """Write copies of what ConfigMaps declared last and might; return of how many. Raises what the last one met."""
        done, failure = 0, None
        for copy in wanted:
            try:
                done += self._copied(copy)
            except CniError as wrong:
                failure = wrong  # one that can't be written keeps nobody from the others
        if failure is not None:
            raise failure
        return done

    def others(self, namespace: str, name: str) -> Amount:
        """Return what the other ConfigMaps of the namespace came to when they were listed last."""
        return self._shares.others(namespace, name)

    def earlier(self) -> frozenset[str]:
        """Return the digests of what namespaces declared before they had limits."""
        return self._earlier.digests()

    @contextmanager
    def alone(self, proposal: Proposal) -> Iterator[str]:
        """Keep others from the declarations meanwhile; yield the position after that.

        Raises Stale if anybody changed them since the proposal looked, Busy if somebody is at it for too long.
        """
        until, waited = time.monotonic() + _PATIENCE, False
        while True:
            lock = self._earlier.lock()
            count, holder = lease.transitions(lock), self._observed.holder(lock)
            # The proposal may have looked while whoever had it was half-way.
            if count != numbers(proposal.position).get("declared", 0) or (waited and not holder):
                raise Stale(Seen())
            waited = bool(holder)
            if not holder and (taken := self._taken(lock)) is not None:
                break
            if time.monotonic() > until:
                raise Busy(f"{holder} has been changing the declarations for too long", f"see lease {LOCK}")
            time.sleep(between(0.02, 0.2))
        try:
            yield position_of({"declared": count + 2})
        finally:
            self._free(taken)

    def keep_in_use(self, texts: Iterable[DocumentText]) -> None:
        """Note Pools in force that pods have addresses of."""
        lock = in_use.noted(self._earlier.lock(), texts)
        if lock is not None:
            try:
                self._client.replace(resources.LEASES, lock)
            except errors.Conflict:
                pass  # somebody takes turns: the next sweep notes it

    def busy(self) -> bool:
        """Say whether somebody is at the declarations now."""
        return bool(self._observed.holder(self._earlier.lock()))

    def _copied(self, copy: Copy) -> bool:
        made = copies.new(copy, self._namespace)
        try:
            if not copy.sayings:
                name, version = made["metadata"]["name"], str(copy.revision)
                self._client.delete(resources.CONFIG_MAPS, name, self._namespace, resource_version=version)
            elif copy.revision:
                self._client.replace(resources.CONFIG_MAPS, made)
            else:
                self._made(made)
        except (errors.Conflict, errors.NotFound):
            return False  # it is another by now: the next sweep looks again
        return True

    def _made(self, copy: Object) -> None:
        """Make a copy, also where there is something of its name that is none any more. Raises Conflict, NotFound."""
        try:
            self._client.create(resources.CONFIG_MAPS, copy, self._namespace)
        except errors.AlreadyExists as there:
            found = self._client.get(resources.CONFIG_MAPS, copy["metadata"]["name"], self._namespace)
            if copies.is_copy(found, self._namespace):
                raise errors.Conflict(there.message, there.details) from None
            copy["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
            self._client.replace(resources.CONFIG_MAPS, copy)

    def _taken(self, lock: Object) -> Object | None:
        try:
            return self._client.replace(resources.LEASES, lease.taken(lock, self._holder, _SECONDS))
        except errors.Conflict:
            return None

    def _free(self, lock: Object) -> None:
        """Give the lock back. It is counted once more: who has looked meanwhile may have seen half of the change."""
        free = lease.freed(lock)
        free["spec"]["leaseTransitions"] = lease.transitions(lock) + 1
        try:
            self._client.replace(resources.LEASES, free)
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
            try:
                known = {**made, "metadata": {**made["metadata"], "resourceVersion": str(document.revision)}}
                return objects.revision_of(self._client.replace(resource, known))
            except errors.NotFound:
                pass  # that revision was its end: it is made anew
        try:
            return objects.revision_of(self._client.create(resource, made, text.namespace))
        except errors.AlreadyExists as other:
            raise errors.Conflict(other.message, other.details) from None
