"""What one sweep decides from, read from the replica in one transaction: documents, reservations, leases, usage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import InvalidConfig
from podberth.cni.value import value
from podberth.controller.keeping import Kept, owner_of
from podberth.ipam.owner import is_claim
from podberth.ipam.pool import FOREVER
from podberth.policy.reserves import declared_addresses
from podberth.policy.texts import parsed
from podberth.stores.replica import podnetworks as newest
from podberth.stores.replica.approved import all_former, in_force, pool_key
from podberth.stores.replica.pools import waiting
from podberth.stores.replica.said import tenants
from podberth.stores.replica.standing import ended
from podberth.stores.replica.standings import standings
from podberth.stores.sqlite import documents, rows
from podberth.stores.sqlite.counts import usages
from podberth.stores.sqlite.pending import pending

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from sqlite3 import Connection

    from podberth.controller.older import Texts
    from podberth.ipam.lease import Event, Lease, Reservation, Usage
    from podberth.ipam.moment import Moment
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address
    from podberth.policy.changes import Declared, Waiting
    from podberth.policy.podnetwork import PodNetwork
    from podberth.policy.standing import Standing
    from podberth.stores.replica.shared import DocumentText, Former, Key


@value
class Known:
    """`pending`, `stray`: declared and not reserved, and what is reserved and may end. `last`: of what is pending.

    `kept`: reservations that are not for ever, and that no pod has now. `tenants`: whether objects in the API are their
    namespaces' word. `former`: texts that were in force before, each until a time. `in_use`: those in
    force of Pools that pods have addresses of.
    """

    pools: Mapping[str, Pool]
    podnetworks: tuple[PodNetwork, ...]
    leases: tuple[Lease, ...]
    reservations: Mapping[Address, Reservation]
    usage: Mapping[str, tuple[Usage, ...]]
    pending: tuple[Declared, ...]
    stray: tuple[Declared, ...]
    last: Mapping[Address, Event]
    kept: tuple[Kept, ...]
    declarers: Mapping[Address, tuple[PodNetwork, ...]]
    standings: tuple[Standing, ...]
    waiting: Mapping[str, Waiting]
    tenants: bool
    former: Mapping[Key, Texts]
    in_use: tuple[DocumentText, ...]


def known(connection: Connection, now: Moment) -> Known:
    """Read it, in a step that is only tried."""
    pools = {pool.name: pool for pool in documents.pools(connection)}
    podnetworks = documents.podnetworks(connection, None)
    leases = tuple(rows.leases(connection, ""))
    reservations = {kept.address: kept for kept in rows.reservations(connection, "")}
    missing = pending(connection)
    declarers = _declarers(podnetworks)
    bound = {lease.address for lease in leases}
    away = [kept for kept in reservations.values() if kept.address not in bound]
    last = {
        address: event
        for address in dict.fromkeys(declared.address for declared in missing)
        if (event := rows.last_event(connection, address)) is not None
    }
    usage: dict[str, tuple[Usage, ...]] = {}
    for row in usages(connection, None, now):
        usage[row.pool] = (*usage.get(row.pool, ()), row)
    return Known(
        pools=pools,
        podnetworks=podnetworks,
        leases=leases,
        reservations=reservations,
        usage=usage,
        pending=missing,
        stray=ended(connection),
        standings=standings(connection),
        waiting={
            one.document.partition(" ")[2]: one for one in (*waiting(connection, now), *newest.waiting(connection))
        },
        tenants=tenants(connection),
        in_use=tuple(filter(None, (in_force(connection, pool_key(name)) for name in sorted({x.pool for x in leases})))),
        former={key: tuple(_parsed(former)) for key, former in all_former(connection).items()},
        last=last,
        kept=tuple(one for kept in away if (one := _kept(connection, kept, declarers, pools)) is not None),
        declarers=declarers,
    )


def _declarers(podnetworks: Iterable[PodNetwork]) -> Mapping[Address, tuple[PodNetwork, ...]]:
    found: dict[Address, tuple[PodNetwork, ...]] = {}
    for podnetwork in podnetworks:
        for policy in podnetwork.attachments:
            for _, address in declared_addresses(podnetwork, policy):
                found[address] = (*found.get(address, ()), podnetwork)
    return found


def _parsed(former: Iterable[Former]) -> Iterator[tuple[Pool | PodNetwork, int]]:
    for one in former:
        try:
            yield parsed(one.body, "status.inForce.former").body, one.until
        except InvalidConfig:
            continue  # it was written by hand


def _kept(
    connection: Connection,
    kept: Reservation,
    declarers: Mapping[Address, tuple[PodNetwork, ...]],
    pools: Mapping[str, Pool],
) -> Kept | None:
    """Return the reservation with its retention; None if it is kept for ever, or as long as its claim is there."""
    by = next(iter(declarers.get(kept.address, ())), None) if kept.origin == "declared" else None
    retention: str | int = FOREVER
    if by is not None:
        retention = by.retention
    elif kept.origin == "sticky" and kept.pool in pools and not is_claim(kept.pod):
        retention = pools[kept.pool].sticky_retention
    if retention == FOREVER:
        return None
    last = rows.last_event(connection, kept.address)
    return Kept(reservation=kept, retention=retention, owner=owner_of(kept.pod, by), last=last)
