"""The events of a cluster's ledger in the Kubernetes API: the newer ones in an address's object, others in archives.

An event counts up to the number that its address's record has: an operation writes ahead (`ipam.address_record`).
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from podberth.ipam.address_record import counted
from podberth.ipam.refusals import same
from podberth.kube import errors, resources
from podberth.kube.names import address_name
from podberth.stores.kubernetes import objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.pod import PodRef
    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.lease import Event
    from podberth.kube.client import Client
    from podberth.net.ops import Address

_MOST = 1 << 63  # more than any event's number
_ORDER = attrgetter("seq", "address.packed")


def events(client: Client, *, address: Address | None = None, pod: PodRef | None = None) -> Iterator[Event]:
    """Yield the events that count, of one address or of all, that have to do with the pod, in order of number."""
    found: dict[tuple[bytes, int], Event] = {}
    for event in _counting(client, address) if address is not None else _all(client):
        if pod is None or same(event.pod, pod):
            found[event.address.packed, event.seq] = event  # one on its way into the archive is in both
    yield from sorted(found.values(), key=_ORDER)


def events_at(client: Client, address: Address) -> Iterator[Event]:
    """Yield the events of an address, those too that do not count yet."""
    name = address_name(address)
    try:
        yield from objects.events_in(client.get(resources.ADDRESS_LEASES, name))
    except errors.NotFound:
        return
    for found in client.list(resources.ADDRESS_HISTORIES, labels=f"{objects.ADDRESS}={name}").items:
        yield from objects.archived_in(found)


def _counting(client: Client, address: Address) -> Iterator[Event]:
    last = _last(client, address)
    yield from (event for event in events_at(client, address) if event.seq <= last)


def _last(client: Client, address: Address) -> int:
    """Return the number up to which the address's events count."""
    found = _lease(client, address)
    if found is None or not found["spec"].get("mark"):
        return _MOST
    record, _ = objects.read_lease(found)
    first = _lease(client, record.mark.primary) if record.mark is not None else None
    return counted(record, objects.read_lease(first)[0] if first is not None else None)


def _lease(client: Client, address: Address) -> objects.Object | None:
    try:
        return client.get(resources.ADDRESS_LEASES, address_name(address))
    except errors.NotFound:
        return None


def _all(client: Client) -> Iterator[Event]:
    marked: dict[Address, AddressRecord] = {}
    waiting: list[Event] = []
    for page in client.pages(resources.ADDRESS_LEASES):
        for found in page.items:
            if found["spec"].get("mark"):
                record, _ = objects.read_lease(found)
                marked[record.address] = record
                waiting += objects.events_in(found)
            else:
                yield from objects.events_in(found)
    of = {at: record.mark.primary for at, record in marked.items() if record.mark is not None}
    last = {at: counted(record, marked.get(of[at])) for at, record in marked.items()}
    yield from (event for event in waiting if event.seq <= last[event.address])
    for page in client.pages(resources.ADDRESS_HISTORIES):
        for found in page.items:
            archived = objects.archived_in(found)
            yield from (event for event in archived if event.seq <= last.get(event.address, _MOST))
