"""A node that has never been there, and what the cluster told of an object."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from podberth.kube.resources import EVENTS
from podberth.policy.documents import parse_document
from podberth.stores.clock import node_clock
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica

if TYPE_CHECKING:
    from podberth.policy.store import Policies
    from tests.contract.control.cluster import Cluster


def new_node(cluster: Cluster) -> tuple[Policies, ClusterLedger]:
    """Return a node that has never been there."""
    folder = tempfile.mkdtemp(dir=cluster.folder)
    proposer = Proposer(Replica(folder), cluster.store, "node9", current=True)
    return ClusterPolicies(proposer), ClusterLedger(proposer, clock=node_clock)


def told(cluster: Cluster, reason: str) -> set[str]:
    return {one["message"] for one in cluster.client.list(EVENTS).items if one["reason"] == reason}


def is_accepted(cluster: Cluster, kind: str, name: str, namespace: str = "") -> bool:
    """Say whether what is in force by an object's status is what the object says, however it is written."""
    made = cluster.object(kind.lower(), name, namespace)
    said = (made.get("status") or {}).get("inForce")
    if said is None:
        return False
    named = {"name": name, **({"namespace": namespace} if namespace else {})}
    raw = {"apiVersion": made["apiVersion"], "kind": kind, "metadata": named}
    now, wanted = (parse_document({**raw, "spec": spec}, "") for spec in (said["spec"], made["spec"]))
    return now == wanted
