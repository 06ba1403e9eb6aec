"""Which addresses are in use now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.desk.form import Answer, row
from podberth.desk.rows import Lease
from podberth.desk.unknown import NotFound

if TYPE_CHECKING:
    from podberth.verbs.node import Node


@row
class Leases(Answer):
    """The addresses that are bound to an attachment, in their order."""

    SCHEMA = "leases/1"
    leases: tuple[Lease, ...]


def leases(node: Node, *, pool: str | None = None, network: str | None = None) -> Leases:
    """Return the leases, of one pool or network if that is asked. NotFound if there is no such pool."""
    if pool is not None and node.policies.pool(pool) is None:
        raise no_pool(pool)
    return Leases(leases=tuple(map(Lease.of, node.ledger.leases(pool=pool, network=network))))


def no_pool(name: str) -> NotFound:
    """Return the error of a pool that is not there."""
    return NotFound(f"there is no pool {name}", "`podberth pool` lists the pools")
