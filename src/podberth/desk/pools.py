"""How full the pools are, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.desk.form import Answer, row
from podberth.desk.leases import no_pool
from podberth.desk.rows import NOT_IN_FORCE, Waiting

if TYPE_CHECKING:
    from podberth.desk.state import PoolRow
    from podberth.ipam import lease
    from podberth.verbs.node import Node


@row
class Usage:
    """A pool's addresses of one family, counted. `reserved` are not leased right now; `resting` are in quarantine."""

    family: int
    size: int
    leased: int
    reserved: int
    resting: int
    free: int

    @classmethod
    def of(cls, of: lease.Usage) -> Usage:
        """Return the row of one family."""
        return cls(
            family=of.family, size=of.size, leased=of.leased, reserved=of.reserved, resting=of.resting, free=of.free
        )


def in_use(of: Usage | PoolRow) -> float:
    """Return the share of the addresses that are somebody's, 0 to 1: leased, reserved or resting."""
    return min(1.0, (of.leased + of.reserved + of.resting) / of.size) if of.size else 1.0


@row
class Pool:
    """A pool, with a row for each IP family."""

    name: str
    subnets: tuple[str, ...]
    usage: tuple[Usage, ...]


@row
class Pools(Answer):
    """Every pool; and what was declared and is not in force."""

    SCHEMA = "pools/1"
    pools: tuple[Pool, ...]
    waiting: NOT_IN_FORCE = ()


@row
class PoolShown(Answer):
    """One pool, with its document as `apply` takes it."""

    SCHEMA = "pool/1"
    name: str
    source: str
    subnets: tuple[str, ...]
    usage: tuple[Usage, ...]
    document_: object
    waiting: NOT_IN_FORCE = ()


def pools(node: Node) -> Pools:
    """Return how full every pool is."""
    usage, waiting = node.ledger.usage(), node.policies.waiting()
    return Pools(
        pools=tuple(
            Pool(
                name=found.name,
                subnets=tuple(str(subnet.network) for subnet in found.subnets),
                usage=tuple(Usage.of(of) for of in usage if of.pool == found.name),
            )
            for found in node.policies.pools()
        ),
        waiting=tuple(Waiting.of(one) for one in waiting if not one.document.startswith("PodNetwork ")),
    )


def pool(node: Node, name: str) -> PoolShown:
    """Return one pool. NotFound if there is none of that name."""
    from podberth.policy.documents import document_of, raw_document

    found = node.policies.pool(name)
    if found is None:
        raise no_pool(name)
    return PoolShown(
        name=name,
        source=found.source,
        subnets=tuple(str(subnet.network) for subnet in found.subnets),
        usage=tuple(map(Usage.of, node.ledger.usage(name))),
        document_=raw_document(document_of(found, found.source)),
        waiting=tuple(Waiting.of(one) for one in node.policies.waiting() if one.document == f"Pool {name}"),
    )
