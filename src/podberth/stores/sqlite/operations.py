"""An operation on many addresses, inside one open transaction."""

from __future__ import annotations

from podberth.ipam.owner import is_deployment
from podberth.ipam.refusals import has_one
from podberth.policy.operation import Done
from podberth.stores.sqlite import changes, claims, rows
from podberth.stores.sqlite.declaring import check, make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.ipam.lease import Actor, Keeping, Reservation
    from podberth.ipam.moment import Clock, Moment
    from podberth.policy.operation import Operation
    from podberth.stores.sqlite.claims import Rivals


def operate(
    connection: Connection, operation: Operation, actor: Actor, source: str, clock: Clock, rivals: Rivals
) -> Done:
    """Do all of it. Whatever is refused is raised, and then the transaction is to be given up."""
    now = changes.moment(connection, clock())
    ended = [claims.release(connection, address, actor, now) for address in operation.release]
    if operation.documents:
        make(connection, check(connection, operation.documents, ()), actor, source, clock)
    kept = tuple(keep(connection, each, actor, now) for each in operation.keep)
    for claim in operation.bind:
        claims.bind(connection, claim, actor, now, rivals)
    return Done(released=tuple(one for one in ended if one is not None), kept=kept)


def keep(connection: Connection, wanted: Keeping, actor: Actor, now: Moment) -> Reservation:
    """Reserve one address. InvalidConfig if there is no such pool, AddressTaken names who has it, or what is in use."""
    claims.known(connection, wanted.pool)
    if wanted.only:
        _must_be_only(connection, wanted)
    return changes.reserve(
        connection, wanted.pool, wanted.address, wanted.pod, wanted.ifname, wanted.origin, actor, now
    )


def _must_be_only(connection: Connection, wanted: Keeping) -> None:
    """Refuse a second address of a family for a pod's interface in a pool: one of the two would never be used.

    A Deployment's pods share as many as there are.
    """
    pod, address = wanted.pod, wanted.address
    if is_deployment(pod):
        return
    key = pod.namespace, pod.name, wanted.ifname, wanted.pool, address.version
    where = "WHERE namespace = ? AND pod = ? AND ifname = ? AND pool = ? AND family = ?"
    held = {kept.address: kept for kept in rows.reservations(connection, where, *key)}
    other = next(iter(held.values()), None)
    if other is not None and address not in held:
        raise has_one(other, address)
