"""What a pod's events lead to: which links are brought, taken home, and what the runtime is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError, KernelRefused
from podberth.dra.pods import ClaimedPods
from podberth.dra.prepared import Prepared, PreparedClaims
from podberth.nri.messages import Pod
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path


class Driver:
    """Writes down what it is to do; `refused` are claims that it can't bring, and why."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.refused: dict[str, Exception] = {}
        self.reserved: set[tuple[str, str]] = set()  # claims with the UIDs of pods that they are reserved for by now

    def bring(self, uid: str, netns: str) -> None:
        if uid in self.refused:
            raise self.refused[uid]
        self.done.append(f"{uid} to {netns}")

    def hand_over(self, uid: str, pod_uid: str) -> bool:
        if uid in self.refused:
            raise self.refused[uid]
        return (uid, pod_uid) in self.reserved

    def take_home(self, uid: str, netns: str) -> None:
        if uid in self.refused:
            raise self.refused[uid]
        self.done.append(f"{uid} home from {netns}")


class Node:
    """Two claims of one pod, and one of another."""

    def __init__(self, folder: Path) -> None:
        claims = PreparedClaims(folder)
        for uid, pod in (("a", "p1"), ("b", "p1"), ("c", "p2")):
            claims.put(Prepared(namespace="bank", name=uid, uid=uid, pod_name=pod, pod_uid=pod, interfaces=()))
        self.claims, self.driver, self.failures = claims, Driver(), list[str]()
        self.pods = ClaimedPods(self.driver, claims, self.failures.append)  # type: ignore[arg-type]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def pod(uid: str, sandbox: str = "s1", netns: str = "/n") -> Pod:
    return Pod(id=sandbox, namespace="bank", name=uid, uid=uid, netns=netns)


def test_a_pod_gets_the_links_of_its_claims_and_of_no_others(node: Node) -> None:
    node.pods.run(pod("p1"))
    node.pods.run(pod("without"))

    assert node.driver.done == ["a to /n", "b to /n"]


@pytest.mark.parametrize("failure", [KernelRefused("no link", "x"), OSError("what a bug looks like")])
def test_a_sandbox_goes_on_whatever_happens_and_its_container_is_refused_until_the_link_is_there(
    node: Node, failure: Exception
) -> None:
    node.driver.refused["b"] = failure
    node.pods.run(pod("p1"))
    assert len(node.failures) == 1
    with pytest.raises((CniError, OSError)):
        node.pods.create(pod("p1"))

    del node.driver.refused["b"]
    node.pods.create(pod("p1"))
    assert node.driver.done == ["a to /n", "b to /n"]


def test_a_claim_that_is_the_next_pods_of_the_name_by_now_is_brought_to_that(node: Node) -> None:
    node.driver.reserved.add(("a", "p1-next"))
    again = Pod(id="s2", namespace="bank", name="p1", uid="p1-next", netns="/m")
    node.pods.run(again)
    until(lambda: node.driver.done == ["a to /m"])

    node.driver.refused["b"] = OSError("what a bug looks like")
    node.pods.create(again)
    until(lambda: "bank/p1: resource claim bank/b: OSError: what a bug looks like" in node.failures)


def test_a_container_of_a_pod_that_has_all_is_no_work(node: Node) -> None:
    node.pods.run(pod("p1"))
    node.driver.done.clear()
    for _ in range(3):
        node.pods.create(pod("p1"))

    assert node.driver.done == []


def test_links_are_taken_home_from_the_sandbox_that_has_them_and_from_none_before_it(node: Node) -> None:
    node.pods.run(pod("p2", "s1"))
    node.pods.run(pod("p2", "s2"))
    node.pods.stop(pod("p2", "s1"))
    assert "c home from /n" not in node.driver.done

    node.pods.stop(pod("p2", "s2"))
    assert node.driver.done[-1] == "c home from /n"


def test_an_agent_that_has_just_started_takes_nothing_home_from_a_sandbox_without_a_namespace(node: Node) -> None:
    node.pods.stop(pod("p2", "s1", netns=""))
    assert node.driver.done == []

    node.pods.stop(pod("p2", "s1"))
    assert node.driver.done == ["c home from /n"]


def test_what_can_not_be_taken_home_is_told_and_the_rest_is_taken(node: Node) -> None:
    node.pods.run(pod("p1"))
    node.driver.refused["a"] = KernelRefused("busy", "x")
    node.pods.stop(pod("p1"))

    assert node.driver.done[-1] == "b home from /n"
    assert node.failures == ["bank/p1: resource claim bank/a: busy"]


def test_a_pod_without_a_namespace_of_its_own_is_refused_its_container(node: Node) -> None:
    with pytest.raises(CniError, match="names no network namespace"):
        node.pods.create(pod("p1", netns=""))


def test_all_pods_are_looked_after_once_the_runtime_has_listed_them_but_those_that_have_stopped(node: Node) -> None:
    node.pods.synchronize((pod("p1", "s1"), pod("p2", "s2")))
    until(lambda: len(node.driver.done) == 3)
    node.pods.stop(pod("p2", "s2"))
    node.pods.remove(pod("p2", "s2"))

    assert node.driver.done == ["a to /n", "b to /n", "c to /n", "c home from /n"]
