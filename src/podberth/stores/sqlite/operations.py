"""An operation on many addresses, inside one open transaction."""

from __future__ import annotations

from podberth.policy.operation import Done
from podberth.stores.sqlite import changes, claims
from podberth.stores.sqlite.policies import check, make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.ipam.lease import Actor
    from podberth.policy.operation import Operation
    from podberth.stores.sqlite.claims import Rivals


def operate(connection: Connection, operation: Operation, actor: Actor, source: str, now: int, rivals: Rivals) -> Done:
    """Do all of it. Whatever is refused is raised, and then the transaction is to be given up."""
    ended = [claims.release(connection, address, actor, now) for address in operation.release]
    if operation.documents:
        make(connection, check(connection, operation.documents, ()), actor, source)
    kept = []
    for each in operation.keep:
        claims.known(connection, each.pool)
        kept.append(
            changes.reserve(connection, each.pool, each.address, each.pod, each.ifname, each.origin, actor, now)
        )
    for claim in operation.bind:
        claims.bind(connection, claim, actor, now, rivals)
    return Done(released=tuple(one for one in ended if one is not None), kept=tuple(kept))
