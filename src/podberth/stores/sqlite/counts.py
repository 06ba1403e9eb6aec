"""How full a pool is, counted inside an open transaction."""

from __future__ import annotations

from podberth.ipam.lease import Usage
from podberth.ipam.lifecycle import Kind
from podberth.policy import permit
from podberth.stores.sqlite import documents, space, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

    from podberth.ipam.moment import Moment
    from podberth.stores.replica.shared import AddressWrite


def usages(connection: Connection, pool: str | None, now: Moment) -> tuple[Usage, ...]:
    """Return the usage of one pool, or of all in order of name, a row per pool and family."""
    names = connection.execute(
        "SELECT name FROM pools WHERE name = coalesce(?, name) ORDER BY name", (pool,)
    ).fetchall()
    found = (usage(connection, name, family, now) for (name,) in names for family in (4, 6))
    return tuple(one for one in found if one.size)


def usage(connection: Connection, pool: str, family: int, now: Moment) -> Usage:
    """Return the usage of a pool's family at `now`. An address that has rested counts as free."""

    def count(query: str) -> int:
        return int(connection.execute(query, (pool, family)).fetchone()[0])

    kept = count("SELECT count(*) FROM reservations WHERE pool = ? AND family = ?")
    used = count(
        "SELECT count(*) FROM reservations JOIN leases USING (address)"
        " WHERE reservations.pool = ? AND reservations.family = ?"
    )
    back = sum(
        address.version == family and space.has(connection, "free", pool, address)
        for address in told.held_back(connection)
    )
    rested = space.rested(connection, pool, family, now.uptime)
    return Usage(
        pool=pool,
        family=family,
        size=space.count(connection, "usable", pool, family),
        free=space.count(connection, "free", pool, family) + rested - back,
        leased=count("SELECT count(*) FROM leases WHERE pool = ? AND family = ?"),
        reserved=kept - used,
        resting=count("SELECT count(*) FROM resting WHERE pool = ? AND family = ? AND offered = 1") - rested,
    )


def counted(connection: Connection, writes: Iterable[AddressWrite]) -> tuple[str, ...]:
    """Return the namespaces that get a sticky reservation in a pool which limits how many they may have."""
    found = set()
    for write in writes:
        kept = write.record.reservation
        is_new = any(event.kind == Kind.RESERVED for event in write.events)
        if kept is not None and kept.origin == "sticky" and is_new:
            pool = documents.pool(connection, kept.pool)
            if pool is not None and permit.limit(pool, kept.pod.namespace) is not None:
                found.add(kept.pod.namespace)
    return tuple(sorted(found))
