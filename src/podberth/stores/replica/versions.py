"""Raising a cluster's ledger to a later minimum version (`ipam.versions`), once no older agent is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import Refused, TryAgainLater
from podberth.ipam.versions import NodeSigns, Older, number, older
from podberth.stores.replica.shared import Seen

if TYPE_CHECKING:
    from collections.abc import Collection
    from sqlite3 import Connection

    from podberth.ipam.versions import Minimum
    from podberth.stores.replica.proposer import Proposer

_LEASES = "SELECT node, count(*) FROM leases WHERE node <> '' GROUP BY node"
_CHANGES = """
SELECT events.node, max(events.time), max(records.revision) FROM events JOIN records ON records.address = events.address
WHERE events.clock = '' AND events.node <> '' GROUP BY events.node
"""


class OlderSeen(Refused):
    """An older podberth runs somewhere, or may run; `found` says where, and what shows it."""

    def __init__(self, version: str, found: tuple[Older, ...]) -> None:
        nodes = "; ".join(f"node {one.node}: {one.why}" for one in found)
        super().__init__(
            f"the ledger can't be for podberth {version} and later yet: {nodes}",
            "upgrade these nodes' agents; a node that is gone for good: --except NODE",
        )
        self.found = found


def seen(proposer: Proposer, version: str, without: Collection[str] = ()) -> tuple[Older, ...]:
    """Return the nodes where a podberth older than the version runs, or may. TryAgainLater if the store is away.

    On a node that is fenced nothing runs.
    """
    proposer.catch_up()
    with proposer.replica.database.read() as connection:
        shown = traces(connection)
    last = {said.node: said for said in proposer.cluster.elsewhere(proposer.spread.node).fences()}
    fenced = {name for name, said in last.items() if not said.lifted}
    return older(
        version, proposer.cluster.agent_versions(), shown, proposer.replica.clock().time, fenced.union(without)
    )


def unseen(proposer: Proposer, nodes: Collection[str]) -> frozenset[str]:
    """Return those of the nodes of which the ledger shows nothing, and whose agents have said nothing."""
    if not nodes:
        return frozenset()
    proposer.catch_up()
    with proposer.replica.database.read() as connection:
        shown = {one.node for one in traces(connection)}
    return frozenset(nodes) - shown - {one.node for one in proposer.cluster.agent_versions()}


def upgrade(proposer: Proposer, version: str, without: Collection[str] = ()) -> Minimum:
    """Have the ledger be for podberths of this version and later; return what it is for then. OlderSeen.

    TryAgainLater if somebody else changes that at the same time.
    """
    before = proposer.cluster.minimum()
    if number(before.version) >= number(version):
        return before
    if found := seen(proposer, version, without):
        raise OlderSeen(version, found)
    if not proposer.cluster.demand(version, before):
        raise TryAgainLater("somebody else has changed the ledger's minimum version just now", "look: podberth store")
    after = proposer.cluster.minimum()
    proposer.take(Seen(minimum=after))
    return after


def traces(connection: Connection) -> tuple[NodeSigns, ...]:
    """Return what a replica shows of each node."""
    leases = dict(connection.execute(_LEASES).fetchall())
    changes = {node: (time, revision) for node, time, revision in connection.execute(_CHANGES).fetchall()}
    return tuple(
        NodeSigns(node=node, leases=leases.get(node, 0), time=time, revision=revision)
        for node, (time, revision) in ((node, changes.get(node, (0, 0))) for node in sorted({*leases, *changes}))
    )
