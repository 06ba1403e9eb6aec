"""From what a cluster's store has to the replica's rows, inside an open transaction. Older news is left alone."""

from __future__ import annotations

import json

from podberth.cni.errors import AddressTaken, InvalidConfig
from podberth.ipam.pool import Pool
from podberth.policy.documents import parse_document
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite import rows, space
from podberth.stores.sqlite.declared import define_pool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.lease import Event, Lease, Reservation
    from podberth.stores.replica.shared import DocumentText, Key


def apply_record(connection: Connection, record: AddressRecord, revision: int) -> bool:
    """Have the address be as the record says; False if the replica knows this revision, or a later one."""
    packed = record.address.packed
    known = connection.execute("SELECT revision FROM records WHERE address = ?", (packed,)).fetchone()
    if known is not None and known[0] >= revision:
        return False
    put_in_force(connection, record)
    if record.last is not None:
        _keep_last(connection, record.last)
    connection.execute(
        "INSERT OR REPLACE INTO records (address, revision, seq, time) VALUES (?, ?, ?, ?)",
        (packed, revision, record.seq, record.time),
    )
    return True


def put_in_force(connection: Connection, record: AddressRecord) -> None:
    """Have the address be held, reserved, resting or free as the record says, whatever it was."""
    packed = record.address.packed
    if connection.execute("SELECT 1 FROM pools WHERE name = ?", (record.pool,)).fetchone() is None:
        # Its document is on the way, or deleted: nothing can be taken from it, and what it has is known all the same.
        connection.execute("INSERT INTO pools (name, allocation, quarantine) VALUES (?, 'lowest', 0)", (record.pool,))
    connection.execute("DELETE FROM leases WHERE address = ?", (packed,))
    connection.execute("DELETE FROM reservations WHERE address = ?", (packed,))
    if record.reservation is None and record.lease is None:
        _free(connection, record)
    else:
        space.take(connection, record.pool, record.address)
    if record.reservation is not None:
        _insert_reservation(connection, record.reservation)
    if record.lease is not None:
        _insert_lease(connection, record.lease)


def apply_documents(connection: Connection, documents: Iterable[tuple[DocumentText, int]]) -> tuple[str, ...]:
    """Put the documents in force, or out of it; return what is wrong with those that can't be."""
    complaints: list[str] = []
    for text, revision in documents:
        where = "kind = ? AND namespace = ? AND name = ?"
        known = connection.execute(f"SELECT revision FROM document_revisions WHERE {where}", text.key).fetchone()  # noqa: S608
        if known is not None and known[0] >= revision:
            continue
        connection.execute("INSERT OR REPLACE INTO document_revisions VALUES (?, ?, ?, ?)", (*text.key, revision))
        try:
            _put_in_force(connection, text)
        except (InvalidConfig, AddressTaken, ValueError) as wrong:
            complaints.append(f"{text.kind} {text.namespace}/{text.name}: {wrong}")
    connection.execute("DELETE FROM touched_documents")
    return tuple(complaints)


def forget_others(connection: Connection, records: set[bytes], documents: set[Key], revision: int) -> None:
    """Drop what is not among these, and is no later than the revision: it is not in the cluster's store any more."""
    older = (revision,)
    for (packed,) in connection.execute("SELECT address FROM records WHERE revision <= ?", older).fetchall():
        if packed not in records:
            for name in ("leases", "reservations", "resting", "events", "records"):
                connection.execute(f"DELETE FROM {name} WHERE address = ?", (packed,))  # noqa: S608 - constants
    query = "SELECT kind, namespace, name FROM document_revisions WHERE revision <= ?"
    for key in connection.execute(query, older).fetchall():
        if key not in documents:
            _put_out_of_force(connection, key)
            connection.execute("DELETE FROM document_revisions WHERE kind = ? AND namespace = ? AND name = ?", key)
    connection.execute("DELETE FROM touched_documents")


def _put_in_force(connection: Connection, text: DocumentText) -> None:
    if not text.body:
        _put_out_of_force(connection, text.key)
        return
    document = parse_document(json.loads(text.body), text.source)
    table.put(connection, document, text.origin)
    if isinstance(document.body, Pool):
        define_pool(connection, document.body)


def _put_out_of_force(connection: Connection, key: Key) -> None:
    gone = table.get(connection, *key)
    if gone is not None:
        table.remove(connection, gone)
    if gone is not None and gone.kind == "Pool":
        space.forget(connection, gone.name)


def _free(connection: Connection, record: AddressRecord) -> None:
    """Have the address be nobody's: it rests, or is among the free ones if the pool offers it."""
    pool, address = record.pool, record.address
    connection.execute("DELETE FROM resting WHERE address = ?", (address.packed,))
    offered = space.has(connection, "offered", pool, address)
    if record.rest_until:
        space.take(connection, pool, address)
        connection.execute(
            "INSERT INTO resting (address, pool, family, until, offered) VALUES (?, ?, ?, ?, ?)",
            (address.packed, pool, address.version, record.rest_until, int(offered)),
        )
    elif offered and not space.has(connection, "free", pool, address):
        space.merge(connection, pool, address.version, int(address))


def _insert_reservation(connection: Connection, kept: Reservation) -> None:
    connection.execute(
        "INSERT INTO reservations (address, family, pool, namespace, pod, ifname, origin, since)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            kept.address.packed, kept.address.version, kept.pool, kept.pod.namespace, kept.pod.name, kept.ifname,
            kept.origin, kept.since,
        ),
    )  # fmt: skip


def _insert_lease(connection: Connection, lease: Lease) -> None:
    held, pod = lease.attachment, lease.pod
    connection.execute(
        "INSERT INTO leases (address, family, pool, network, container_id, ifname, namespace, pod, uid, netns, node,"
        " since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            lease.address.packed, lease.address.version, lease.pool, held.network, held.container_id, held.ifname,
            *((pod.namespace, pod.name, pod.uid) if pod is not None else ("", "", "")),
            lease.netns, lease.node, lease.since,
        ),
    )  # fmt: skip


def _keep_last(connection: Connection, event: Event) -> None:
    connection.execute("DELETE FROM events WHERE address = ?", (event.address.packed,))
    rows.put_events(connection, "events", (event,))
