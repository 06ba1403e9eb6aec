"""From what a cluster's store has to the replica's rows, inside an open transaction. Older news is left alone."""

from __future__ import annotations

from podberth.ipam.address_record import Rest
from podberth.ipam.moment import Uptime
from podberth.stores.replica import marks
from podberth.stores.replica.approved import drop_texts
from podberth.stores.replica.said import forget
from podberth.stores.replica.standing import forget_bundles, settle
from podberth.stores.sqlite import rows, space

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.lease import Event, Lease, Reservation
    from podberth.ipam.moment import Moment
    from podberth.stores.replica.shared import Key


def apply_record(connection: Connection, record: AddressRecord, revision: int, now: Moment) -> bool:
    """Have the address be as the record says; False if the replica knows this revision, or a later one."""
    packed = record.address.packed
    known = connection.execute("SELECT revision FROM records WHERE address = ?", (packed,)).fetchone()
    if known is not None and known[0] >= revision:
        return False
    marks.keep(connection, record, now.uptime)
    _show(connection, marks.shown(connection, record), now)
    seq = record.seq if record.mark is None else max(record.seq, record.mark.record.seq)
    connection.execute(
        "INSERT OR REPLACE INTO records (address, revision, seq, time, operation) VALUES (?, ?, ?, ?, ?)",
        (packed, revision, seq, record.time, record.operation),
    )
    return True


def apply_operations(connection: Connection, operations: Iterable[str], now: Moment) -> tuple[AddressRecord, ...]:
    """Have all count that operations, which are committed, have marked; return the records of that."""
    made = marks.made_by(connection, operations)
    for record in made:
        _show(connection, record, now)
    return made


def _show(connection: Connection, record: AddressRecord, now: Moment) -> None:
    put_in_force(connection, record, now, _passed(connection, record))
    if record.last is not None:
        _keep_last(connection, record.last)


def take_words(connection: Connection, records: Iterable[AddressRecord], now: Moment) -> None:
    """Take the word of the nodes that wrote the records of how long they have run."""
    said: dict[str, int] = {}
    for record in records:
        if record.written is not None:
            said[record.written.boot] = max(said.get(record.written.boot, 0), record.written.ns)
    for boot, ns in said.items():
        known = connection.execute("SELECT uptime FROM boots WHERE boot = ?", (boot,)).fetchone()
        if boot != now.uptime.boot and (known is None or known[0] < ns):
            connection.execute("INSERT OR REPLACE INTO boots (boot, uptime) VALUES (?, ?)", (boot, ns))
            space.vouch(connection, Uptime(boot=boot, ns=ns), now.uptime)


def put_in_force(connection: Connection, record: AddressRecord, now: Moment, passed: int = 0) -> None:
    """Have the address be held, reserved, resting or free as the record says, whatever it was.

    `passed`: how much (ns) of a rest is over, as far as others have said.
    """
    packed = record.address.packed
    if connection.execute("SELECT 1 FROM pools WHERE name = ?", (record.pool,)).fetchone() is None:
        # Its document is on the way, or deleted: nothing can be taken from it, and what it has is known all the same.
        connection.execute("INSERT INTO pools (name, allocation, quarantine) VALUES (?, 'lowest', 0)", (record.pool,))
    connection.execute("DELETE FROM leases WHERE address = ?", (packed,))
    connection.execute("DELETE FROM reservations WHERE address = ?", (packed,))
    if record.reservation is None and record.lease is None:
        _free(connection, record, now, passed)
    else:
        space.take(connection, record.pool, record.address)
    if record.reservation is not None:
        _insert_reservation(connection, record.reservation)
    if record.lease is not None:
        _insert_lease(connection, record.lease)


def forget_others(
    connection: Connection, records: set[bytes], documents: set[Key], bundles: set[str], revision: int, now: Moment
) -> None:
    """Drop what is not among these, and is no later than the revision: it is not in the cluster's store any more."""
    older = (revision,)
    for (packed,) in connection.execute("SELECT address FROM records WHERE revision <= ?", older).fetchall():
        if packed not in records:
            for name in ("leases", "reservations", "resting", "events", "records", "marks"):
                connection.execute(f"DELETE FROM {name} WHERE address = ?", (packed,))  # noqa: S608 - constants
    query = "SELECT kind, namespace, name FROM document_revisions WHERE revision <= ?"
    gone = [key for key in connection.execute(query, older).fetchall() if key not in documents]
    drop_texts(connection, gone)
    connection.executemany("DELETE FROM document_revisions WHERE kind = ? AND namespace = ? AND name = ?", gone)
    for key in gone:
        forget(connection, key)
    settle(connection, gone, gone, now, pools=True)
    forget_bundles(connection, bundles, revision, now)
    connection.execute("DELETE FROM touched_documents")


def _passed(connection: Connection, record: AddressRecord) -> int:
    """Return how much (ns) of the record's rest is over by the word of the node where it began."""
    if record.rest is None:
        return 0
    since = record.rest.since
    known = connection.execute("SELECT uptime FROM boots WHERE boot = ?", (since.boot,)).fetchone()
    return max(0, int(known[0]) - since.ns) if known is not None else 0


def _rest(connection: Connection, record: AddressRecord) -> Rest:
    """Return the record's rest; of one that a release before 0.2 wrote, all that was asked, from now on.

    Its end is a time by its writer's clock, as the release is: the difference is what was asked, however wrong it was.
    """
    if record.rest is not None:
        return record.rest
    length = record.rest_until - record.last.time if record.last is not None else -1
    if length < 0:
        (quarantine,) = connection.execute("SELECT quarantine FROM pools WHERE name = ?", (record.pool,)).fetchone()
        length = quarantine * 10**9
    return Rest(length=length, since=Uptime(boot="", ns=0))


def _free(connection: Connection, record: AddressRecord, now: Moment, passed: int) -> None:
    """Have the address be nobody's: it rests, or is among the free ones if the pool offers it."""
    pool, address = record.pool, record.address
    known = space.rest_of(connection, address)
    if record.rest_until and known == (record.rest_until, record.rest):
        return  # it rests already, and has been seen to
    connection.execute("DELETE FROM resting WHERE address = ?", (address.packed,))
    offered = space.has(connection, "offered", pool, address)
    if record.rest_until:
        space.take(connection, pool, address)
        rest, until = _rest(connection, record), record.rest_until
        space.put_to_rest(connection, pool, address, rest, now.uptime, until=until, offered=offered, passed=passed)
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
