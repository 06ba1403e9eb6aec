"""What the ledger remembers, read inside an open transaction: the archive, and the events that are not in it yet.

Most questions read few parts of the archive: its rows say which. Nothing here is imported by an ADD.
"""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

from podberth.ipam.timeline import EVER, FIRST, beginning, told_at
from podberth.ipam.window import Block, Summary, needed
from podberth.stores.sqlite import packing, rows
from podberth.stores.sqlite.archive import behind, pod_number
from podberth.stores.sqlite.progress import birth_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from sqlite3 import Connection

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Correction, Event, Holding
    from podberth.ipam.timeline import Beginning
    from podberth.net.ops import Address
    from podberth.stores.sqlite.packing import Row

_ALL = 2**62  # events
_OF_ADDRESS = "first <= ? AND last >= ?"
_OF_POD = "part IN (SELECT part FROM parts_with WHERE pod = ?)"


def page(
    connection: Connection, pod: PodRef | None, address: Address | None, after: int, most: int
) -> tuple[tuple[Event, ...], int]:
    """Return some events from behind the number `after`, and the number up to which those are all; 0 if to the end."""
    where: list[str] = []
    values: list[object] = []
    if address is not None:
        where.append(_OF_ADDRESS)
        values += [address.packed] * 2
    if pod is not None:
        where.append(_OF_POD)
        values.append(pod_number(pod.namespace, pod.name))
    query = " AND ".join(("batch > ?", *where))
    (batch,) = connection.execute(f"SELECT min(batch) FROM parts WHERE {query}", (after, *values)).fetchone()  # noqa: S608
    if batch is not None:
        query = " AND ".join(("batch = ?", *where))
        parts = connection.execute(f"SELECT part FROM parts WHERE {query}", (batch, *values)).fetchall()  # noqa: S608
        found = [row for (part,) in parts for row in _rows(connection, part) if _matches(row, pod, address)]
        found.sort(key=lambda row: row[packing.SEQ])
        return tuple(rows.event(row) for row in found if row[packing.SEQ] > after), batch
    condition, own = _condition(pod, address)
    live = tuple(rows.page(connection, condition, own, max(after, behind(connection)), most))
    return live, live[-1].seq if len(live) == most else 0


def of_address(connection: Connection, address: Address) -> Iterator[Event]:
    """Yield every event of an address, oldest first."""
    after = 0
    while True:
        found, after = page(connection, None, address, after, _ALL)
        yield from found
        if not after:
            return


def holding(connection: Connection, address: Address, at: int, now: int) -> Holding:
    """Return who had the address at `at` (ns), or that the ledger begins later; `now` is the time of the question."""
    blocks, corrected = _blocks(connection, address)
    corrections = [event.corrects for event in corrected if event.corrects is not None]
    events = {event.seq: event for event in (*corrected, *needed(blocks, corrections, at, now))}
    begins = partial(_beginning, connection, now)
    return told_at(address, events.values(), at, now, begins, partial(_before, connection, now))


def _beginning(connection: Connection, now: int) -> Beginning | None:
    return beginning(_first(connection), now, _made(connection))


def _made(connection: Connection) -> int:
    """Return when the store was made (ns), by its clock; EVER if it has forgotten what came first."""
    (cut,) = connection.execute("SELECT EXISTS (SELECT 1 FROM batches WHERE cut)").fetchone()
    return EVER if cut else birth_of(connection)


def _before(connection: Connection, now: int, seq: int) -> int:
    """Return the latest time (ns) of an event before that number that can be right; else when the store was made."""
    query = "SELECT max(time - ahead) FROM events WHERE seq < ? AND time - ahead <= ?"
    (found,) = connection.execute(query, (seq, now)).fetchone()
    return found if found is not None else _made(connection)


def misdated(connection: Connection, correction: Correction) -> Iterator[Address]:
    """Yield the addresses with events that the correction is about, but those where it is noted already."""
    of = correction
    text = rows.corrects(of)
    noted = {packed for (packed,) in connection.execute("SELECT address FROM events WHERE corrects = ?", (text,))}
    found = {
        packed
        for (packed,) in connection.execute(
            "SELECT DISTINCT address FROM events"
            " WHERE seq BETWEEN ? AND ? AND kind <> 'Corrected' AND (? = '' OR node = ?)",
            (of.first, of.last, of.node, of.node),
        )
    }
    for (part,) in connection.execute("SELECT part FROM parts WHERE begins <= ? AND ends >= ?", (of.last, of.first)):
        for row in _rows(connection, part):
            if (
                of.first <= row[packing.SEQ] <= of.last
                and row[packing.KIND] != "Corrected"
                and of.node in ("", row[packing.NODE])
            ):
                found.add(row[packing.ADDRESS])
    yield from map(ip_address, sorted(found - noted, key=lambda packed: (len(packed), packed)))


def of_batch(connection: Connection, batch: int) -> Iterator[Row]:
    """Yield the rows of one batch of the archive."""
    for (part,) in connection.execute("SELECT part FROM parts WHERE batch = ?", (batch,)).fetchall():
        yield from _rows(connection, part)


def has(connection: Connection, event: Row) -> bool:
    """Say whether the archive has this very event: its number, kind, time, address and container."""
    seq, _, _, address, _ = event
    query = f"SELECT part FROM parts WHERE begins <= ? AND ends >= ? AND {_OF_ADDRESS}"  # noqa: S608
    columns = packing.SEQ, packing.KIND, packing.TIME, packing.ADDRESS, packing.CONTAINER
    return any(
        tuple(row[column] for column in columns) == event
        for (part,) in connection.execute(query, (seq, seq, address, address))
        for row in _rows(connection, part)
    )


def _first(connection: Connection) -> Iterator[Event]:
    """Yield what says when the ledger begins: the first events of those that are all there, and every correction."""
    (batch,) = connection.execute("SELECT min(last) FROM batches WHERE NOT cut").fetchone()
    if batch is None:
        yield from rows.page(connection, "", (), behind(connection), FIRST)
    else:
        found = sorted(of_batch(connection, batch), key=lambda row: row[packing.SEQ])
        yield from map(rows.event, found[:FIRST])
    yield from rows.page(connection, "WHERE corrects <> ''", (), 0, _ALL)


def _blocks(connection: Connection, address: Address) -> tuple[Sequence[Block], Sequence[Event]]:
    """Return the parts that the address has events in, and last those that are in none; and its corrections."""
    of, values = "WHERE address = ?", (address.packed,)
    corrected = tuple(rows.page(connection, f"{of} AND kind = 'Corrected'", values, 0, _ALL))
    said = [(one.corrects.first, one.corrects.last) for one in corrected if one.corrects is not None]
    columns = "part, first = last, begins, ends, proof, proven, low, high, hands, doubtful"
    query = f"SELECT {columns} FROM parts WHERE {_OF_ADDRESS} ORDER BY batch, part"  # noqa: S608 - constants
    found = connection.execute(query, (address.packed, address.packed)).fetchall()
    blocks = []
    for part, alone, begins, ends, proof, proven, low, high, hands, doubtful in found:
        told = Summary(proof=proof, proven=proven, low=low, high=high, hands=hands, doubtful=bool(doubtful))
        misdated = any(first <= ends and begins <= last for first, last in said)
        read = partial(_of_part, connection, part, address)
        blocks.append(Block(read, told if alone and not misdated else None))
    live = tuple(rows.page(connection, of, values, behind(connection), _ALL))
    return (*blocks, Block(lambda: live)), corrected


def _of_part(connection: Connection, part: int, address: Address) -> tuple[Event, ...]:
    own = address.packed
    return tuple(rows.event(row) for row in _rows(connection, part) if row[packing.ADDRESS] == own)


def _rows(connection: Connection, part: int) -> Iterator[Row]:
    (body,) = connection.execute("SELECT body FROM bodies WHERE part = ?", (part,)).fetchone()
    return packing.unpacked(body, name_of(connection, part))


def name_of(connection: Connection, part: int) -> str:
    """Return how messages call a part of the archive: by the file that it is in."""
    (_, _, path) = connection.execute("PRAGMA database_list").fetchone()
    return f"{path}: part {part} of the archive"


def _matches(row: Row, pod: PodRef | None, address: Address | None) -> bool:
    return (address is None or row[packing.ADDRESS] == address.packed) and (
        pod is None or (row[packing.NAMESPACE], row[packing.POD]) == (pod.namespace, pod.name)
    )


def _condition(pod: PodRef | None, address: Address | None) -> tuple[str, tuple[object, ...]]:
    said: dict[str, object] = {}
    if pod is not None:
        said |= {"namespace": pod.namespace, "pod": pod.name}
    if address is not None:
        said["address"] = address.packed
    return ("WHERE " if said else "") + " AND ".join(f"{column} = ?" for column in said), tuple(said.values())
