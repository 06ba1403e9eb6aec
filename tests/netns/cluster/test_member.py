"""A node whose ledger is in etcd: its pods, two nodes at once, and what goes on while the store is away."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from tests.netns.agent.running import agent, ended
from tests.netns.agent.test_desk import samples
from tests.netns.cluster.seen import DOCUMENTS, leases
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.netns.kubelet import Kubelet
    from tests.servers.etcd import EtcdServer


def away(node: Kubelet) -> bool:
    """Say whether the node's agent knows that the store can't be reached, as its metrics have it."""
    return samples(node)["podberth_cluster_stores_away{}"] == 1


def test_a_pod_has_its_address_on_whatever_node_it_is(cluster: Callable[..., Kubelet]) -> None:
    one, two = cluster("one"), cluster("two")
    one.apply(DOCUMENTS)
    with contextlib.ExitStack() as agents:
        for node in (one, two):
            agents.enter_context(agent(node))
        first = one.pod("mysql-1")
        assert one.added(first).address == "10.61.0.12/24"
        assert leases(two) == {"10.61.0.12": "one"}
        assert two.added(two.pod("web")).address == "10.61.0.2/24"
        assert one.call("DEL", first).code == 0
        assert ended(one, first)
        again = two.pod("mysql-1", uid="u2")
        until(lambda: two.call("ADD", again).code == 0)
        assert leases(one) == {"10.61.0.2": "two", "10.61.0.12": "two"}
    kinds = [event["kind"] for event in json.loads(one.podberth("history", "bank/mysql-1", "--json"))["events"]]
    assert kinds == ["Reserved", "Bound", "Unbound", "Bound"]


def test_without_its_agent_a_node_says_that_etcd_needs_one_and_stays_ready(cluster: Callable[..., Kubelet]) -> None:
    node = cluster("one")
    pod = node.pod("mysql-0")
    refused = node.call("ADD", pod).result
    assert (refused["code"], "start `podberth agent`" in refused["details"]) == (11, True)
    assert node.call("STATUS", pod).code == 0


def test_while_the_store_is_away_del_is_answered_and_told_it_later(
    cluster: Callable[..., Kubelet], etcd: EtcdServer
) -> None:
    node = cluster("one")
    node.apply(DOCUMENTS)
    with agent(node):
        pod = node.pod("mysql-0")
        assert node.added(pod).code == 0
        assert node.call("STATUS", pod).code == 0
        etcd.kill()
        until(lambda: away(node))
        assert node.call("STATUS", pod).code == 0
        assert node.call("DEL", pod).code == 0
        assert ended(node, pod)
        refused = node.call("ADD", node.pod("mysql-0")).result
        assert (refused["code"], "away" in refused["msg"]) == (11, True)
        etcd.start()
        until(lambda: not away(node))
        until(lambda: not leases(node))
    told = json.loads(node.podberth("history", "bank/mysql-0", "--json"))["events"]
    assert [event["kind"] for event in told] == ["Reserved", "Bound", "Unbound"]
    assert "while the store was away" in told[-1]["why"]


def test_by_the_last_known_state_a_pod_that_was_here_gets_its_address_again(
    cluster: Callable[..., Kubelet], etcd: EtcdServer
) -> None:
    node = cluster("one", "--when-away", "lastKnown")
    node.apply(DOCUMENTS)
    with agent(node):
        pod = node.pod("mysql-2")
        assert node.added(pod).address == "10.61.0.13/24"
        etcd.kill()
        until(lambda: away(node))
        assert node.call("STATUS", pod).code == 0
        assert node.call("ADD", node.pod("mysql-0")).result["code"] == 11
        again = node.pod("mysql-2")
        assert node.added(again).address == "10.61.0.13/24"
        assert node.call("CHECK", again).code == 0
        etcd.start()
        until(lambda: not away(node))
        until(lambda: again.container_id in node.podberth("leases", "--json"))
    kinds = [event["kind"] for event in json.loads(node.podberth("history", "bank/mysql-2", "--json"))["events"]]
    assert kinds == ["Reserved", "Bound", "Moved"]
