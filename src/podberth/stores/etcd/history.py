"""The events of a cluster's ledger in etcd: each a key of its own, older ones of an address together and compressed."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from podberth.ipam.address_record import counted
from podberth.ipam.refusals import same
from podberth.stores.etcd import keys
from podberth.stores.etcd.values import Compare, Delete, Found, Get, Put, prefix_end

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.cni.pod import PodRef
    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.lease import Event
    from podberth.net.ops import Address
    from podberth.stores.etcd.client import Etcd
    from podberth.stores.etcd.keys import Keys

KEPT = 32  # events of an address that stay keys of their own
CHUNK = 100  # events that are put into the archive together: a transaction has to delete as many keys
MARK = b'"mark":'  # in a record that has one
MOST = 1 << 63  # more than any event's number
_ORDER = attrgetter("seq", "address.packed")


class History:
    """The events below one prefix."""

    def __init__(self, client: Etcd, names: Keys) -> None:
        self._client = client
        self._keys = names

    def events(self, *, address: Address | None = None, pod: PodRef | None = None) -> Iterator[Event]:
        """Yield the events of an address, of a pod's name, of both, or all, oldest first."""
        if address is not None:
            yield from (event for event in self._of_address(address) if pod is None or same(event.pod, pod))
        elif pod is not None:
            yield from self._of_pod(pod)
        else:
            yield from self._all()

    def beyond(self, address: Address, seq: int) -> tuple[Event, ...]:
        """Return the address's events behind that number: an operation has brought them, and they don't count yet."""
        prefix = self._keys.events_of(address)
        found = self._client.range(self._keys.event(address, seq + 1), prefix_end(prefix))
        return tuple(keys.read_event(kv.key, kv.value) for kv in found.kvs)

    def _count(self, address: Address, revision: int) -> int:
        """Return the number up to which the address's events count, as of a revision."""
        record = self._marked(address, revision)
        if record is None or record.mark is None:
            return MOST
        primary = self._marked(record.mark.primary, revision)
        return counted(record, primary)

    def _marked(self, address: Address, revision: int) -> AddressRecord | None:
        """Return the address's record, if an operation has marked it."""
        found = self._client.get(self._keys.record(address), revision=revision)
        return keys.read_record(found.value) if found is not None and MARK in found.value else None

    def archive(self, address: Address) -> int:
        """Put the older events of an address into its archive, and return how many; none is ever missing meanwhile."""
        prefix = self._keys.events_of(address)
        moved = 0
        while True:
            found = self._client.range(prefix, prefix_end(prefix), limit=KEPT + CHUNK)
            if len(found.kvs) < KEPT + CHUNK:
                return moved
            old = found.kvs[:CHUNK]
            events = [keys.read_event(kv.key, kv.value) for kv in old]
            chunk = self._keys.archive_of(address) + b"%016x" % events[0].seq
            self._client.txn(
                [Compare(key=old[0].key, what="mod_revision", to=old[0].mod_revision)],
                [Put(key=chunk, value=keys.packed_archive(events)), *(Delete(key=kv.key) for kv in old)],
            )
            moved += len(old)

    def _of_address(self, address: Address) -> Iterator[Event]:
        # The archive is read at the same revision: what is on its way from one to the other is in just one of them.
        events, archive = self._keys.events_of(address), self._keys.archive_of(address)
        recent = self._client.range(events, prefix_end(events))
        last = self._count(address, recent.revision)
        for kv in self._client.range(archive, prefix_end(archive), revision=recent.revision).kvs:
            yield from (event for event in keys.read_archive(kv.key, kv.value) if event.seq <= last)
        for kv in recent.kvs:
            if keys.sequence_in(kv.key, -1) <= last:
                yield keys.read_event(kv.key, kv.value)

    def _of_pod(self, pod: PodRef) -> Iterator[Event]:
        prefix = self._keys.pod_events(pod)
        archived: dict[Address, dict[int, Event]] = {}
        last: dict[Address, int] = {}
        for page in self._client.pages(prefix, prefix_end(prefix), keys_only=True):
            named = [(keys.address_in(kv.key, -1), keys.sequence_in(kv.key, -2)) for kv in page.kvs]
            for address in {address for address, _ in named} - last.keys():
                last[address] = self._count(address, page.revision)
            named = [(address, seq) for address, seq in named if seq <= last[address]]
            for at in range(0, len(named), CHUNK):
                events = self._named(named[at : at + CHUNK], archived)
                yield from (event for event in events if same(event.pod, pod))

    def _named(self, named: list[tuple[Address, int]], archived: dict[Address, dict[int, Event]]) -> Iterable[Event]:
        found: list[Event] = []
        answers = self._client.txn((), [Get(key=self._keys.event(address, seq)) for address, seq in named]).answers
        for (address, seq), answer in zip(named, answers, strict=True):
            assert isinstance(answer, Found)
            if answer.kvs:
                found.append(keys.read_event(answer.kvs[0].key, answer.kvs[0].value))
                continue
            if address not in archived:
                archived[address] = {event.seq: event for event in self._of_address(address)}
            if seq in archived[address]:  # else an operation has brought it that was given up
                found.append(archived[address][seq])
        return sorted(found, key=_ORDER)

    def _all(self) -> Iterator[Event]:
        recent = self._client.range(self._keys.events, prefix_end(self._keys.events))
        last = self._counts(recent.revision)
        archive = self._client.range(self._keys.archive, prefix_end(self._keys.archive), revision=recent.revision)
        events = [event for kv in archive.kvs for event in keys.read_archive(kv.key, kv.value)]
        events += [keys.read_event(kv.key, kv.value) for kv in recent.kvs]
        yield from sorted((event for event in events if event.seq <= last.get(event.address, MOST)), key=_ORDER)

    def _counts(self, revision: int) -> dict[Address, int]:
        """Return the numbers up to which events count, of the addresses that operations have marked."""
        pages = self._client.pages(self._keys.records, prefix_end(self._keys.records), revision=revision)
        marked = [keys.read_record(kv.value) for page in pages for kv in page.kvs if MARK in kv.value]
        of = {record.address: record for record in marked}
        return {
            record.address: counted(record, of.get(record.mark.primary)) for record in marked if record.mark is not None
        }
