"""Older events are put into the archive: compressed, and never deleted by that. Off the way of any ADD.

A step puts one batch there, or takes events that are in it out of the table. Each is a short transaction of its own.
What a kill leaves is what a step before would have left: readers never miss an event, nor see one twice.
"""

from __future__ import annotations

import zlib
from itertools import groupby
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.cni.value import value
from podberth.ipam.window import Summary, summary
from podberth.stores.sqlite import ending, packing
from podberth.stores.sqlite.rows import CHANGES_HANDS, EVENT, event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from sqlite3 import Connection

    from podberth.ipam.moment import Clock
    from podberth.stores.sqlite.database import Database
    from podberth.stores.sqlite.packing import Row

BATCH = 4096
KEPT = 4096
PART = 512  # events that are compressed together, or a few more
LATE = KEPT + 2 * BATCH  # events that are not in the archive, from which on whoever ends a lease sees to it
SWEPT = 256  # events that one transaction takes out of the table


class Archive:
    """The archive of one database. `batch`: events that go there together. `kept`: the newest, which never do."""

    def __init__(self, database: Database, clock: Clock, *, batch: int = BATCH, kept: int = KEPT) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch
        self._kept = kept

    def step(self) -> bool:
        """Do one step, if there is one to do; say whether there was."""
        if not self._database.stored:
            return False
        return self._sweep() or self._pack() or ending.clear(self._database, self._clock)

    def step_if_late(self) -> None:
        """Put one batch there if so much is due that nobody else seems to. A failure is left to the next one."""
        try:
            if self._late():
                self._sweep_all()
                self._pack()
                self._sweep_all()
        except CniError:
            pass

    def _late(self) -> bool:
        with self._database.look() as connection:
            query = "SELECT max(seq) - (SELECT coalesce(max(last), 0) FROM batches) FROM events"
            return (connection.execute(query).fetchone()[0] or 0) >= LATE

    def all(self) -> None:
        """Do every step there is to do."""
        while self.step():
            pass

    def _sweep(self) -> bool:
        """Take events out of the table that the last batch has, and that no reader asks for there."""
        with self._database.read() as connection:
            due = tuple(_swept(connection))
        if not due:
            return False
        with self._database.write(durable=False) as connection:
            connection.executemany("DELETE FROM events WHERE seq = ?", ((seq,) for seq in due))
        return True

    def _sweep_all(self) -> None:
        while self._sweep():
            pass

    def _pack(self) -> bool:
        """Put one batch into the archive; what is compressed is compressed while nobody waits."""
        with self._database.read() as connection:
            first = behind(connection)
            found = _oldest(connection, first, self._batch, self._kept)
        if not found:
            return False
        made = tuple(_parts(found))
        last = max(row[packing.SEQ] for row in found)
        with self._database.write(durable=False) as connection:
            if behind(connection) == first:  # nobody was faster
                put(connection, first + 1, last, made)
        return True


@value
class Part:
    """A part of a batch as its row has it, with its body, and the numbers of the pods it is about."""

    row: tuple[object, ...]
    body: bytes
    pods: tuple[int, ...]
    events: int
    latest: int


def behind(connection: Connection) -> int:
    """Return the number of the last event that the archive has; 0 if it is empty."""
    return int(connection.execute("SELECT coalesce(max(last), 0) FROM batches").fetchone()[0])


def put(connection: Connection, first: int, last: int, parts: Sequence[Part], cut: int = 0) -> None:
    """Write a batch."""
    events, latest = sum(part.events for part in parts), max((part.latest for part in parts), default=0)
    connection.execute(
        "INSERT INTO batches (last, first, events, latest, cut) VALUES (?, ?, ?, ?, ?)",
        (last, first, events, latest, cut),
    )
    for part in parts:
        made = connection.execute(
            "INSERT INTO parts (batch, first, last, begins, ends, events, proof, proven, low, high, hands, doubtful)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (last, *part.row),
        ).lastrowid
        connection.execute("INSERT INTO bodies (part, body) VALUES (?, ?)", (made, part.body))
        connection.executemany("INSERT INTO parts_with (pod, part) VALUES (?, ?)", ((pod, made) for pod in part.pods))


def pod_number(namespace: str, name: str) -> int:
    """Return the number of a pod's name in `parts_with`."""
    return zlib.crc32(f"{namespace}/{name}".encode())


def part_of(found: Sequence[Row]) -> Part:
    """Return rows, which are in order of address and number, as a part."""
    addresses = found[0][packing.ADDRESS], found[-1][packing.ADDRESS]
    numbers = [row[packing.SEQ] for row in found]
    alone = addresses[0] == addresses[1]
    said = summary([event(row) for row in found]) if alone else Summary()
    pods = {(row[packing.NAMESPACE], row[packing.POD]) for row in found if row[packing.POD]}
    return Part(
        row=(*addresses, min(numbers), max(numbers), len(found), *_columns(said)),
        body=packing.packed(found),
        pods=tuple({pod_number(*pod) for pod in pods}),
        events=len(found),
        latest=max(row[packing.TIME] for row in found),
    )


def _columns(said: Summary) -> tuple[object, ...]:
    return said.proof, said.proven, said.low, said.high, said.hands, int(said.doubtful)


def cut_up(found: Iterable[Row]) -> Iterator[Part]:
    """Yield the parts of rows that are in order of address and number; one address is not cut without need."""
    gathered: list[Row] = []
    for _, group in groupby(found, key=lambda row: row[packing.ADDRESS]):
        own = list(group)
        if gathered and len(gathered) + len(own) > PART:
            yield part_of(gathered)
            gathered = []
        while len(own) > PART:
            yield part_of(own[:PART])
            own = own[PART:]
        gathered += own
    if gathered:
        yield part_of(gathered)


def _parts(found: Iterable[Row]) -> Iterator[Part]:
    return cut_up(sorted(found, key=lambda row: (row[packing.ADDRESS], row[packing.SEQ])))


def _oldest(connection: Connection, after: int, batch: int, kept: int) -> Sequence[Row]:
    """Return the next batch; nothing while there are not so many that the newest stay."""
    query = f"SELECT {EVENT} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - constants
    more = "SELECT EXISTS (SELECT 1 FROM events WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?)"
    (due,) = connection.execute(more, (after, batch + kept - 1)).fetchone()
    return connection.execute(query, (after, batch)).fetchall() if due else ()


def _swept(connection: Connection) -> Iterator[int]:
    """Yield numbers of events that are in the archive and need not be in the table, the oldest of an address first.

    What the last batch has is enough to look at: an older event is in the way only of a newer one of its address.
    """
    newest = connection.execute("SELECT first, last FROM batches ORDER BY last DESC LIMIT 1").fetchone()
    if newest is None:
        return
    left = SWEPT
    addresses = connection.execute(
        "SELECT DISTINCT address FROM events WHERE seq BETWEEN ? AND ? ORDER BY address", newest
    ).fetchall()
    for (address,) in addresses:
        newer = f"SELECT max(seq) FROM events WHERE address = ?1 AND {CHANGES_HANDS}"  # noqa: S608 - a constant
        query = "SELECT seq FROM events WHERE address = ?1 AND seq <= ?2 AND kind <> 'Corrected'"
        query = f"{query} AND seq < ({newer}) ORDER BY seq LIMIT ?3"
        found = connection.execute(query, (address, newest[1], left)).fetchall()
        yield from (seq for (seq,) in found)
        left -= len(found)
        if left <= 0:
            return
