"""The race in which a reconciler frees a live address (whereabouts issue 162), at each place where it could happen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from podberth.controller.effects import Effects
from podberth.kube.events import Recorder
from podberth.kube.resources import NODES, PODS
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from tests.contract.control.cluster import PLUGIN, pool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.kube.resources import Resource
    from tests.contract.control.cluster import Cluster


class Racing:
    """A client behind whose back something happens, once, right after it has read an object of `resource`."""

    def __init__(self, cluster: Cluster, resource: Resource, happens: Callable[[], object]) -> None:
        self._client = cluster.client
        self._resource = resource
        self._happens: Callable[[], object] | None = happens

    def get(self, resource: Resource, *name: str) -> Any:
        try:
            return self._client.get(resource, *name)
        finally:
            happens = self._happens
            if resource is self._resource and happens is not None:
                self._happens = None
                happens()


def effects(cluster: Cluster, folder: Path, client: Any) -> Effects:
    proposer = Proposer(Replica(str(folder / "effects")), cluster.store, "controller", current=False)
    proposer.catch_up()
    return Effects(client, proposer, Recorder(cluster.client, "test", "test"), "test")


@pytest.fixture
def node(cluster: Cluster) -> Cluster:
    cluster.node("node1")
    cluster.apply(pool())
    return cluster


def test_a_pod_that_the_list_did_not_have_yet_keeps_its_lease(node: Cluster, tmp_path: Path) -> None:
    uid = node.pod("db/a", "node1")  # after the controller's list, which says it is gone
    lease = node.bind("db/a", uid=uid)
    assert not effects(node, tmp_path, node.client).release(lease, 10**12, 1)
    assert node.leased() == ["10.20.0.1 db/a"]


@pytest.mark.parametrize("between", [PODS, NODES], ids=["after the pod", "after the node"])
def test_a_lease_that_is_bound_anew_while_the_api_is_asked_stays(
    node: Cluster, tmp_path: Path, between: Resource
) -> None:
    lease = node.bind("db/a", uid="old")

    def comes_back() -> None:
        node.ledger.unbind(lease.attachment, PLUGIN)
        node.bind("db/a", uid=node.pod("db/a", "node1"))

    racing = effects(node, tmp_path, Racing(node, between, comes_back))
    assert not racing.release(lease, 10**12, 1)
    (now,) = node.ledger.leases()
    assert now.pod is not None
    assert now.pod.uid != "old"


def test_the_very_same_attachment_bound_again_is_another_lease(node: Cluster, tmp_path: Path) -> None:
    lease = node.bind("db/a", uid="old")

    def again() -> None:
        node.ledger.unbind(lease.attachment, PLUGIN)
        node.bind("db/a", uid="old")

    assert not effects(node, tmp_path, Racing(node, NODES, again)).release(lease, 10**12, 1)
    assert node.leased() == ["10.20.0.1 db/a"]


def test_a_node_that_stops_answering_meanwhile_keeps_its_lease(node: Cluster, tmp_path: Path) -> None:
    lease = node.bind("db/a", uid="old")
    silent = Racing(node, PODS, lambda: node.node("node1", ready=False))
    assert not effects(node, tmp_path, silent).release(lease, 10**12, 1)
    assert node.leased() == ["10.20.0.1 db/a"]


def test_two_controllers_that_release_the_same_lease_do_it_once(node: Cluster, tmp_path: Path) -> None:
    lease = node.bind("db/a", uid="old")
    one, other = (effects(node, tmp_path / name, node.client) for name in ("one", "other"))
    assert [one.release(lease, 10**12, 1), other.release(lease, 10**12, 1)] == [True, False]
    kinds = [event.kind for event in node.ledger.history(address=lease.address)]
    assert kinds == ["Bound", "Unbound"]
    assert time.time_ns() > lease.since
