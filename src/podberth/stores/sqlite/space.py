"""A pool's free space inside an open transaction: extents that split when an address is taken and merge when it is
given back. Every question is one look into an index, however many addresses there are."""

from __future__ import annotations

from ipaddress import ip_address

from podberth.ipam import extents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from sqlite3 import Connection

    from podberth.ipam.extents import Extents
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address

BATCH = 64  # how many rested addresses one allocation brings back
WIDTH = {4: 4, 6: 16}  # bytes of an address
FAMILY = {4: 4, 16: 6}


def define(connection: Connection, pool: Pool) -> None:
    """Lay a pool's space out anew: all it offers, without what is reserved, leased or resting."""
    connection.execute("DELETE FROM extents WHERE pool = ?", (pool.name,))
    for family in (4, 6):
        offered = extents.offered(pool, family)
        _put(connection, "usable", pool.name, family, extents.usable(pool, family))
        _put(connection, "offered", pool.name, family, offered)
        connection.executemany(
            "DELETE FROM resting WHERE address = ?",
            [(a,) for a in _addresses(connection, "resting", pool.name, family) if not _within(offered, a)],
        )
        taken = [
            (int.from_bytes(a, "big"),) * 2
            for table in ("leases", "reservations", "resting")
            for a in _addresses(connection, table, pool.name, family)
        ]
        _put(connection, "free", pool.name, family, extents.subtract(offered, taken))


def forget(connection: Connection, pool: str) -> None:
    """Drop a pool's space."""
    connection.execute("DELETE FROM extents WHERE pool = ?", (pool,))
    connection.execute("DELETE FROM resting WHERE pool = ?", (pool,))


def has(connection: Connection, what: str, pool: str, address: Address) -> bool:
    """Say whether the address is among the pool's 'usable', 'offered' or 'free' ones."""
    return _around(connection, what, pool, address.version, address.packed) is not None


def candidates(
    connection: Connection, pool: str, family: int, now: int, avoid: Container[Address]
) -> Iterator[Address]:
    """Yield addresses that may be taken, the best first: the lowest free, then the one released longest ago."""
    ended = _recover(connection, pool, family, now)
    for first, last in connection.execute(
        "SELECT first, last FROM extents WHERE what = 'free' AND pool = ? AND family = ? ORDER BY first",
        (pool, family),
    ):
        for number in range(int.from_bytes(first, "big"), int.from_bytes(last, "big") + 1):
            address = ip_address(number.to_bytes(WIDTH[family], "big"))
            if address not in avoid:
                yield address
    yield from (address for address in ended if address not in avoid)


def take(connection: Connection, pool: str, address: Address) -> None:
    """Take an address out of the free space; nothing happens if it is not in it."""
    connection.execute("DELETE FROM resting WHERE address = ?", (address.packed,))
    around = _around(connection, "free", pool, address.version, address.packed)
    if around is None:
        return
    first, last = (int.from_bytes(end, "big") for end in around)
    number = int(address)
    _drop(connection, pool, address.version, around[0])
    rest = [(first, number - 1), (number + 1, last)]
    _put(connection, "free", pool, address.version, [(low, high) for low, high in rest if low <= high])


def give_back(connection: Connection, pool: str, address: Address, now: int) -> None:
    """Return an address that nobody has any more: to rest for the pool's time, or at once to the free space."""
    if not has(connection, "offered", pool, address):
        return
    allocation, quarantine = connection.execute(
        "SELECT allocation, quarantine FROM pools WHERE name = ?", (pool,)
    ).fetchone()
    if quarantine or allocation == "leastRecentlyUsed":
        connection.execute(
            "INSERT INTO resting (address, pool, family, until) VALUES (?, ?, ?, ?)",
            (address.packed, pool, address.version, now + quarantine * 10**9),
        )
    else:
        _merge(connection, pool, address.version, int(address))


def next_rested(connection: Connection, pool: str, family: int) -> int | None:
    """Return when (ns) the first resting address becomes free."""
    (until,) = connection.execute(
        "SELECT min(until) FROM resting WHERE pool = ? AND family = ?", (pool, family)
    ).fetchone()
    return int(until) if until is not None else None


def count(connection: Connection, what: str, pool: str, family: int) -> int:
    """Return how many addresses are 'usable', 'offered' or 'free'."""
    rows = connection.execute(
        "SELECT first, last FROM extents WHERE what = ? AND pool = ? AND family = ?", (what, pool, family)
    )
    return extents.size((int.from_bytes(first, "big"), int.from_bytes(last, "big")) for first, last in rows)


def _recover(connection: Connection, pool: str, family: int, now: int) -> list[Address]:
    """Bring rested addresses back. With 'lowest' they rejoin the free space; else they are returned, oldest first."""
    ended = [
        address
        for (address,) in connection.execute(
            "SELECT address FROM resting WHERE pool = ? AND family = ? AND until <= ? ORDER BY until LIMIT ?",
            (pool, family, now, BATCH),
        )
    ]
    (allocation,) = connection.execute("SELECT allocation FROM pools WHERE name = ?", (pool,)).fetchone()
    if allocation == "leastRecentlyUsed":
        return [ip_address(address) for address in ended]
    for address in ended:
        connection.execute("DELETE FROM resting WHERE address = ?", (address,))
        _merge(connection, pool, family, int.from_bytes(address, "big"))
    return []


def _merge(connection: Connection, pool: str, family: int, number: int) -> None:
    """Add one address to the free space, joined with its neighbours."""
    first = last = number
    width = WIDTH[family]
    if number:
        before = _around(connection, "free", pool, family, (number - 1).to_bytes(width, "big"))
        if before is not None:
            first = int.from_bytes(before[0], "big")
            _drop(connection, pool, family, before[0])
    if number + 1 < 1 << (8 * width):
        behind = _around(connection, "free", pool, family, (number + 1).to_bytes(width, "big"))
        if behind is not None:
            last = int.from_bytes(behind[1], "big")
            _drop(connection, pool, family, behind[0])
    _put(connection, "free", pool, family, [(first, last)])


def _around(connection: Connection, what: str, pool: str, family: int, packed: bytes) -> tuple[bytes, bytes] | None:
    found: tuple[bytes, bytes] | None = connection.execute(
        "SELECT first, last FROM extents WHERE what = ? AND pool = ? AND family = ? AND first <= ?"
        " ORDER BY first DESC LIMIT 1",
        (what, pool, family, packed),
    ).fetchone()
    return found if found is not None and found[1] >= packed else None


def _put(connection: Connection, what: str, pool: str, family: int, pairs: Iterable[tuple[int, int]]) -> None:
    width = WIDTH[family]
    connection.executemany(
        "INSERT INTO extents (what, pool, family, first, last) VALUES (?, ?, ?, ?, ?)",
        [(what, pool, family, first.to_bytes(width, "big"), last.to_bytes(width, "big")) for first, last in pairs],
    )


def _drop(connection: Connection, pool: str, family: int, first: bytes) -> None:
    connection.execute(
        "DELETE FROM extents WHERE what = 'free' AND pool = ? AND family = ? AND first = ?", (pool, family, first)
    )


def _addresses(connection: Connection, table: str, pool: str, family: int) -> list[bytes]:
    query = f"SELECT address FROM {table} WHERE pool = ? AND family = ?"  # noqa: S608 - one of three constants
    return [address for (address,) in connection.execute(query, (pool, family))]


def _within(offered: Extents, address: bytes) -> bool:
    number = int.from_bytes(address, "big")
    return any(first <= number <= last for first, last in offered)
