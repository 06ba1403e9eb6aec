"""A ledger that was put back to an earlier state: its new epoch, and what is taken over from the file before.

Imported only then. A process that has the file before open knows all that the node's pods have: it writes that into the
restored one. One that has only noticed has the node announce its pods, by its records and by what the kernel shows.
"""

from __future__ import annotations

import os
from ipaddress import ip_address

from podberth.cni.errors import AddressTaken
from podberth.cni.value import replace, value
from podberth.ipam.epoch import FOUND, OWN, WHO, Epoch, HeldAddress
from podberth.ipam.lease import Actor
from podberth.ipam.refusals import same
from podberth.stores.clock import node_clock
from podberth.stores.sqlite import changes, ending, epochs, rows, space
from podberth.stores.sqlite.progress import reached
from podberth.stores.sqlite.retention import keep_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

    from podberth.cni.pod import PodRef
    from podberth.ipam.epoch import Announcement
    from podberth.ipam.lease import Lease
    from podberth.ipam.moment import Moment
    from podberth.stores.sqlite.witness import Reached


@value
class TakenOver:
    """What a restored ledger has of the one before. `lost`: documents, and reservations by hand, that it has not."""

    epoch: Epoch
    announced: Announcement
    lost: tuple[str, ...]


def notice(connection: Connection, path: str, missing: str, known: Reached | None) -> Epoch:
    """Begin an epoch in a ledger that turned out to be put back: the node has to announce its pods.

    `known`: how far it had come before.
    """
    now = node_clock()
    connection.execute("BEGIN IMMEDIATE")
    try:
        made = begin(connection, WHO, f"{path} was put back to an earlier state: {missing}", now, known)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return made


def begin(connection: Connection, who: str, why: str, now: Moment, known: Reached | None = None) -> Epoch:
    """Begin an epoch in an open transaction, for which this node is awaited."""
    before = known or reached(connection)
    made = replace(_next(connection, who, why, now, before.epoch), awaited=(OWN,))
    epochs.write(connection, made)
    _count_on(connection, before, made)
    _end_what_is_over(connection, now)
    return made


def take_over(connection: Connection, before: Connection, path: str, missing: str) -> TakenOver:
    """Begin an epoch, and bring into the restored ledger what the one before knows of the node's pods. One step."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        why = f"{path} was put back to an earlier state: {missing}"
        made = taken_over(connection, before, WHO, why, node_clock())
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return made


def taken_over(connection: Connection, before: Connection, who: str, why: str, now: Moment) -> TakenOver:
    """Do the same in an open transaction."""
    known = epochs.last(connection)
    epoch = _next(connection, who, why, now, _newest(before))
    if known is not None and known.number > _newest(before):
        epoch = replace(epoch, seq=known.seq)  # it was noticed before, and some have got addresses since
    epochs.write(connection, epoch, whole=True)
    _count_on(connection, reached(before), epoch)
    _end_what_is_over(connection, now)
    actor = Actor(who=who, why=f"epoch {epoch.number}", node=epoch.node)
    had = tuple(lease for lease in rows.leases(before, "") if not ending.is_over(before, lease.attachment))
    gone = _ended_since(connection, had, epoch.seq)
    for lease in gone:
        of = lease.attachment
        key = of.network, of.container_id, of.ifname
        connection.execute("DELETE FROM attachments WHERE (network, container_id, ifname) = (?, ?, ?)", key)
    _copy(connection, before, "attachments", "OR REPLACE")
    held = (
        HeldAddress(address=one.address, attachment=one.attachment, pod=one.pod, netns=one.netns, pool=one.pool)
        for one in had
        if one.attachment.network != FOUND
    )
    announced = epochs.announce(connection, held, gone, actor, now, epoch.seq)
    _keep_names(connection, before, actor, now)
    _keep_rests(connection, before)
    keep_words(connection, before)
    return TakenOver(epoch=epoch, announced=announced, lost=tuple(_lost(connection, before)))


def _next(connection: Connection, who: str, why: str, now: Moment, before: int) -> Epoch:
    there = reached(connection)
    number = max(there.epoch, before) + 1
    return Epoch(number=number, seq=there.seq, time=now.true, who=who, why=why, node=os.uname().nodename)


def _newest(of: Connection) -> int:
    known = epochs.last(of)
    return known.number if known is not None else 0


def _count_on(connection: Connection, before: Reached, epoch: Epoch) -> None:
    """Have no number of an event be given a second time, as far as is known, and documents count on."""
    furthest = max(before.seq, epoch.seq)
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (furthest,))
    connection.execute("UPDATE declared SET revision = max(revision, ?) + 1", (before.declared,))


def _end_what_is_over(connection: Connection, now: Moment) -> None:
    """Do what operations of the restored record hold: what has the same attachment by now is not what they ended."""
    while ending.step(connection, now):
        pass


def _ended_since(connection: Connection, had: tuple[Lease, ...], since: int) -> tuple[Lease, ...]:
    """Return the leases of the restored record whose holders are gone by the ledger before."""
    live = {(lease.address, lease.attachment) for lease in had}
    found = []
    for lease in rows.leases(connection, ""):
        event = rows.last_event(connection, lease.address)
        if (lease.address, lease.attachment) not in live and (event is None or event.seq <= since):
            found.append(lease)
    return tuple(found)


def _keep_names(connection: Connection, before: Connection, actor: Actor, now: Moment) -> None:
    """Keep the addresses that pods got for their names by being started: nobody has declared those."""
    for kept in rows.reservations(before, "WHERE origin = 'sticky'"):
        free = rows.reservation_at(connection, kept.address) is None
        lease = rows.lease_at(connection, kept.address)
        if free and space.has(connection, "usable", kept.pool, kept.address) and _may_stay(lease, kept.pod):
            try:
                changes.reserve(connection, kept.pool, kept.address, kept.pod, kept.ifname, "sticky", actor, now)
            except AddressTaken:
                continue  # running pods were told that it is a gateway


def _may_stay(lease: Lease | None, pod: PodRef) -> bool:
    return lease is None or same(lease.pod, pod)


def _keep_rests(connection: Connection, before: Connection) -> None:
    """Keep the rests of addresses that nobody has: others may still have them cached."""
    for row in before.execute("SELECT * FROM resting").fetchall():
        address, pool = ip_address(row[0]), str(row[1])
        held = rows.lease_at(connection, address) or rows.reservation_at(connection, address)
        if held or connection.execute("SELECT 1 FROM pools WHERE name = ?", (pool,)).fetchone() is None:
            continue
        space.take(connection, pool, address)
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT OR REPLACE INTO resting VALUES ({marks})", row)  # noqa: S608


def _lost(connection: Connection, before: Connection) -> Iterator[str]:
    query = "SELECT kind, namespace, name, body FROM documents ORDER BY kind, namespace, name"
    there = {row[:3]: row[3] for row in connection.execute(query)}
    for kind, namespace, name, body in before.execute(query).fetchall():
        if there.get((kind, namespace, name)) != body:
            yield f"{kind} {namespace + '/' if namespace else ''}{name}"
    for kept in rows.reservations(before, "WHERE origin = 'manual'"):
        if rows.reservation_at(connection, kept.address) is None:
            yield f"reservation of {kept.address} for {kept.pod}"


def _copy(connection: Connection, before: Connection, table: str, how: str) -> None:
    for row in before.execute(f"SELECT * FROM {table}").fetchall():  # noqa: S608 - constants
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT {how} INTO {table} VALUES ({marks})", row)  # noqa: S608
