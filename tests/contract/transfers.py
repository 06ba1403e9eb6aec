"""Stores of every kind for the suites of what is brought from one into another, and something to fill them with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.cni.value import replace
from podberth.policy.documents import document_of, parse_document
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from podberth.stores.transfer.cluster import ClusterStore
from podberth.stores.transfer.node import NodeStore
from tests.contract.ledgers import CLUSTERS, OPERATOR, PLUGIN, Clock, attachment, claim, ip, pod, pool, subnet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from podberth.ipam.lease import Event
    from podberth.ipam.ledger import Ledger
    from podberth.net.ops import Address
    from podberth.policy.store import Policies
    from podberth.stores.replica.shared import Cluster
    from podberth.stores.transfer.story import Target

NET = parse_document(
    {
        "apiVersion": "podberth.io/v1alpha1",
        "kind": "PodNetwork",
        "metadata": {"namespace": "db", "name": "mysql"},
        "spec": {
            "statefulSet": {"name": "mysql", "replicas": 3},
            "attachments": [{"pool": "db", "ordinals": [{"range": "10.20.0.50-10.20.0.52"}]}],
        },
    },
    "apply: mysql.yaml",
)


WEB = parse_document(
    {
        "apiVersion": "podberth.io/v1alpha1",
        "kind": "PodNetwork",
        "metadata": {"namespace": "db", "name": "web"},
        "spec": {
            "deployment": {"name": "web"},
            "attachments": [{"pool": "db", "addresses": ["10.20.0.70", "10.20.0.71"]}],
        },
    },
    "apply: web.yaml",
)


class Node:
    """A node's own store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()

    def parts(self) -> tuple[Ledger, Policies]:
        database = Database(str(self.folder))
        return SqliteLedger(database, clock=self.clock), SqlitePolicies(database, self.clock)

    def side(self, *, readonly: bool = False) -> Target:
        return NodeStore(str(self.folder), readonly=readonly)


class InCluster:
    """A cluster's store, with a replica in a folder."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder
        self.clock = Clock()
        self.cluster = cluster

    def parts(self) -> tuple[Ledger, Policies]:
        replica = Replica(str(self.folder))
        proposer = Proposer(replica, self.cluster, "node1", current=True)
        return ClusterLedger(proposer, clock=self.clock), ClusterPolicies(proposer)

    def side(self, *, readonly: bool = False) -> Target:  # noqa: ARG002 - a cluster's is read and written alike
        return ClusterStore(self.cluster, "the cluster")


def in_cluster(kind: Any) -> Callable[[Path], InCluster]:
    return lambda folder: InCluster(folder, kind(folder / "backend").cluster)


KINDS: dict[str, Callable[[Path], Node | InCluster]] = {
    "Node": Node,
    **{kind.__name__: in_cluster(kind) for kind in CLUSTERS},
}


def filled(store: Node | InCluster, rounds: int = 40) -> Node | InCluster:
    """Fill a store with addresses in every state and events of every kind; one address has come and gone so often."""
    ledger, policies = store.parts()
    clock = store.clock
    pools = (
        pool("db", subnet("10.20.0.0/24", gateway="10.20.0.1", hold=("10.20.0.50-10.20.0.99",)), "fd00:20::/64"),
        pool("slow", "10.30.0.0/28", quarantine=3600),
        pool("lru", "10.40.0.0/28", allocation="leastRecentlyUsed"),
    )
    policies.apply([*(document_of(each, "apply: pools.yaml") for each in pools), NET, WEB], OPERATOR, source="apply: f")
    for round_ in range(rounds):
        clock.tick(7)
        ledger.bind(claim("busy", "10.20.0.2", container=f"busy-{round_}"), PLUGIN)
        clock.tick(3)
        ledger.unbind(attachment(f"busy-{round_}"), PLUGIN)
    ledger.bind(claim("both", families=(4, 6), container="both"), PLUGIN)
    ledger.reserve("db", ip("10.20.0.60"), pod("kept"), "eth0", OPERATOR)
    clock.tick()
    ledger.bind(claim("kept", "10.20.0.60"), PLUGIN)
    ledger.bind(claim("mysql-0", "10.20.0.50", uid="first"), PLUGIN)
    clock.tick()
    ledger.bind(replace(claim("mysql-0", "10.20.0.50", container="again"), takeover=(attachment("c-mysql-0"),)), PLUGIN)
    ledger.bind(claim("sticky", sticky=True), PLUGIN)
    ledger.bind(claim("web-7d4b9-x2x9k", owner="web"), PLUGIN)
    ledger.bind(claim("web-7d4b9-b4c5d", owner="web"), PLUGIN)
    clock.tick()
    ledger.unbind(attachment("c-web-7d4b9-b4c5d"), PLUGIN)
    ledger.bind(claim(None, container="bare"), PLUGIN)
    for name in ("slow", "lru"):
        clock.tick()
        ledger.bind(claim(name, pool=name), PLUGIN)
        ledger.unbind(attachment(f"c-{name}"), PLUGIN)
    ledger.conflicted(ip("10.20.0.60"), "02:00:00:00:00:01", attachment("c-kept"), PLUGIN)
    ledger.release(ip("10.20.0.60"), OPERATOR)
    return store


def _around(events: Sequence[Event], address: Address) -> Iterator[int]:
    """Yield times to ask about an address at: around what happened to it, and some of what happened to others."""
    own, others = (
        sorted({event.time + more for event in events if (event.address == address) is whose for more in (-1, 0, 1)})
        for whose in (True, False)
    )
    yield from own[:: 5 if len(own) > 60 else 1]
    yield from others[:: max(1, len(others) // 8)]


def answers(store: Node | InCluster) -> dict[str, object]:
    """Ask a store everything that must stay: numbers of events apart, which are each store's own."""
    ledger, policies = store.parts()
    events = [replace(event, seq=0) for event in sorted(ledger.history(), key=lambda e: (e.time, e.seq))]
    seen = sorted({event.address for event in events}, key=lambda a: (a.version, a.packed))
    who: list[object] = []
    for address in seen:
        for at in _around(events, address):
            held = ledger.who(address, at)
            who.append((address, at, held.state, held.reserved_for, held.bound_to, held.pod))
    return {
        "leases": ledger.leases(),
        "reservations": ledger.reservations(),
        "usage": ledger.usage(),
        "who": who,
        "now": [replace(ledger.who(address), event=None) for address in seen],
        "history": {
            str(address): [replace(event, seq=0) for event in ledger.history(address=address)] for address in seen
        },
        "of a pod": [replace(event, seq=0, time=0) for event in ledger.history(pod=pod("busy"))],
        "pools": policies.pools(),
        "podnetworks": policies.pod_networks(),
    }
