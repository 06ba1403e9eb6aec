"""What the agent does without being asked: drift is put right or reported, and what it can't see is left alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.netns.agent.running import agent, ended
from tests.waiting import until

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet, Pod

OFTEN = ("--check-interval", "1")


def attached(node: Kubelet) -> tuple[Pod, str]:
    """Attach a pod; return it with its address and prefix length."""
    pod = node.pod("mysql-0")
    return pod, node.call("ADD", pod).address


def lose_the_address(node: Kubelet, pod: Pod, address: str) -> None:
    node.inside(pod.netns, "ip", "address", "delete", address, "dev", "eth0")


def test_an_address_that_somebody_took_away_comes_back_and_the_ledger_says_so(node: Kubelet) -> None:
    with agent(node, *OFTEN) as running:
        pod, address = attached(node)
        lose_the_address(node, pod, address)
        (told,) = running.wait_for("upkeep")[:1]
        assert address in node.inside(pod.netns, "ip", "address", "show", "dev", "eth0")
        assert node.inside(pod.netns, "ip", "route", "show", "default") != ""
    assert (told["outcome"], told["attachment"]) == ("repaired", f"banknet/{pod.container_id}/eth0")
    assert any("address" in drift for drift in told["drifts"])
    history = json.loads(node.podberth("history", "bank/mysql-0", "--json"))["events"]
    assert history[-1]["kind"] == "Repaired"


def test_without_repair_it_is_only_told(node: Kubelet) -> None:
    with agent(node, *OFTEN, "--no-repair") as running:
        pod, address = attached(node)
        lose_the_address(node, pod, address)
        told = running.wait_for("upkeep", 2)
        assert address not in node.inside(pod.netns, "ip", "address", "show", "dev", "eth0")
    assert {each["outcome"] for each in told} == {"drifted"}


def test_a_pod_whose_namespace_went_while_the_agent_looked_on_is_taken_back(node: Kubelet) -> None:
    with agent(node, *OFTEN) as running:
        pod, address = attached(node)
        lose_the_address(node, pod, address)  # so that the log tells of the first look
        running.wait_for("upkeep")
        node.remove_namespace(pod.netns)
        assert ended(node, pod)
    assert node.rows("SELECT count(*) FROM leases") == [(0,)]


def test_a_namespace_the_agent_has_never_seen_is_not_taken_for_gone(node: Kubelet) -> None:
    pod, _ = attached(node)
    node.remove_namespace(pod.netns)
    with agent(node, *OFTEN) as running:
        told = running.wait_for("upkeep", 2)
    assert {each["outcome"] for each in told} == {"drifted"}
    assert node.rows("SELECT count(*) FROM leases") == [(1,)]


def test_a_store_that_is_away_for_a_while_does_not_end_the_looking(node: Kubelet) -> None:
    with agent(node, *OFTEN) as running:
        pod, address = attached(node)
        node.podberth("get", "attachments")
        with_lock = node.state / "locks"
        with_lock.rename(node.state / "elsewhere")
        with_lock.mkdir()
        lose_the_address(node, pod, address)
        assert running.wait_for("upkeep")[0]["outcome"] == "failed"
        with_lock.rmdir()
        (node.state / "elsewhere").rename(with_lock)
        until(lambda: running.events("upkeep")[-1]["outcome"] == "repaired")  # a look that began before may fail yet
