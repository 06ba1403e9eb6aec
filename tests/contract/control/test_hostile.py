"""No ConfigMap and no custom resource ends a feed: nodes, controller and webhook hear what comes after."""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podberth.cni.errors import TryAgainLater
from podberth.controller.judge import Judge
from podberth.controller.review import Review
from podberth.kube import errors
from podberth.kube.resources import CONFIG_MAPS, POD_NETWORKS
from podberth.stores.kubernetes.store import KubernetesCluster
from podberth.stores.replica.feed import Feed
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from tests.contract.control.cluster import HOME, config_map, podnetwork, pool
from tests.sizes import size
from tests.unit.policy.hostile import ALIASED, FILES, HUGE, NO_KIND, ODD
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.policy.podnetwork import PodNetwork
    from tests.contract.control.cluster import Cluster

FUZZ = settings(
    max_examples=size(10, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
MIXED = f"{json.dumps(podnetwork('kept', '10.20.0.50', namespace=HOME))}\n---\n{NO_KIND}"


class Node:
    """A node's agent, as far as it follows the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.lines: list[str] = []
        store = KubernetesCluster(cluster.client, HOME, "node1")
        self.proposer = Proposer(Replica(tempfile.mkdtemp(dir=cluster.folder)), store, "node1", current=False)
        self.policies = ClusterPolicies(self.proposer)
        self.feed = Feed(self.proposer, self.lines.append)

    def has(self, name: str, *addresses: str) -> bool:
        return any(one.name == name and (not addresses or _addresses(one) == addresses) for one in self.all())

    def all(self) -> tuple[PodNetwork, ...]:
        return self.policies.pod_networks()


def _addresses(one: PodNetwork) -> tuple[str, ...]:
    return tuple(str(address) for policy in one.attachments for address in policy.addresses)


@pytest.fixture
def node(cluster: Cluster) -> Iterator[Node]:
    cluster.apply(pool())
    made = Node(cluster)
    made.feed.start()
    assert made.feed.ready(60), made.lines
    yield made
    made.feed.stop()


def put(cluster: Cluster, name: str, text: str) -> None:
    made = config_map(name, text, HOME)
    try:
        cluster.client.create(CONFIG_MAPS, made, HOME)
    except errors.AlreadyExists:
        cluster.client.merge_patch(CONFIG_MAPS, name, {"data": made["data"]}, HOME)


def good(number: int) -> str:
    return json.dumps(podnetwork("good", f"10.20.0.{number % 100 + 100}", namespace=HOME))


@pytest.mark.parametrize("text", [NO_KIND, MIXED, "", *HUGE])
def test_one_config_map_deafens_nobody(cluster: Cluster, node: Node, text: str) -> None:
    text = HUGE.get(text, text)
    put(cluster, "bad", text)
    put(cluster, "good", good(1))
    until(lambda: node.has("good"))
    fresh = Node(cluster)
    fresh.feed.start()
    assert fresh.feed.ready(60), fresh.lines
    assert fresh.has("good")
    fresh.feed.stop()
    assert (node.feed.away, node.has("kept")) == ("", text == MIXED)


def test_a_document_that_can_t_be_read_leaves_the_last_good_one_in_force(cluster: Cluster, node: Node) -> None:
    put(cluster, "good", good(1))
    until(lambda: node.has("good", "10.20.0.101"))
    for bad in (NO_KIND, "kind: [", json.dumps({**podnetwork("good", namespace=HOME), "spec": {"pod": []}})):
        put(cluster, "good", bad)
        put(cluster, "after", json.dumps(podnetwork("after", namespace=HOME)))
        until(lambda: node.has("after"))
        assert node.has("good", "10.20.0.101")
        cluster.client.delete(CONFIG_MAPS, "after", HOME)
        until(lambda: not node.has("after"))
    put(cluster, "good", good(2))
    until(lambda: node.has("good", "10.20.0.102"))
    put(cluster, "good", NO_KIND)
    cluster.client.delete(CONFIG_MAPS, "good", HOME)
    until(lambda: not node.has("good"))


@pytest.mark.parametrize("text", [ALIASED, f"[{','.join('0' * 20_000)}]"], ids=["aliases", "no documents"])
def test_a_namespace_s_config_map_beyond_the_limits_deafens_nobody(cluster: Cluster, node: Node, text: str) -> None:
    allowing = pool()
    allowing["spec"]["allow"] = [{"namespaces": ["db"]}]
    cluster.apply(allowing, config_map("web", json.dumps(podnetwork("web", "10.20.0.9"))))
    until(lambda: node.has("web", "10.20.0.9"))
    cluster.apply(config_map("web", text))
    put(cluster, "good", good(1))
    until(lambda: node.has("good"))
    assert (node.feed.away, node.has("web", "10.20.0.9"), len(node.all())) == ("", True, 2)
    (standing,) = node.policies.standings()
    assert (standing.bundle, standing.document) == ("db/web", "ConfigMap db/web")
    assert ("at most 1,000 documents" in standing.reason, len(standing.reason) < 500) == (True, True)
    cluster.apply(config_map("web", json.dumps(podnetwork("web", "10.20.0.10"))))
    until(lambda: node.has("web", "10.20.0.10"))


def test_a_webhook_refuses_a_namespace_s_config_map_beyond_the_limits_in_the_same_words(cluster: Cluster) -> None:
    cluster.webhook()
    cluster.apply(pool())
    refusal = cluster.refused(config_map("web", ALIASED))
    assert "ConfigMap db/web declares 40 documents with 5,242,880 addresses" in refusal
    assert "declare less in it" in refusal


def test_a_controller_that_can_t_read_a_declaration_frees_no_address(cluster: Cluster) -> None:
    put(cluster, "good", good(1))
    cluster.apply(pool())
    controller = cluster.controller()
    until(lambda: cluster.reserved() == [f"10.20.0.101 {HOME}/good declared"])
    put(cluster, "good", NO_KIND)
    cluster.stop(controller)
    controller = cluster.controller()  # which never read the last good one
    cluster.sweeps(controller, 5)
    assert cluster.reserved() == [f"10.20.0.101 {HOME}/good declared"]
    put(cluster, "good", json.dumps(podnetwork("good", namespace=HOME)))
    until(lambda: cluster.reserved() == [])


def test_a_webhook_lets_a_config_map_that_harms_go(cluster: Cluster) -> None:
    cluster.apply(pool())
    put(cluster, "bad", NO_KIND)
    put(cluster, "mixed", MIXED)
    cluster.webhook()
    assert "ConfigMap podberth-system/bad: declared.yaml" in cluster.refused(config_map("bad", "x: [", HOME))
    for name in ("bad", "mixed"):
        done = cluster.kubectl("delete", "configmap", "-n", HOME, name)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", [NO_KIND, MIXED, good(1)])
def test_a_webhook_that_hears_nothing_lets_a_config_map_go_and_none_come(cluster: Cluster, text: str) -> None:
    judge = deaf(cluster)
    assert judge.refusal(review(None, text)) is None
    with pytest.raises(TryAgainLater):
        judge.refusal(review(good(2), text))


def test_a_webhook_that_hears_nothing_lets_no_pool_go(cluster: Cluster) -> None:
    with pytest.raises(TryAgainLater):
        deaf(cluster).refusal(review(None, json.dumps(pool())))


def deaf(cluster: Cluster) -> Judge:
    """Return a webhook's judge whose feed was never heard."""
    node = Node(cluster)
    return Judge(cluster.client, node.proposer, node.feed, HOME)


def review(new: str | None, old: str) -> Review:
    now = config_map("a", new, HOME) if new is not None else None
    return Review(
        uid="1", operation="UPDATE" if now else "DELETE", kind="ConfigMap", namespace=HOME, name="a", user="u",
        new=now, old=config_map("a", old, HOME),
    )  # fmt: skip


@FUZZ
@given(text=FILES, number=st.integers(0, 10**6))
def test_after_any_config_map_the_next_good_one_is_in_force(
    cluster: Cluster, node: Node, text: str, number: int
) -> None:
    put(cluster, "bad", text)
    put(cluster, "good", good(number))
    until(lambda: node.has("good", f"10.20.0.{number % 100 + 100}"))
    assert node.feed.away == ""


@FUZZ
@given(spec=st.dictionaries(st.sampled_from(("pod", "statefulSet", "deployment", "attachments", "retention")), ODD))
def test_after_any_custom_resource_the_next_good_config_map_is_in_force(
    cluster: Cluster, node: Node, spec: dict[str, Any]
) -> None:
    resource = {**podnetwork("odd", namespace=HOME), "spec": spec}
    try:
        cluster.client.create(POD_NETWORKS, resource, HOME)
    except (errors.Invalid, errors.Rejected, errors.AlreadyExists, ValueError):
        pass  # what the API server itself refuses
    number = len(node.lines) + len(json.dumps(spec))
    put(cluster, "good", good(number))
    until(lambda: node.has("good", f"10.20.0.{number % 100 + 100}"))
    try:
        cluster.client.delete(POD_NETWORKS, "odd", HOME)
    except errors.NotFound:
        pass
    assert node.feed.away == ""
