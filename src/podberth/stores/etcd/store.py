"""A cluster's store in etcd (`stores.replica.shared.Cluster`): each step is one transaction of etcd's.

A step holds if no record it replaces has changed, no pool it used, and nothing that was reserved for the pod's name
since the replica looked. A step that is larger than etcd takes at once (a StatefulSet of hundreds) is made in several,
its documents last.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from podberth.cni.errors import StoreFailed
from podberth.cni.value import replace, value
from podberth.ipam.versions import Minimum
from podberth.stores.etcd import failures, keys
from podberth.stores.etcd.elsewhere import EtcdElsewhere
from podberth.stores.etcd.epoch import epoch
from podberth.stores.etcd.history import History
from podberth.stores.etcd.nodes import agent_versions, census, prove
from podberth.stores.etcd.values import Compare, Delete, Found, Get, Put, prefix_end
from podberth.stores.replica.shared import Outdated, Seen, Stale, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from podberth.cni.pod import PodRef
    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.elsewhere import Elsewhere
    from podberth.ipam.epoch import Epoch
    from podberth.ipam.lease import Event
    from podberth.ipam.registration import Proof, Registration
    from podberth.ipam.versions import AgentVersion
    from podberth.net.ops import Address
    from podberth.stores.etcd.client import Etcd
    from podberth.stores.etcd.values import KeyValue, Op
    from podberth.stores.etcd.watch import Watch
    from podberth.stores.replica.shared import AddressWrite, ApprovedWrite, DocumentWrite, Key, Proposal

MANY = 50  # events of an address that this process has written, until it looks whether the older ones can be archived
FEW = 100  # records that a node has in memory at once when it reads them all: it never needs that memory again
OPS = 120  # of one transaction: etcd takes 128 (--max-txn-ops)


@value
class _Step:
    """What one transaction of etcd's writes."""

    addresses: tuple[AddressWrite, ...] = ()
    documents: tuple[DocumentWrite, ...] = ()
    approved: tuple[ApprovedWrite, ...] = ()


class EtcdCluster:
    """The ledger below one prefix. Threads share it."""

    documents_at_once = 40

    def __init__(self, client: Etcd, prefix: str) -> None:
        self.client = client
        self.keys = keys.Keys(prefix)
        self._history = History(client, self.keys)
        self._watch: Watch | None = None
        self._events: Counter[Address] = Counter()  # written since their address was tidied up

    def identity(self) -> str:
        """Return the cluster's ID and the prefix."""
        return f"etcd {self.client.status().cluster:x} {self.keys.root.decode()}"

    def one_step(self, proposal: Proposal) -> bool:
        """Say whether it is one transaction."""
        writes = len(proposal.documents) + len(proposal.approved) + proposal.declares
        relies = len(proposal.pods) + len(proposal.pools) + len(proposal.relied) + len(proposal.approved)
        ops = sum(len(self._ops(write)) for write in proposal.addresses)
        return ops + writes <= OPS and len(proposal.addresses) + writes + relies <= OPS

    def commit(self, proposal: Proposal) -> Seen:
        """Make the change as a whole, or raise Stale. Raises Unknown if the answer was lost."""
        steps = _steps(proposal, self._ops)
        made = Seen()
        generation = 0
        for step in steps:
            ops = [op for write in step.addresses for op in self._ops(write)]
            ops += [Put(key=self.keys.document(d.text.key), value=keys.packed_document(d.text)) for d in step.documents]
            ops += [
                Put(key=self.keys.approved_of(w.approved.text.key), value=keys.packed_approved(w.approved))
                for w in step.approved
            ]
            if proposal.declares:
                ops.append(Put(key=self.keys.declared, value=b""))
            made = self._step(proposal, step, self._compares(proposal, step, generation), ops, made)
            revisions = [revision for _, revision in (*made.records, *made.documents, *made.approved)]
            generation = max(revisions, default=0)
        return made

    def read(self, addresses: tuple[Address, ...], documents: tuple[Key, ...]) -> Seen:
        """Return what is there now of these."""
        wanted = [*map(self.keys.record, addresses), *map(self.keys.document, documents)]
        wanted += map(self.keys.approved_of, documents)
        wanted.append(self.keys.epoch)
        found: list[KeyValue] = []
        for at in range(0, len(wanted), OPS):
            answers = self.client.txn((), [Get(key=key) for key in wanted[at : at + OPS]]).answers
            found += _kvs(answers)
        return self._seen(found)

    def reserved_for(self, owner: PodRef) -> Seen:  # noqa: ARG002
        """Return nothing: each transaction relies on what is reserved for the names that were looked for."""
        return Seen()

    def load(self) -> Iterator[Seen]:
        """Yield the whole state, as it was at one revision."""
        revision = 0
        for page in self.client.pages(self.keys.state, prefix_end(self.keys.state), size=FEW):
            revision = page.revision
            yield Seen(**self._parts_of(page.kvs))
        yield Seen(position=str(revision), complete=revision, epoch=self.epoch(lambda _: None))

    def since(self, position: str) -> Seen:
        """Return what was written since the revision. Raises Outdated if this etcd has not come so far yet."""
        found: list[KeyValue] = []
        revision = 0
        for page in self.client.pages(self.keys.state, prefix_end(self.keys.state), since=int(position) + 1):
            found += page.kvs
            revision = page.revision
        if revision < int(position):
            raise Outdated  # it was put back to an older state
        return replace(self._seen(found), position=str(revision), epoch=self.epoch(lambda _: None))

    def follow(self, position: str, take: Callable[[Seen], object], stopped: Callable[[], bool]) -> None:
        """Hand over what changes from the revision on, until stopped. Raises Outdated if that was compacted."""
        with self.client.watch(self.keys.state, int(position) + 1) as watch:
            self._watch = watch
            try:
                while not watch.closed:
                    batch = watch.turn()
                    if batch is not None:
                        events = [event.kv for event in batch.events if not event.deleted]
                        take(Seen(**self._parts_of(events), position=str(batch.revision)))
                    if (batch is not None or watch.trouble is not None) and stopped():
                        return
            except failures.Compacted as gone:
                raise Outdated from gone
            finally:
                self._watch = None

    def trouble(self) -> str:
        """Return why a `follow` that is under way hears nothing just now; '' if it does."""
        watch = self._watch
        return watch.trouble.message if watch is not None and watch.trouble is not None else ""

    def interrupt(self) -> None:
        """End a `follow` that waits in another thread."""
        watch = self._watch
        if watch is not None:
            watch.close()

    def events(self, *, address: Address | None = None, pod: PodRef | None = None) -> Iterator[Event]:
        """Yield the events of an address, of a pod's name, of both, or all, oldest first."""
        return self._history.events(address=address, pod=pod)

    def beyond(self, record: AddressRecord) -> tuple[Event, ...]:
        """Return the address's events that are behind its record's number."""
        return self._history.beyond(record.address, record.seq)

    def tidy(self) -> None:
        """Put the older events of the addresses to which many were added into their archives."""
        for address, count in tuple(self._events.items()):
            if count >= MANY:
                self._history.archive(address)
                del self._events[address]

    def elsewhere(self, node: str) -> Elsewhere:  # noqa: ARG002 - fences are for all nodes
        """Return what operators have said about nodes."""
        return EtcdElsewhere(self.client, self.keys.root.decode())

    def prove(self, mine: Registration, told: Callable[[str], object], *, waited: bool) -> Proof:
        """Register this machine under its node's name, and return whether it may have it."""
        return prove(self.client, self.keys, mine, told, waited=waited)

    def regressed(self, position: str) -> str:
        """Return by what this etcd has not come as far as the position yet; '' if it has."""
        revision = self.client.range(self.keys.epoch, b"").revision
        seen = int(position or 0)
        return f"etcd is at revision {revision}, and {seen} was seen" if revision < seen else ""

    def census(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return the nodes that are registered, and those that are fenced."""
        return census(self.client, self.keys)

    def epoch(self, decide: Callable[[Epoch | None], Epoch | None]) -> tuple[Epoch, int] | None:
        """Return the epoch, with its revision, once it is as `decide` says."""
        return epoch(self.client, self.keys, decide)

    def minimum(self) -> Minimum:
        """Return the ledger's minimum version, as it is now."""
        found = self.client.get(self.keys.minimum)
        return keys.read_minimum(found.value, found.mod_revision) if found is not None else Minimum()

    def demand(self, version: str, before: Minimum) -> bool:
        """Have the ledger be for podberths of this version and later; False if it is not as it was before."""
        made = Put(key=self.keys.minimum, value=keys.packed_minimum(version))
        return self.client.txn([_unchanged(self.keys.minimum, before.revision)], [made]).succeeded

    def agent_versions(self) -> tuple[AgentVersion, ...]:
        """Return what the agents of nodes have said of their versions."""
        return agent_versions(self.client, self.keys)

    def retreat(self) -> None:
        """Say of no Pool what is in force: 0.1.0 takes that for the Pool itself, also when a newer one is applied."""
        for kv in self.client.range(self.keys.approved, prefix_end(self.keys.approved)).kvs:
            if kv.value:
                self.client.txn([_unchanged(kv.key, kv.mod_revision)], [Put(key=kv.key, value=b"")])

    def close(self) -> None:
        """Let go of all connections."""
        self.client.close()

    def _step(self, proposal: Proposal, step: _Step, compares: list[Compare], ops: list[Op], made: Seen) -> Seen:
        wanted = [
            *(self.keys.record(write.record.address) for write in step.addresses),
            *(self.keys.document(document.text.key) for document in step.documents),
            *(self.keys.document(w.approved.text.key) for w in step.approved),
            *(self.keys.document(("Pool", "", name)) for name, _ in proposal.pools),
            *(self.keys.approved_of(w.approved.text.key) for w in step.approved),
            *(self.keys.approved_of(("Pool", "", name)) for name, _ in proposal.relied),
            self.keys.epoch,
            *((self.keys.record(proposal.newest[0]),) if proposal.newest is not None else ()),
            self.keys.minimum,
        ]
        try:
            done = self.client.txn(compares, ops, [Get(key=key) for key in dict.fromkeys(wanted)])
        except failures.Unknown as lost:
            raise Unknown(lost.message, lost.details) from lost
        if done.succeeded:
            self._forget(step.addresses)
            self._events.update(
                event.address for write in step.addresses for event in write.events if write.record.mark is None
            )
            return Seen(
                records=(*made.records, *((write.record, done.revision) for write in step.addresses)),
                documents=tuple((document.text, done.revision) for document in step.documents),
                approved=(*made.approved, *((w.approved, done.revision) for w in step.approved)),
            )
        now = self._seen(_kvs(done.answers))
        if proposal.newest is not None and _revision_in(now, proposal.newest[0]) < proposal.newest[1]:
            raise Outdated  # it was put back to an older state
        if not _explains(now, proposal, step.addresses):
            now = self.since(proposal.position or "0")
        raise Stale(replace(now, records=(*made.records, *now.records), complaints=()))

    def _compares(self, proposal: Proposal, step: _Step, generation: int) -> list[Compare]:
        seen = int(proposal.position or 0)
        found = [_unchanged(self.keys.minimum, proposal.minimum)] if proposal.minimum is not None else []
        found += [_unchanged(self.keys.record(write.record.address), write.revision) for write in step.addresses]
        found += [_unchanged(self.keys.record(address), revision) for address, revision in proposal.holds]
        for name, revision in proposal.pools:
            found.append(_unchanged(self.keys.document(("Pool", "", name)), revision))
        for name, revision in proposal.relied:
            found.append(_unchanged(self.keys.approved_of(("Pool", "", name)), revision))
        found += [_unchanged(self.keys.document(d.text.key), d.revision) for d in step.documents]
        for w in step.approved:
            found.append(_unchanged(self.keys.approved_of(w.approved.text.key), w.revision))
            found.append(_unchanged(self.keys.document(w.approved.text.key), w.text_revision))
        for pod in proposal.pods:
            prefix = self.keys.reserved(pod)
            found.append(Compare(key=prefix, end=prefix_end(prefix), what="mod_revision", sign="<", to=seen + 1))
        for namespace in proposal.counted:
            prefix = self.keys.reserved_in(namespace)
            found.append(Compare(key=prefix, end=prefix_end(prefix), what="mod_revision", sign="<", to=seen + 1))
        if proposal.declares:
            found.append(Compare(key=self.keys.declared, what="mod_revision", sign="<", to=max(seen, generation) + 1))
        if proposal.epoch is not None:
            found.append(_unchanged(self.keys.epoch, proposal.epoch))
        if proposal.newest is not None:  # or the store was put back, and what the replica knows is not so any more
            address, revision = proposal.newest
            found.insert(0, Compare(key=self.keys.record(address), what="mod_revision", sign=">", to=revision - 1))
        unique = {(compare.key, compare.end): compare for compare in found}
        return list(unique.values())

    def _ops(self, write: AddressWrite) -> list[Op]:
        record, address = write.record, write.record.address
        ops: list[Op] = [Put(key=self.keys.record(address), value=keys.packed_record(record))]
        for event in write.events:
            ops.append(Put(key=self.keys.event(address, event.seq), value=keys.packed_event(event)))
            if event.pod is not None:
                ops.append(Put(key=self.keys.pod_event(event.pod, event.seq, address), value=b""))
        if write.undone:
            events = self.keys.events_of(address)
            ops.append(Delete(key=self.keys.event(address, write.undone[0].seq), end=prefix_end(events)))
        before, after = write.reserved_before, record.reservation
        if record.mark is not None:  # what is reserved by it is so once it counts; what was, until then
            before, after = None, record.mark.record.reservation
        old = self.keys.reserved(before.pod) if before is not None else b""
        new = self.keys.reserved(after.pod) if after is not None else b""
        if old != new:
            name = address.packed.hex().encode()
            ops += [Delete(key=old + name)] if old else []
            ops += [Put(key=new + name, value=b"")] if new else []
        return ops

    def _forget(self, part: tuple[AddressWrite, ...]) -> None:
        """Delete what names pods of events that are undone. Where it is left, nobody finds an event by it."""
        names = [
            self.keys.pod_event(event.pod, event.seq, write.record.address)
            for write in part
            for event in write.undone
            if event.pod is not None
        ]
        for at in range(0, len(names), OPS):
            self.client.txn((), [Delete(key=name) for name in names[at : at + OPS]])

    def _seen(self, found: list[KeyValue]) -> Seen:
        return Seen(**self._parts_of(found))

    def _parts_of(self, found: Iterable[KeyValue]) -> dict[str, Any]:
        """Return what the keys hold; what can't be read is complained of, and keeps nobody from the others."""
        records, documents, approved, complaints = [], [], [], []
        last: tuple[Epoch, int] | None = None
        minimum = None
        for kv in found:
            try:
                if kv.key == self.keys.epoch:
                    last = keys.read_epoch(kv.value), kv.mod_revision
                elif kv.key == self.keys.minimum:
                    minimum = keys.read_minimum(kv.value, kv.mod_revision)
                elif kv.key.startswith(self.keys.records):
                    records.append((keys.read_record(kv.value), kv.mod_revision))
                elif kv.key.startswith(self.keys.approved):
                    approved.append((keys.read_approved(kv.key, kv.value), kv.mod_revision))
                else:
                    documents.append((keys.read_document(kv.key, kv.value), kv.mod_revision))
            except StoreFailed as wrong:
                complaints.append(f"etcd: {kv.key.decode('ascii', 'backslashreplace')}: {wrong.message}")
        return {
            "records": tuple(records),
            "documents": tuple(documents),
            "approved": tuple(approved),
            "complaints": tuple(complaints),
            "epoch": last,
            "minimum": minimum,
        }


def _unchanged(key: bytes, revision: int) -> Compare:
    return Compare(key=key, what="mod_revision", to=revision)


def _revision_in(seen: Seen, address: Address) -> int:
    return next((revision for record, revision in seen.records if record.address == address), 0)


def _kvs(answers: tuple[object, ...]) -> list[KeyValue]:
    return [kv for answer in answers if isinstance(answer, Found) for kv in answer.kvs]


def _steps(proposal: Proposal, ops: Callable[[AddressWrite], list[Op]]) -> list[_Step]:
    """Divide what is written into transactions that etcd takes, the documents last; one at least.

    Where documents are too many for what was approved of them, that goes before: it is of texts that passed the check,
    and if the documents do not follow, those that are there are approved again.
    """
    steps: list[_Step] = []
    part: list[AddressWrite] = []
    size = 0
    for write in proposal.addresses:
        more = len(ops(write))
        if part and size + more > OPS:
            steps.append(_Step(addresses=tuple(part)))
            part, size = [], 0
        part.append(write)
        size += more
    approved = proposal.approved
    if size + len(proposal.documents) + 2 * len(approved) > OPS:
        steps += [_Step(approved=approved[at : at + OPS // 2]) for at in range(0, len(approved), OPS // 2)]
        approved = ()
    return [*steps, _Step(addresses=tuple(part), documents=proposal.documents, approved=approved)]


def _explains(now: Seen, proposal: Proposal, part: tuple[AddressWrite, ...]) -> bool:
    """Say whether one of the records or documents that were compared is another than the step relied on."""
    records = {record.address: revision for record, revision in now.records}
    documents = {text.key: revision for text, revision in now.documents}
    approved = {one.text.key: revision for one, revision in now.approved}
    return (
        proposal.minimum not in (None, now.minimum.revision if now.minimum is not None else 0)
        or any(records.get(write.record.address, 0) != write.revision for write in part)
        or any(documents.get(("Pool", "", name), 0) != revision for name, revision in proposal.pools)
        or any(approved.get(("Pool", "", name), 0) != revision for name, revision in proposal.relied)
        or proposal.epoch not in (None, now.epoch[1] if now.epoch is not None else 0)
    )
