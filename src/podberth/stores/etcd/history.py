"""The events of a cluster's ledger in etcd: each a key of its own, older ones of an address together and compressed."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from podberth.stores.etcd import keys
from podberth.stores.etcd.values import Compare, Delete, Found, Get, Put, prefix_end

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Event
    from podberth.net.ops import Address
    from podberth.stores.etcd.client import Etcd
    from podberth.stores.etcd.keys import Keys

KEPT = 32  # events of an address that stay keys of their own
CHUNK = 100  # events that are put into the archive together: a transaction has to delete as many keys
_ORDER = attrgetter("seq", "address.packed")


class History:
    """The events below one prefix."""

    def __init__(self, client: Etcd, names: Keys) -> None:
        self._client = client
        self._keys = names

    def events(self, *, address: Address | None = None, pod: PodRef | None = None) -> Iterator[Event]:
        """Yield the events of an address, of a pod's name, of both, or all, oldest first."""
        if address is not None:
            yield from (event for event in self._of_address(address) if pod is None or _is(event, pod))
        elif pod is not None:
            yield from self._of_pod(pod)
        else:
            yield from self._all()

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
        for kv in self._client.range(archive, prefix_end(archive), revision=recent.revision).kvs:
            yield from keys.read_archive(kv.key, kv.value)
        for kv in recent.kvs:
            yield keys.read_event(kv.key, kv.value)

    def _of_pod(self, pod: PodRef) -> Iterator[Event]:
        prefix = self._keys.pod_events(pod)
        archived: dict[Address, dict[int, Event]] = {}
        for page in self._client.pages(prefix, prefix_end(prefix), keys_only=True):
            named = [(keys.address_in(kv.key, -1), keys.sequence_in(kv.key, -2)) for kv in page.kvs]
            for at in range(0, len(named), CHUNK):
                yield from self._named(named[at : at + CHUNK], archived)

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
            found.append(archived[address][seq])
        return sorted(found, key=_ORDER)

    def _all(self) -> Iterator[Event]:
        recent = self._client.range(self._keys.events, prefix_end(self._keys.events))
        archive = self._client.range(self._keys.archive, prefix_end(self._keys.archive), revision=recent.revision)
        events = [event for kv in archive.kvs for event in keys.read_archive(kv.key, kv.value)]
        events += [keys.read_event(kv.key, kv.value) for kv in recent.kvs]
        yield from sorted(events, key=_ORDER)


def _is(event: Event, pod: PodRef) -> bool:
    return event.pod is not None and (event.pod.namespace, event.pod.name) == (pod.namespace, pod.name)
