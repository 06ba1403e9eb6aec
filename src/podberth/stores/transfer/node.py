"""A node's own store as a side of a transfer: read as it is, or filled in one transaction if it is empty.

In this store every event has a number of its own; in a cluster's, events of several addresses may have the same one.
What comes from there keeps the order of its numbers, then of addresses, as its history has it, and every time. If there
are equal numbers, all are given anew, in corrections too. Times order nothing: a clock can be set.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING

from podberth.ipam.address_record import AddressRecord
from podberth.ipam.pool import Pool
from podberth.policy.texts import parsed
from podberth.stores.clock import node_clock
from podberth.stores.replica.applying import put_in_force
from podberth.stores.replica.shared import DocumentText
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite import past, rows, space
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.declared import define_pool
from podberth.stores.sqlite.declaring import require_readable
from podberth.stores.sqlite.minimum import require
from podberth.stores.transfer.story import needed, story_of
from podberth.stores.transfer.verdict import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from sqlite3 import Connection

    from podberth.ipam.lease import Event
    from podberth.net.ops import Address
    from podberth.stores.transfer.story import Side, Story

_ADDRESSES = (
    "SELECT address FROM events UNION SELECT address FROM leases UNION SELECT address FROM reservations"
    " UNION SELECT address FROM resting"
)
_REST = rows.EVENT.partition(", ")[2]  # all but the number
_ORDER = "ORDER BY seq, address"


class NodeStore:
    """The store in a directory; `readonly` if it is the one that is read from."""

    def __init__(self, directory: str, *, readonly: bool) -> None:
        self._database = Database(directory, readonly=readonly)
        self.name = self._database.path

    def exists(self) -> bool:
        """Say whether there is a file."""
        return os.path.isfile(self._database.path)

    def identity(self) -> str:
        """Return what tells this store from all others, by whichever path it is named."""
        path = os.path.realpath(self._database.path)
        at = os.stat(path) if os.path.exists(path) else None
        return f"sqlite {at.st_dev}:{at.st_ino}" if at is not None else f"sqlite {path}"

    def documents(self) -> tuple[DocumentText, ...]:
        """Return the documents in force."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT kind, namespace, name, body, source, origin FROM documents ORDER BY kind, namespace, name"
            ).fetchall()
        return tuple(
            DocumentText(kind=kind, namespace=namespace, name=name, body=body, source=source, origin=origin)
            for kind, namespace, name, body, source, origin in found
        )

    def count(self) -> int:
        """Return how many addresses this store has seen."""
        with self._database.read() as connection:
            (found,) = connection.execute(f"SELECT count(*) FROM ({_ADDRESSES})").fetchone()  # noqa: S608
        return int(found)

    def stories(self) -> Iterator[Story]:
        """Yield the story of every address, all as they were at one moment."""
        with self._database.read() as connection:
            query = f"SELECT address FROM ({_ADDRESSES}) ORDER BY length(address), address"  # noqa: S608
            for (packed,) in connection.execute(query).fetchall():
                yield _story(connection, ip_address(packed))

    def conflicts(self, source: Side) -> Iterator[str]:
        """Yield what is another here than in the source, if anything is here."""
        if self.documents() or self.count():
            yield from differences(source, self)

    def take(self, source: Side, told: Callable[[int], None]) -> None:
        """Bring the whole source in, if nothing is here yet. All of it, or after a crash nothing."""
        if self.documents() or self.count():
            return
        with self._database.write() as connection:
            for text in sorted(source.documents(), key=lambda text: text.kind != "Pool"):
                document = parsed(text.body, text.source)
                require_readable(connection, (document,))
                table.put(connection, document, text.origin)
                if isinstance(document.body, Pool):
                    define_pool(connection, document.body)
            connection.execute(f"CREATE TEMP TABLE arriving AS SELECT seq, {_REST} FROM events")  # noqa: S608 - constants
            for story in source.stories():
                if story.record.lease or story.record.reservation or story.record.rest_until:
                    put_in_force(connection, story.record, node_clock())
                rows.put_events(connection, "temp.arriving", story.events)
                told(1)
            for feature in sorted(needed(source)):
                require(connection, feature)
            _append(connection)
            connection.execute("DROP TABLE temp.arriving")


def _append(connection: Connection) -> None:
    """Write the events that have arrived, in the order in which a ledger of one store has them."""
    (shared,) = connection.execute("SELECT count(*) - count(DISTINCT seq) FROM temp.arriving").fetchone()
    if shared:
        _renumber(connection)
    connection.execute(f"INSERT INTO events (seq, {_REST}) SELECT seq, {_REST} FROM temp.arriving ORDER BY seq")  # noqa: S608


def _renumber(connection: Connection) -> None:
    """Number the events that have arrived anew; a correction names the same events of its address as before."""
    numbered = f"SELECT rowid AS row, row_number() OVER ({_ORDER}) AS number FROM temp.arriving"  # noqa: S608
    connection.execute(f"CREATE TEMP TABLE numbers AS {numbered}")
    connection.execute("CREATE UNIQUE INDEX temp.numbers_of ON numbers (row)")
    query = "SELECT rowid, address, corrects FROM temp.arriving WHERE corrects <> ''"
    for row, packed, text in connection.execute(query).fetchall():
        first, last, rest = text.split(" ", 2)
        found = connection.execute(
            "SELECT min(number), max(number) FROM temp.arriving AS a JOIN temp.numbers ON row = a.rowid"
            " WHERE address = ? AND seq BETWEEN ? AND ?",
            (packed, int(first), int(last)),
        ).fetchone()
        changed = f"{found[0] or 0} {found[1] or 0} {rest}"
        connection.execute("UPDATE temp.arriving SET corrects = ? WHERE rowid = ?", (changed, row))
    connection.execute("UPDATE temp.arriving SET seq = (SELECT number FROM temp.numbers WHERE row = arriving.rowid)")
    connection.execute("DROP TABLE temp.numbers")


def _story(connection: Connection, address: Address) -> Story:
    events = tuple(past.of_address(connection, address))
    lease, kept = rows.lease_at(connection, address), rows.reservation_at(connection, address)
    until, rest = space.rest_of(connection, address)
    record = AddressRecord(
        address=address,
        pool=_pool(connection, address, lease or kept or (events[-1] if events else None)),
        seq=0,
        time=0,
        reservation=kept,
        lease=lease,
        rest_until=until,
        rest=rest,
    )
    return story_of(record, events)


def _pool(connection: Connection, address: Address, said_by: Event | object | None) -> str:
    return getattr(said_by, "pool", "") or space.pool_around(connection, address)
