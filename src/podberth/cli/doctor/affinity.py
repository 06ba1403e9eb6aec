"""Pools that are not for everybody: are they for this node, and whose addresses are in pools for others?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.desk.doctor import OK, WARN, Finding
from podberth.ipam.owner import is_deployment
from podberth.verbs.preference import NODE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cli.session import Session
    from podberth.ipam.pool import Pool
    from podberth.verbs.node import Node

AREA = "pools"


def look(session: Session) -> Iterator[Finding]:
    """Yield a line for each pool with `affinity`, and for each address that its pod can't get any more."""
    try:
        if not session.exists():
            return
        node = session.node
        pools = [pool for pool in node.policies.pools() if pool.affinity is not None]
        found = [finding for pool in pools for finding in (*_here(node, pool), *_left_out(node, pool))]
    except CniError:
        return  # what is wrong with the store is told among the store's lines
    yield from found


def _here(node: Node, pool: Pool) -> Iterator[Finding]:
    """Say whether the pool is for this node."""
    affinity, name = pool.affinity, f"pool {pool.name}"
    assert affinity is not None
    if affinity.nodes and node.name not in affinity.nodes:
        yield Finding(area=AREA, name=name, level=OK, text=f"for nodes {', '.join(affinity.nodes)}, not for this one")
        return
    if affinity.node_selector is None:
        return
    try:
        unmet = affinity.node_selector.unmet(node.labels(NODE, None))
    except CniError as unknown:
        yield Finding(area=AREA, name=name, level=WARN, text=unknown.message, todo=unknown.details)
        return
    text = f"for nodes with {', '.join(unmet)}, not for this one" if unmet else "for this node, by its labels"
    yield Finding(area=AREA, name=name, level=OK, text=text)


def _left_out(node: Node, pool: Pool) -> Iterator[Finding]:
    """Yield a line for each address that is kept for a pod of a namespace that the pool is not for."""
    affinity = pool.affinity
    assert affinity is not None
    for kept in node.ledger.reservations(pool=pool.name) if affinity.namespaces else ():
        if affinity.lets(kept.pod.namespace) or is_deployment(kept.pod):
            continue
        yield Finding(
            area=AREA,
            name=f"pool {pool.name}",
            level=WARN,
            text=f"{kept.address} is reserved for {kept.pod} ({kept.origin}), and the pool is for namespaces"
            f" {', '.join(affinity.namespaces)}: the pod is refused when it starts",
            todo="name its namespace under `affinity` of the pool, or release the address",
        )
