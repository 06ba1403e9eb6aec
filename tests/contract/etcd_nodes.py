"""Nodes of a cluster on etcd, and what is written there by other means than podberth's."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

from podberth.ipam.lease import Actor
from podberth.stores.clock import node_clock
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from tests.contract.clusters import in_etcd

if TYPE_CHECKING:
    from podberth.stores.etcd.store import EtcdCluster

AGENT = Actor(who="agent", why="declared", node="node1")
FOLDER = tempfile.mkdtemp(prefix="podberth-in-force-")
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


class Node:
    """One node of a cluster on etcd."""

    def __init__(self, cluster: EtcdCluster, name: str = "node1") -> None:
        proposer = Proposer(Replica(tempfile.mkdtemp(dir=FOLDER)), cluster, name, current=True)
        self.proposer = proposer
        self.policies = ClusterPolicies(proposer)
        self.ledger = ClusterLedger(proposer, clock=node_clock)

    def accept(self) -> tuple[str, ...]:
        """Do what an agent does every second."""
        self.proposer.catch_up()
        return self.policies.accept()

    def accept_podnetworks(self) -> tuple[str, ...]:
        """Do what an agent does every second."""
        self.proposer.catch_up()
        return self.policies.accept_podnetworks(reserving=AGENT)

    def pools(self) -> dict[str, str]:
        return {
            one.name: ",".join([str(s.network) for s in one.subnets] + [str(r.first) for r in one.subnets[0].ranges])
            for one in self.policies.pools()
        }


def etcd() -> EtcdCluster:
    made: Any = in_etcd()
    return made  # type: ignore[no-any-return]


def written(cluster: EtcdCluster, raw: dict[str, Any]) -> None:
    """Do what `etcdctl put` does."""
    value = {"body": {**raw, "apiVersion": "podberth.io/v1alpha1"}, "source": "by hand", "origin": ""}
    metadata = raw["metadata"]
    key = cluster.keys.document((raw["kind"], metadata.get("namespace", ""), metadata["name"]))
    cluster.client.put(key, json.dumps(value).encode())


def emptied(cluster: EtcdCluster, name: str) -> None:
    cluster.client.put(cluster.keys.document(("Pool", "", name)), b"")
