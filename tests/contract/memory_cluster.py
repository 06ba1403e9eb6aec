"""A cluster's store in this process's memory: the least that `Cluster` asks for. Real ones pass the same suite."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from podberth.cni.value import replace
from podberth.ipam.address_record import counted
from podberth.ipam.elsewhere import Alone
from podberth.ipam.registration import Proof
from podberth.ipam.versions import AgentVersion, Minimum
from podberth.stores.replica.shared import Outdated, Seen, Stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.cni.pod import PodRef
    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.elsewhere import Elsewhere
    from podberth.ipam.epoch import Epoch
    from podberth.ipam.lease import Event
    from podberth.ipam.registration import Registration
    from podberth.net.ops import Address
    from podberth.stores.replica.shared import Approved, DocumentText, Proposal

    Key = tuple[str, str, str]


class MemoryCluster:
    documents_at_once = 2

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.revision = 0
        self.declared = 0  # the revision at which declarations have changed last
        self.records: dict[Address, tuple[AddressRecord, int]] = {}
        self.documents: dict[Key, tuple[DocumentText, int]] = {}
        self.approved: dict[Key, tuple[Approved, int]] = {}
        self.reserved: dict[str, int] = {}  # by a pod's name the revision at which something was reserved for it last
        self.reserved_in: dict[str, int] = {}  # the same of a namespace
        self.ledger: list[Event] = []
        self.last: tuple[Epoch, int] | None = None
        self.demanded = Minimum()
        self.said: dict[str, AgentVersion] = {}

    def identity(self) -> str:
        return f"memory {id(self)}"

    def one_step(self, proposal: Proposal) -> bool:
        return len(proposal.addresses) <= 2

    def commit(self, proposal: Proposal) -> Seen:
        with self.guard:
            newest = proposal.newest
            if newest is not None and self.records.get(newest[0], (None, 0))[1] < newest[1]:
                raise Outdated  # it was put back to an older state
            if not self._holds(proposal):
                raise Stale(replace(self._since(int(proposal.position or 0)), epoch=self.last))
            self.revision += 1
            for write in proposal.addresses:
                self.records[write.record.address] = (write.record, self.revision)
                kept = write.record.reservation
                if kept is not None and kept != write.reserved_before:
                    self.reserved[kept.pod.name] = self.reserved_in[kept.pod.namespace] = self.revision
                self.ledger += write.events
                self.ledger = [event for event in self.ledger if event not in write.undone]
            for document in proposal.documents:
                self.documents[document.text.key] = (document.text, self.revision)
            for each in proposal.approved:
                self.approved[each.approved.text.key] = (replace(each.approved, firm=True), self.revision)
            if proposal.declares:
                self.declared = self.revision
            done = self._of([w.record.address for w in proposal.addresses], [d.text.key for d in proposal.documents])
            return replace(done, approved=tuple(self.approved[w.approved.text.key] for w in proposal.approved))

    def _holds(self, proposal: Proposal) -> bool:
        seen = int(proposal.position or 0)
        return (
            proposal.epoch in (None, self.last[1] if self.last is not None else 0)
            and proposal.minimum in (None, self.demanded.revision)
            and all(self.records.get(w.record.address, (None, 0))[1] == w.revision for w in proposal.addresses)
            and all(self.records.get(at, (None, 0))[1] == revision for at, revision in proposal.holds)
            and all(self.documents.get(d.text.key, (None, 0))[1] == d.revision for d in proposal.documents)
            and all(self.documents.get(("Pool", "", n), (None, 0))[1] == revision for n, revision in proposal.pools)
            and all(self.approved.get(("Pool", "", n), (None, 0))[1] == revision for n, revision in proposal.relied)
            and all(self.approved.get(w.approved.text.key, (None, 0))[1] == w.revision for w in proposal.approved)
            and not (proposal.declares and self.declared > seen)
            and all(self.reserved.get(pod.name, 0) <= seen for pod in proposal.pods)
            and all(self.reserved_in.get(namespace, 0) <= seen for namespace in proposal.counted)
        )

    def _of(self, addresses: list[Address], documents: list[Key]) -> Seen:
        return Seen(
            records=tuple(self.records[a] for a in addresses if a in self.records),
            documents=tuple(self.documents[key] for key in documents if key in self.documents),
        )

    def _since(self, seen: int) -> Seen:
        return Seen(
            records=tuple(one for one in self.records.values() if one[1] > seen),
            documents=tuple(one for one in self.documents.values() if one[1] > seen),
            approved=tuple(one for one in self.approved.values() if one[1] > seen),
            position=str(self.revision),
            minimum=self.demanded,
        )

    def read(self, addresses: tuple[Address, ...], documents: tuple[Key, ...]) -> Seen:
        with self.guard:
            return self._of(list(addresses), list(documents))

    def reserved_for(self, owner: PodRef) -> Seen:
        del owner
        return Seen()

    def load(self) -> Iterator[Seen]:
        with self.guard:
            everything = self._since(0)
        yield Seen(records=everything.records)
        yield replace(everything, records=(), complete=int(everything.position), epoch=self.last)

    def since(self, position: str) -> Seen:
        with self.guard:
            if self.revision < int(position):
                raise Outdated
            return replace(self._since(int(position)), epoch=self.last)

    def follow(self, position: str, take: Callable[[Seen], object], stopped: Callable[[], bool]) -> None:
        raise NotImplementedError

    def trouble(self) -> str:
        return ""

    def interrupt(self) -> None:
        raise NotImplementedError

    def events(self, *, address: Address | None = None, pod: PodRef | None = None) -> Iterator[Event]:
        with self.guard:
            marked = {at: record for at, (record, _) in self.records.items() if record.mark is not None}
            of = {at: record.mark.primary for at, record in marked.items() if record.mark is not None}
            last = {at: counted(record, marked.get(of[at])) for at, record in marked.items()}
            found = [event for event in self.ledger if event.seq <= last.get(event.address, event.seq)]
        for event in found:
            mine = pod is None or (event.pod and (event.pod.namespace, event.pod.name) == (pod.namespace, pod.name))
            if mine and address in (None, event.address):
                yield event

    def beyond(self, record: AddressRecord) -> tuple[Event, ...]:
        with self.guard:
            return tuple(e for e in self.ledger if e.address == record.address and e.seq > record.seq)

    def tidy(self) -> None:
        pass

    def elsewhere(self, node: str) -> Elsewhere:  # noqa: ARG002
        return Alone()

    def prove(self, mine: Registration, told: Callable[[str], object], *, waited: bool) -> Proof:  # noqa: ARG002
        with self.guard:
            self.revision += 1
            self.said[mine.node] = AgentVersion(node=mine.node, version=mine.version, revision=self.revision)
        return Proof()

    def regressed(self, position: str) -> str:
        return "" if self.revision >= int(position or 0) else f"revision {self.revision}, and {position} was seen"

    def census(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(), frozenset()

    def epoch(self, decide: Callable[[Epoch | None], Epoch | None]) -> tuple[Epoch, int] | None:
        with self.guard:
            new = decide(self.last[0] if self.last is not None else None)
            if new is not None:
                self.revision += 1
                self.last = new, self.revision
            return self.last

    def minimum(self) -> Minimum:
        return self.demanded

    def demand(self, version: str, before: Minimum) -> bool:
        with self.guard:
            if before != self.demanded:
                return False
            self.revision += 1
            self.demanded = Minimum(version=version, revision=self.revision)
            return True

    def agent_versions(self) -> tuple[AgentVersion, ...]:
        return tuple(self.said.values())

    def retreat(self) -> None:
        pass

    def close(self) -> None:
        pass
