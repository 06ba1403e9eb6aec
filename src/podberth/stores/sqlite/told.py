"""Addresses that running pods were told of, and that their pool tells no more: a former gateway, a former DNS server.

Whoever got one would receive what those pods still send there. So it is nobody's until no lease of the pool is as old
as the change. Nothing has to be written when the last of them ends: the leases themselves say it.
"""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.errors import TryAgainLater
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

    from podberth.ipam.moment import Moment
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address


@value
class Told:
    """An address that leases of up to `since` (ns) were told of."""

    address: Address
    since: int


_HELD = "EXISTS (SELECT 1 FROM leases WHERE leases.pool = told.pool AND leases.since <= told.since)"


def changes(connection: Connection, before: Pool, after: Pool, now: Moment) -> None:
    """Note what pods of the pool were told of until now, and are told no more.

    That is so whatever leases are known here: of a cluster's, one of another node may still be on its way.
    """
    prune(connection, after.name)
    (last,) = connection.execute("SELECT max(since) FROM leases WHERE pool = ?", (after.name,)).fetchone()
    since = max(last or 0, now.true)  # the clock of a node that bound one may be ahead
    _put(connection, after.name, (Told(address=address, since=since) for address in before.told))
    again = ((after.name, address.packed) for address in after.told)
    connection.executemany("DELETE FROM told WHERE pool = ? AND address = ?", again)


def prune(connection: Connection, pool: str) -> None:
    """Drop what was noted of a pool and is nobody's any more: a lease of it has ended."""
    connection.execute(f"DELETE FROM told WHERE pool = ? AND NOT {_HELD}", (pool,))  # noqa: S608 - a constant


def of_pool(connection: Connection, pool: str) -> tuple[Told, ...]:
    """Return all that is noted of a pool."""
    found = connection.execute("SELECT address, since FROM told WHERE pool = ? ORDER BY address", (pool,))
    return tuple(Told(address=ip_address(packed), since=since) for packed, since in found)


def replace(connection: Connection, pool: str, noted: Iterable[Told]) -> None:
    """Have exactly this be noted of a pool."""
    connection.execute("DELETE FROM told WHERE pool = ?", (pool,))
    _put(connection, pool, noted)


def held_back(connection: Connection) -> frozenset[Address]:
    """Return the addresses that nobody gets yet, of whichever pool: a gateway may lie in another one than its pods."""
    query = f"SELECT address FROM told WHERE {_HELD}"  # noqa: S608 - a constant
    return frozenset(ip_address(packed) for (packed,) in connection.execute(query))


def must_be_untold(connection: Connection, pool: str, address: Address) -> None:
    """Raise TryAgainLater if running pods, of any pool, were told of the address of this one."""
    query = (
        "SELECT count(*) FROM leases JOIN told ON told.pool = leases.pool AND leases.since <= told.since"
        " WHERE told.address = ?"
    )
    (pods,) = connection.execute(query, (address.packed,)).fetchone()
    if pods:
        raise TryAgainLater(
            f"{address} of pool {pool} is held back: {pods} running pods were told of it, as a gateway or a DNS server",
            "restart those pods, or name another address; `podberth check` lists them",
        )


def _put(connection: Connection, pool: str, noted: Iterable[Told]) -> None:
    connection.executemany(
        "INSERT INTO told (address, pool, since) VALUES (?, ?, ?)"
        " ON CONFLICT (pool, address) DO UPDATE SET since = max(told.since, excluded.since)",
        ((one.address.packed, pool, one.since) for one in noted),
    )
