"""Rows into values, and the questions about leases and reservations that several rooms of the store ask."""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Correction, Event, Lease, Reservation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from sqlite3 import Connection

    from podberth.net.ops import Address

LEASE = "address, pool, network, container_id, ifname, namespace, pod, uid, netns, node, since"
RESERVATION = "address, pool, namespace, pod, ifname, origin, since"
EVENT = (
    "seq, time, kind, address, pool, state, namespace, pod, uid, ifname, network, container_id, who, why, node, owner,"
    " clock, ahead, corrects"
)
CHANGES_HANDS = "kind NOT IN ('Adjusted', 'Conflicted', 'Corrected', 'Repaired')"  # as the index events_owners has it


def leases(connection: Connection, where: str, *values: object) -> Iterator[Lease]:
    """Yield the leases that match, in order of address."""
    # IPv4 before IPv6: a blob of 4 bytes would otherwise stand among those of 16.
    query = f"SELECT {LEASE} FROM leases {where} ORDER BY family, address"  # noqa: S608 - the callers' constants
    for address, pool, network, container_id, ifname, namespace, pod, uid, netns, node, since in connection.execute(
        query, values
    ):
        yield Lease(
            address=ip_address(address),
            pool=pool,
            attachment=Attachment(network=network, container_id=container_id, ifname=ifname),
            pod=pod_of(namespace, pod, uid),
            netns=netns,
            node=node,
            since=since,
        )


def reservations(connection: Connection, where: str, *values: object) -> Iterator[Reservation]:
    """Yield the reservations that match, in order of address."""
    query = f"SELECT {RESERVATION} FROM reservations {where} ORDER BY family, address"  # noqa: S608
    for address, pool, namespace, pod, ifname, origin, since in connection.execute(query, values):
        yield Reservation(
            address=ip_address(address),
            pool=pool,
            pod=PodRef(namespace=namespace, name=pod),
            ifname=ifname,
            origin=origin,
            since=since,
        )


def page(connection: Connection, where: str, values: tuple[object, ...], after: int, most: int) -> Iterator[Event]:
    """Yield at most `most` events that match, in the order of their numbers, from behind the number `after`."""
    where = f"{where} AND seq > ?" if where else "WHERE seq > ?"
    query = f"SELECT {EVENT} FROM events {where} ORDER BY seq LIMIT ?"  # noqa: S608 - the callers' constants
    for row in connection.execute(query, (*values, after, most)):
        yield event(row)


def put_events(connection: Connection, into: str, events: Iterable[Event]) -> None:
    """Insert events, with the numbers they have, into a table that is made as the ledger's is."""
    marks = ", ".join("?" * len(EVENT.split(",")))
    connection.executemany(
        f"INSERT INTO {into} ({EVENT}) VALUES ({marks})",  # noqa: S608 - the callers' constants
        (
            (
                event.seq, event.time, event.kind, event.address.packed, event.pool, event.state,
                *((event.pod.namespace, event.pod.name, event.pod.uid) if event.pod is not None else ("", "", "")),
                event.ifname,
                *((event.attachment.network, event.attachment.container_id) if event.attachment else ("", "")),
                event.actor.who, event.actor.why, event.actor.node,
                event.owner.name if event.owner is not None else "",
                event.clock, event.ahead, corrects(event.corrects),
            )
            for event in events
        ),
    )  # fmt: skip


def last_event(connection: Connection, address: Address) -> Event | None:
    """Return the last event by which the address changed hands: a conflict is none."""
    row = connection.execute(
        f"SELECT {EVENT} FROM events WHERE address = ? AND {CHANGES_HANDS} ORDER BY seq DESC LIMIT 1",  # noqa: S608
        (address.packed,),
    ).fetchone()
    return event(row) if row is not None else None


def proposed(connection: Connection) -> Iterator[Event]:
    """Yield the events that have no number yet, in the order in which they were written: a replica's proposal."""
    for row in connection.execute(f"SELECT {EVENT} FROM events WHERE seq = 0 ORDER BY rowid"):  # noqa: S608
        yield event(row)


def lease_at(connection: Connection, address: Address) -> Lease | None:
    """Return who has the address now."""
    return next(leases(connection, "WHERE address = ?", address.packed), None)


def reservation_at(connection: Connection, address: Address) -> Reservation | None:
    """Return whom the address is reserved for."""
    return next(reservations(connection, "WHERE address = ?", address.packed), None)


def held_in(connection: Connection, pool: str) -> Iterable[Reservation | Lease]:
    """Yield every reservation and lease in the pool."""
    yield from reservations(connection, "WHERE pool = ?", pool)
    yield from leases(connection, "WHERE pool = ?", pool)


def pod_of(namespace: str, name: str, uid: str) -> PodRef | None:
    """Return the pod of a row; two empty strings are none."""
    return PodRef(namespace=namespace, name=name, uid=uid) if name else None


def corrects(of: Correction | None) -> str:
    """Return a correction as its column has it: first, last, ahead, node."""
    return f"{of.first} {of.last} {of.ahead} {of.node}" if of is not None else ""


def _correction(text: str) -> Correction | None:
    if not text:
        return None
    first, last, ahead, node = text.split(" ", 3)
    return Correction(first=int(first), last=int(last), ahead=int(ahead), node=node)


def event(row: tuple[object, ...]) -> Event:
    """Return the event of a row, which has the columns of `EVENT`."""
    seq, time, kind, address, pool, state, namespace, pod, uid, ifname, network, container_id, who, why, node = row[:15]
    owner, clock, ahead, corrected = row[15:]
    return Event(
        seq=seq,  # type: ignore[arg-type]
        time=time,  # type: ignore[arg-type]
        kind=str(kind),
        address=ip_address(address),  # type: ignore[arg-type]
        pool=str(pool),
        pod=pod_of(str(namespace), str(pod), str(uid)),
        ifname=str(ifname),
        attachment=Attachment(network=str(network), container_id=str(container_id), ifname=str(ifname))
        if container_id
        else None,
        actor=Actor(who=str(who), why=str(why), node=str(node)),
        state=str(state),
        owner=pod_of(str(namespace), str(owner), ""),
        clock=str(clock),
        ahead=ahead,  # type: ignore[arg-type]
        corrects=_correction(str(corrected)),
    )
