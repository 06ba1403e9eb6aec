"""The leases of very many attachments end as one operation, in short steps. Imported only while there is one.

What the operation is about is written down first, a step at a time. Then one small transaction says that it holds.
Before that readers answer as if there were no operation, after it as if it were done; the doing follows step by step. A
kill before that leaves what the next operation, or the agent, clears away; a kill after it what the next writer ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import TryAgainLater
from podberth.cni.pod import Attachment
from podberth.ipam.lease import Actor
from podberth.stores.sqlite import claims, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from sqlite3 import Connection

    from podberth.ipam.lease import Claim, Lease
    from podberth.ipam.moment import Clock, Moment
    from podberth.stores.sqlite.database import Database

STEP = 256  # attachments that are ended in one transaction
NOTED = 2000  # that are written down in one, or cleared away
STALE = 60 * 10**9  # ns without a step, after which an operation that does not hold yet is taken for given up
_ROW = "operation, network, container_id, ifname"
_KEY = "network = ? AND container_id = ? AND ifname = ?"
_HOLDS = "(SELECT operation FROM operations WHERE state = 1)"


def unbind_all(
    database: Database, clock: Clock, attachments: Sequence[Attachment], actor: Actor, *, durable: bool
) -> tuple[Lease, ...]:
    """End the leases of all the attachments; return them. TryAgainLater if somebody took it for given up."""
    clear(database, clock)
    operation, leases = note(database, clock, attachments, actor)
    hold(database, operation, durable=durable)
    finish(database, clock)
    return leases


def hold(database: Database, operation: int, *, durable: bool) -> None:
    """Say that an operation holds. TryAgainLater if somebody took it for given up."""
    with database.write(durable=durable) as connection:
        _go_on(connection, "state = 1 WHERE operation = ?", operation)


def finish(database: Database, clock: Clock) -> bool:
    """End what operations that hold have not ended yet; say whether there was anything."""
    done = False
    while True:
        with database.write(durable=False) as connection:
            if not step(connection, clock()):
                return done
        done = True


def step(connection: Connection, now: Moment) -> bool:
    """End some of what operations that hold are about; say whether there was an operation."""
    found = connection.execute(f"SELECT {_ROW} FROM ending WHERE operation IN {_HOLDS} LIMIT ?", (STEP,)).fetchall()  # noqa: S608
    for operation, *key in found:
        _end(connection, operation, key, now)
    if not found:
        return connection.execute("DELETE FROM operations WHERE state = 1").rowcount > 0
    return True


def settle(connection: Connection, claim: Claim, now: Moment) -> None:
    """End first what is over, of all that the claim may be answered with; and some more, as every writer does."""
    touched = {claim.attachment, *claim.takeover}
    for wanted in claim.wanted:
        lease = rows.lease_at(connection, wanted.address) if wanted.address is not None else None
        touched |= {lease.attachment} if lease is not None else set()
    if claim.pod is not None:
        own = rows.leases(connection, "WHERE namespace = ? AND pod = ?", claim.pod.namespace, claim.pod.name)
        touched |= {lease.attachment for lease in own}
    for each in touched:
        query = f"SELECT operation FROM ending WHERE {_KEY} AND operation IN {_HOLDS}"  # noqa: S608 - constants
        for (operation,) in connection.execute(query, _key(each)).fetchall():
            _end(connection, operation, _key(each), now)
    step(connection, now)


def is_over(connection: Connection, attachment: Attachment) -> bool:
    """Say whether the attachment's leases are over and still among the rows."""
    query = f"SELECT 1 FROM ending WHERE {_KEY} AND operation IN {_HOLDS}"  # noqa: S608
    return connection.execute(query, _key(attachment)).fetchone() is not None


def clear(database: Database, clock: Clock) -> bool:
    """Forget operations that were given up before they held; say whether there was one."""
    now = clock().uptime
    stale = "state = 2 OR (state = 0 AND (boot <> ? OR at < ?))"
    with database.read() as connection:
        query = f"SELECT operation FROM operations WHERE {stale}"  # noqa: S608 - a constant
        found = connection.execute(query, (now.boot, now.ns - STALE)).fetchall()
    for (operation,) in found:
        with database.write(durable=False) as connection:  # whoever goes on with it after all finds that it is given up
            connection.execute("UPDATE operations SET state = 2 WHERE operation = ? AND state = 0", (operation,))
        while _cleared(database, operation):
            pass
    return bool(found)


def _cleared(database: Database, operation: int) -> bool:
    """Take some of what a given up operation is about away; say whether there was any."""
    with database.write(durable=False) as connection:
        given_up = "(SELECT operation FROM operations WHERE state = 2)"
        query = f"SELECT {_ROW} FROM ending WHERE operation = ? AND operation IN {given_up} LIMIT ?"  # noqa: S608
        keys = connection.execute(query, (operation, NOTED)).fetchall()
        connection.executemany(f"DELETE FROM ending WHERE operation = ? AND {_KEY}", keys)  # noqa: S608
        if not keys:
            connection.execute("DELETE FROM operations WHERE operation = ? AND state = 2", (operation,))
    return bool(keys)


def note(
    database: Database, clock: Clock, attachments: Sequence[Attachment], actor: Actor
) -> tuple[int, tuple[Lease, ...]]:
    """Write down what an operation is about; return its number, and the leases that it will end."""
    leases: list[Lease] = []
    began = clock().uptime
    with database.write(durable=False) as connection:
        operation = connection.execute(
            "INSERT INTO operations (state, who, why, node, boot, at) VALUES (0, ?, ?, ?, ?, ?)",
            (actor.who, actor.why, actor.node, began.boot, began.ns),
        ).lastrowid
    assert operation is not None
    for at in range(0, len(attachments), NOTED):
        part = attachments[at : at + NOTED]
        with database.write(durable=False) as connection:
            now = clock().uptime
            _go_on(connection, "boot = ?, at = ? WHERE operation = ?", now.boot, now.ns, operation)
            leases += _note(connection, operation, part)
    return operation, tuple(leases)


def _go_on(connection: Connection, change: str, *values: object) -> None:
    """Change an operation that does not hold yet; TryAgainLater if somebody took it for given up."""
    if not connection.execute(f"UPDATE operations SET {change} AND state = 0", values).rowcount:  # noqa: S608
        raise TryAgainLater("the end of many leases was interrupted for too long, and nothing was ended", "try again")


def _note(connection: Connection, operation: int, part: Iterable[Attachment]) -> Iterable[Lease]:
    for each in part:
        own = claims.of(connection, each)
        yield from own
        if own:
            query = f"INSERT OR IGNORE INTO ending ({_ROW}) VALUES (?, ?, ?, ?)"  # noqa: S608 - a constant
            connection.execute(query, (operation, *_key(each)))


def _end(connection: Connection, operation: int, key: Sequence[str], now: Moment) -> None:
    who, why, node = connection.execute(
        "SELECT who, why, node FROM operations WHERE operation = ?", (operation,)
    ).fetchone()
    network, container_id, ifname = key
    attachment = Attachment(network=network, container_id=container_id, ifname=ifname)
    claims.unbind(connection, attachment, Actor(who=who, why=why, node=node), now)
    connection.execute(f"DELETE FROM ending WHERE operation = ? AND {_KEY}", (operation, *key))  # noqa: S608


def _key(attachment: Attachment) -> tuple[str, str, str]:
    return attachment.network, attachment.container_id, attachment.ifname
