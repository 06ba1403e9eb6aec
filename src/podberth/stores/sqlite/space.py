"""A pool's free space inside an open transaction: extents that split when an address is taken and merge when it is
given back. Every question is one look into an index, however many addresses there are."""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.errors import AddressTaken
from podberth.ipam import extents
from podberth.ipam.address_record import Rest
from podberth.ipam.moment import Uptime
from podberth.stores.sqlite import rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator
    from sqlite3 import Connection

    from podberth.ipam.extents import Extents
    from podberth.ipam.moment import Moment
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address

# How many rested addresses one allocation brings back: more than it takes, so that they all come; few, so that the
# binds after a mass release cost no more than others.
BATCH = 4
NEAR = 100  # extents that are looked at for one of a node's own numbers
WIDTH = {4: 4, 6: 16}  # bytes of an address
LONGEST_AGO = "leastRecentlyUsed"  # of a pool's allocations, the one by which free addresses are used in turn


def define(connection: Connection, pool: Pool, *, strictly: bool = True) -> None:
    """Lay a pool's space out anew: all it offers, without what is reserved, leased or resting.

    Raises AddressTaken, if `strictly`, which names the holder: an address that is reserved or leased would fall out.
    """
    connection.execute("DELETE FROM extents WHERE pool = ?", (pool.name,))
    for family in (4, 6):
        usable, offered = extents.usable(pool, family), extents.offered(pool, family)
        taken: list[tuple[int, int]] = []
        outside: set[bytes] = set()
        for table in ("leases", "reservations"):
            for packed in _addresses(connection, table, pool.name, family):
                if strictly and not extents.covers(usable, int.from_bytes(packed, "big")):
                    outside.add(packed)
                    break
                _extend(taken, packed)
        if outside:
            raise _falls_out(connection, pool.name, min(outside))
        for packed in [*_addresses(connection, "resting", pool.name, family)]:  # the table changes meanwhile
            _sort_out_resting(connection, packed, usable, offered)
            _extend(taken, packed)
        _put(connection, "usable", pool.name, family, usable)
        _put(connection, "offered", pool.name, family, offered)
        _put(connection, "free", pool.name, family, extents.subtract(offered, taken))


def forget(connection: Connection, pool: str) -> None:
    """Drop a pool's space."""
    connection.execute("DELETE FROM extents WHERE pool = ?", (pool,))
    for table in ("resting", "told"):
        connection.execute(f"DELETE FROM {table} WHERE pool = ?", (pool,))  # noqa: S608 - constants


def has(connection: Connection, what: str, pool: str, address: Address) -> bool:
    """Say whether the address is among the pool's 'usable', 'offered' or 'free' ones."""
    return _around(connection, what, pool, address.version, address.packed) is not None


def candidates(
    connection: Connection,
    pool: str,
    family: int,
    now: Uptime | None,
    avoid: Container[Address],
    start: int = 0,
) -> Iterator[Address]:
    """Yield addresses that may be taken, the best first: the lowest free, then the one released longest ago.

    `now`: None if nothing rests. With a `start` the free ones from there on are the first, then those below it.
    """
    for number in _free_from(connection, pool, family, start):
        address = ip_address(number.to_bytes(WIDTH[family], "big"))
        if address not in avoid:
            yield address
    if now is None:
        return
    query = f"SELECT address FROM resting WHERE {_RESTED} ORDER BY due, until, address"  # noqa: S608 - a constant
    for (packed,) in connection.execute(query, (pool, family, now.boot, now.ns)):
        if ip_address(packed) not in avoid:
            yield ip_address(packed)


def pool_around(connection: Connection, address: Address) -> str:
    """Return the pool that can give the address to somebody; '' if none can."""
    found = connection.execute(
        "SELECT pool FROM extents WHERE what = 'usable' AND family = ? AND first <= ? AND last >= ? LIMIT 1",
        (address.version, address.packed, address.packed),
    ).fetchone()
    return str(found[0]) if found is not None else ""


def some_free(connection: Connection, pool: str, family: int, chance: Callable[[int], int]) -> int:
    """Return one of the free addresses as a number, whichever `chance` (below a bound) falls on; 0 if none is free."""
    own = "FROM extents WHERE what = 'free' AND pool = ? AND family = ?"
    (extents_there,) = connection.execute(f"SELECT count(*) {own}", (pool, family)).fetchone()
    if not extents_there:
        return 0
    first, last = connection.execute(
        f"SELECT first, last {own} ORDER BY first LIMIT 1 OFFSET ?",
        (pool, family, chance(extents_there)),
    ).fetchone()
    low, high = int.from_bytes(first, "big"), int.from_bytes(last, "big")
    return low + chance(high - low + 1)


def free_in_turn(connection: Connection, pool: str, family: int, start: int, turn: int, nodes: int) -> int:
    """Return a free number, at least `start`, whose rest on division by `nodes` is `turn`; 0 if none is near."""
    width = WIDTH[family]
    query = (
        "SELECT first, last FROM extents WHERE what = 'free' AND pool = ? AND family = ? AND first >= ?"
        " ORDER BY first LIMIT ?"
    )
    if start >> (8 * width):
        return 0
    packed = start.to_bytes(width, "big")
    around = _around(connection, "free", pool, family, packed)
    behind = connection.execute(query, (pool, family, packed, NEAR))
    for first, last in (*([around] if around is not None else []), *behind):
        low = max(int.from_bytes(first, "big"), start)
        number = low + (turn - low) % nodes
        if number <= int.from_bytes(last, "big"):
            return number
    return 0


def take(connection: Connection, pool: str, address: Address) -> None:
    """Take an address out of the free space; nothing happens if it is not in it."""
    packed = address.packed
    found = connection.execute(
        f"SELECT first, last, EXISTS (SELECT 1 FROM resting WHERE address = ?) FROM extents WHERE {_FREE}"  # noqa: S608
        " AND first <= ? ORDER BY first DESC LIMIT 1",
        (packed, pool, address.version, packed),
    ).fetchone()
    if found is None or found[2]:
        connection.execute("DELETE FROM resting WHERE address = ?", (packed,))
    if found is None or found[1] < packed:
        return
    begin, end, _ = found
    first, last = int.from_bytes(begin, "big"), int.from_bytes(end, "big")
    number = int(address)
    if number == first < last:  # as most are
        connection.execute(
            "UPDATE extents SET first = ? WHERE what = 'free' AND pool = ? AND family = ? AND first = ?",
            ((number + 1).to_bytes(WIDTH[address.version], "big"), pool, address.version, begin),
        )
        return
    _drop(connection, pool, address.version, begin)
    rest = [(first, number - 1), (number + 1, last)]
    _put(connection, "free", pool, address.version, [(low, high) for low, high in rest if low <= high])


def give_back(connection: Connection, pool: str, address: Address, now: Moment) -> None:
    """Return an address that nobody has any more: to rest for the pool's time, or at once to the free space."""
    packed = address.packed
    quarantine, allocation, offered = connection.execute(
        "SELECT quarantine, allocation, (SELECT last >= ? FROM extents WHERE what = 'offered' AND pool = ?"
        " AND family = ? AND first <= ? ORDER BY first DESC LIMIT 1) FROM pools WHERE name = ?",
        (packed, pool, address.version, packed, pool),
    ).fetchone()
    if quarantine or (offered and allocation == LONGEST_AGO):
        length = quarantine * 10**9
        rest = Rest(length=length, since=now.uptime)
        put_to_rest(connection, pool, address, rest, now.uptime, until=now.true + length, offered=bool(offered))
    elif offered:
        merge(connection, pool, address.version, int(address))


def put_to_rest(
    connection: Connection, pool: str, address: Address, rest: Rest, now: Uptime, *, until: int, offered: bool,
    passed: int = 0,
) -> None:  # fmt: skip
    """Have an address rest. It has `passed` (ns) of that already, as far as is known; `until` is for the record."""
    if rest.since.boot == now.boot:
        passed = max(passed, now.ns - rest.since.ns)
    connection.execute(
        "INSERT INTO resting (address, pool, family, until, offered, length, boot, since, due, origin, released)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            address.packed, pool, address.version, until, int(offered), rest.length, now.boot, now.ns,
            now.ns + rest.length - passed, rest.since.boot, rest.since.ns,
        ),
    )  # fmt: skip


def rest_of(connection: Connection, address: Address) -> tuple[int, Rest | None]:
    """Return until when (ns) the address rests by the clock of its last holder's node, and what counts; 0 if not."""
    row = connection.execute(
        "SELECT until, length, origin, released FROM resting WHERE address = ?", (address.packed,)
    ).fetchone()
    if row is None:
        return 0, None
    until, length, origin, released = row
    return int(until), Rest(length=length, since=Uptime(boot=origin, ns=released)) if origin else None


def rests_for(connection: Connection, address: Address, now: Uptime) -> int:
    """Return how long (ns) the address rests yet; 0 or less if it doesn't."""
    row = connection.execute(f"SELECT {_LEFT} FROM resting WHERE address = ?", (*_own(now), address.packed)).fetchone()  # noqa: S608
    return int(row[0]) if row is not None else 0


def next_rested(connection: Connection, pool: str, family: int, now: Uptime) -> int | None:
    """Return how long (ns) it takes until the first resting address becomes free."""
    (left,) = connection.execute(
        f"SELECT min({_LEFT}) FROM resting WHERE pool = ? AND family = ? AND offered = 1",  # noqa: S608 - a constant
        (*_own(now), pool, family),
    ).fetchone()
    return int(left) if left is not None else None


def rested(connection: Connection, pool: str, family: int, now: Uptime) -> int:
    """Return how many resting addresses may be taken by now: they are as good as free."""
    query = f"SELECT count(*) FROM resting WHERE pool = ? AND family = ? AND offered = 1 AND {_LEFT} <= 0"  # noqa: S608
    return int(connection.execute(query, (pool, family, *_own(now))).fetchone()[0])


def is_before(connection: Connection, now: Uptime) -> bool:
    """Say whether an address rests by an earlier run of this machine."""
    # Each by the index; SQLite would put the two together row by row for one condition.
    query = "SELECT EXISTS (SELECT 1 FROM resting WHERE boot < ?1) OR EXISTS (SELECT 1 FROM resting WHERE boot > ?1)"
    return bool(connection.execute(query, (now.boot,)).fetchone()[0])


def begin(connection: Connection, now: Uptime) -> None:
    """Have what rested by an earlier run of this machine rest on by this one, for what it may lack.

    What certainly passed of an earlier run is up to the last rest that began in it.
    """
    query = "SELECT boot, max(since) FROM resting WHERE boot <> ? GROUP BY boot"
    for boot, last in connection.execute(query, (now.boot,)).fetchall():
        connection.execute(
            "UPDATE resting SET boot = ?, since = ?, due = ? + due - ? WHERE boot = ?",
            (now.boot, now.ns, now.ns, last, boot),
        )


def vouch(connection: Connection, said: Uptime, now: Uptime) -> None:
    """Take a node's word of how long it has run: so much has passed of the rests that began by its uptime."""
    connection.execute(
        "UPDATE resting SET due = min(due, ? + length - (? - released))"
        " WHERE boot = ? AND due > ? AND origin = ? AND released < ?",
        (now.ns, said.ns, now.boot, now.ns, said.boot, said.ns),
    )


def count(connection: Connection, what: str, pool: str, family: int) -> int:
    """Return how many addresses are 'usable', 'offered' or 'free'."""
    found = connection.execute(
        "SELECT first, last FROM extents WHERE what = ? AND pool = ? AND family = ?", (what, pool, family)
    )
    return extents.size((int.from_bytes(first, "big"), int.from_bytes(last, "big")) for first, last in found)


_RESTED = "pool = ? AND family = ? AND offered = 1 AND boot = ? AND due <= ?"
_FREE = "what = 'free' AND pool = ? AND family = ?"
_LEFT = "CASE WHEN boot = ? THEN due - ? ELSE length END"


def _own(now: Uptime) -> tuple[str, int]:
    return now.boot, now.ns


def _free_from(connection: Connection, pool: str, family: int, start: int) -> Iterator[int]:
    at = start.to_bytes(WIDTH[family], "big")
    query = "SELECT first, last FROM extents WHERE what = 'free' AND pool = ? AND family = ?"
    for first, last in connection.execute(f"{query} AND last >= ? ORDER BY first", (pool, family, at)):
        yield from range(max(start, int.from_bytes(first, "big")), int.from_bytes(last, "big") + 1)
    for first, last in connection.execute(f"{query} AND first < ? ORDER BY first", (pool, family, at)):
        yield from range(int.from_bytes(first, "big"), min(start, int.from_bytes(last, "big") + 1))


def recover(connection: Connection, pool: str, family: int, now: Uptime) -> None:
    """Let addresses that have rested rejoin the free space, a batch of them; not where those are used in turn."""
    query = f"SELECT address FROM resting WHERE {_RESTED} ORDER BY due, until, address LIMIT ?"  # noqa: S608
    for (packed,) in connection.execute(query, (pool, family, now.boot, now.ns, BATCH)).fetchall():
        connection.execute("DELETE FROM resting WHERE address = ?", (packed,))
        merge(connection, pool, family, int.from_bytes(packed, "big"))


def _sort_out_resting(connection: Connection, packed: bytes, usable: Extents, offered: Extents) -> None:
    """Forget a resting address that falls out of a pool, or note whether it will be offered again."""
    number = int.from_bytes(packed, "big")
    if extents.covers(usable, number):
        again = int(extents.covers(offered, number))
        connection.execute("UPDATE resting SET offered = ? WHERE address = ?", (again, packed))
    else:
        connection.execute("DELETE FROM resting WHERE address = ?", (packed,))


def _falls_out(connection: Connection, pool: str, packed: bytes) -> AddressTaken:
    lease = rows.lease_at(connection, ip_address(packed))
    kept = rows.reservation_at(connection, ip_address(packed))
    whose = f"reserved for {kept.pod} ({kept.ifname})" if kept is not None else ""
    if lease is not None:
        whose = f"leased by {lease.pod or 'container ' + lease.attachment.container_id} ({lease.attachment.ifname})"
    return AddressTaken(
        f"{ip_address(packed)} would no longer be an address of pool {pool}, but it is {whose}",
        "keep it in the pool's ranges until it is released",
    )


def merge(connection: Connection, pool: str, family: int, number: int) -> None:
    """Add one address to the free space, joined with its neighbours."""
    width = WIDTH[family]
    before, behind = _neighbours(connection, pool, family, number)
    near = before or behind
    if near is None:
        _put(connection, "free", pool, family, [(number, number)])
    elif before is None or behind is None or before == behind:  # as most are
        first, last = min(near[0], number), max(near[1], number)
        connection.execute(
            f"UPDATE extents SET first = ?, last = ? WHERE {_FREE} AND first = ?",  # noqa: S608 - a constant
            (first.to_bytes(width, "big"), last.to_bytes(width, "big"), pool, family, near[0].to_bytes(width, "big")),
        )
    else:
        for first, _ in (before, behind):
            _drop(connection, pool, family, first.to_bytes(width, "big"))
        _put(connection, "free", pool, family, [(before[0], behind[1])])


def _neighbours(
    connection: Connection, pool: str, family: int, number: int
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Return the free extents that the numbers before and behind are in."""
    width = WIDTH[family]
    end = min(number + 1, (1 << 8 * width) - 1).to_bytes(width, "big")
    query = f"SELECT first, last FROM extents WHERE {_FREE} AND first <= ? ORDER BY first DESC LIMIT 2"  # noqa: S608
    near = [
        (int.from_bytes(first, "big"), int.from_bytes(last, "big"))
        for first, last in connection.execute(query, (pool, family, end))
    ]
    before = next((each for each in near if each[0] < number <= each[1] + 1), None)
    behind = next((each for each in near if each[0] <= number + 1 <= each[1]), None)
    return before, behind


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


def _addresses(connection: Connection, table: str, pool: str, family: int) -> Iterator[bytes]:
    query = f"SELECT address FROM {table} WHERE pool = ? AND family = ? ORDER BY address"  # noqa: S608 - one of three constants
    return (address for (address,) in connection.execute(query, (pool, family)))


def _extend(runs: list[tuple[int, int]], packed: bytes) -> None:
    """Add an address to the runs, the last of which it may lengthen."""
    number = int.from_bytes(packed, "big")
    if runs and runs[-1][1] == number - 1:
        runs[-1] = (runs[-1][0], number)
    else:
        runs.append((number, number))
