"""Pools and declared addresses reach the ledger here, inside the transaction that puts their documents in force."""

from __future__ import annotations

from podberth.cni.errors import AddressTaken
from podberth.ipam.refusals import same
from podberth.policy.changes import Declared
from podberth.stores.sqlite import changes, documents, rows, space
from podberth.stores.sqlite.rows import reservation_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.ipam.lease import Actor
    from podberth.ipam.moment import Clock
    from podberth.ipam.pool import Pool


def define_pool(connection: Connection, pool: Pool, *, strictly: bool = True) -> None:
    """Make the pool's space, or lay it out anew. AddressTaken, if `strictly`: an address in use would fall out of it.

    That no other pool has the same addresses is the check of documents' to say (`policy.admission`), which sees the
    pools as they will all be.
    """
    connection.execute(
        "INSERT INTO pools (name, allocation, quarantine, sticky) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE"
        " SET allocation = excluded.allocation, quarantine = excluded.quarantine, sticky = excluded.sticky",
        (pool.name, pool.allocation, pool.quarantine, pool.sticky_reservations),
    )
    space.define(connection, pool, strictly=strictly)


def drop_pool(connection: Connection, name: str) -> None:
    """Forget a pool that nothing is leased from. AddressTaken if something is."""
    for table in ("leases", "reservations"):
        if connection.execute(f"SELECT 1 FROM {table} WHERE pool = ? LIMIT 1", (name,)).fetchone():  # noqa: S608
            raise AddressTaken(f"pool {name} still has {table}", f"see `podberth {table} --pool {name}`")
    space.forget(connection, name)
    connection.execute("DELETE FROM pools WHERE name = ?", (name,))


def declare(connection: Connection, declared: Declared, actor: Actor, clock: Clock) -> None:
    """Reserve a declared address; AddressTaken if it is somebody else's."""
    changes.reserve(
        connection,
        declared.pool,
        declared.address,
        declared.pod,
        declared.ifname,
        "declared",
        actor,
        clock(),
    )


def stray(connection: Connection) -> tuple[Declared, ...]:
    """Return the declared reservations that no PodNetwork in force declares."""
    return tuple(
        declared
        for kept in rows.reservations(connection, "WHERE origin = 'declared'")
        if is_stray(
            connection,
            declared := Declared(address=kept.address, pool=kept.pool, pod=kept.pod, ifname=kept.ifname),
        )
    )


def is_stray(connection: Connection, declared: Declared) -> bool:
    """Say whether no PodNetwork in force declares that."""
    return not any(
        policy.ifname == declared.ifname and declared.address in document.addresses_of(policy, declared.pod)
        for document in documents.for_pod(connection, declared.pod)
        for policy in document.attachments
    )


def undeclare(connection: Connection, declared: Declared, actor: Actor, clock: Clock) -> None:
    """End a declared reservation; nothing happens if the address is no longer reserved for that pod."""
    kept = reservation_at(connection, declared.address)
    if kept is not None and same(kept.pod, declared.pod) and kept.origin == "declared":
        changes.release(connection, kept, actor, clock())
