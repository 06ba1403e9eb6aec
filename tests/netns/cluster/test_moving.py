"""A pod that moves from a node that was fenced, on real interfaces: never two that have its address."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest

from tests.netns.agent.running import agent, ended, start
from tests.netns.cluster.seen import DOCUMENTS, history, leases
from tests.netns.kubelet import Kubelet, run
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ADDRESS = "10.61.0.12"
CABLE = ("pbcable0", "pbcable1")
SMALL = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: small}
spec:
  subnets: [{subnet: 10.62.0.0/24, ranges: ["10.62.0.2-10.62.0.4"]}]
"""


@pytest.fixture
def nodes(cluster: Callable[..., Kubelet]) -> tuple[Kubelet, Kubelet]:
    """Two nodes whose bridges have nothing to do with each other: as if the first were cut off."""
    one, two = cluster("one"), cluster("two")
    one.apply(DOCUMENTS)
    return one, two


@contextlib.contextmanager
def cable(one: Kubelet, two: Kubelet) -> Iterator[None]:
    """Join the nodes' bridges."""
    for bridge in (str(node.network["bridge"]) for node in (one, two)):
        with contextlib.suppress(AssertionError):
            run("ip", "link", "add", bridge, "type", "bridge")
        run("ip", "link", "set", bridge, "up")
    run("ip", "link", "add", CABLE[0], "type", "veth", "peer", "name", CABLE[1])
    try:
        for end, node in zip(CABLE, (one, two), strict=True):
            run("ip", "link", "set", end, "master", str(node.network["bridge"]), "up")
        yield
    finally:
        run("ip", "link", "delete", CABLE[0])


def interfaces(node: Kubelet, netns: str) -> list[str]:
    return [link["ifname"] for link in json.loads(node.inside(netns, "ip", "-json", "link", "show"))]


def test_a_node_that_comes_back_is_cut_off_before_it_serves(nodes: tuple[Kubelet, Kubelet]) -> None:
    one, two = nodes
    old, new = one.pod("mysql-1"), two.pod("mysql-1", uid="u2")
    with agent(one):
        assert one.added(old).address == f"{ADDRESS}/24"
    with agent(two):
        refused = two.call("ADD", new).result
        assert (refused["code"], "podberth fence one" in refused["details"]) == (11, True)
        two.podberth("fence", "one", "--why", "burnt", "--cut-running-pods")
        assert two.added(new).address == f"{ADDRESS}/24"
        back = start(one)
        try:
            (told,) = back.events("upkeep")
            assert (told["outcome"], told["attachment"]) == ("cut off", f"banknet/{old.container_id}/eth0")
            assert told["message"] == f"its address {ADDRESS} moved to container {new.container_id} on node two"
            assert interfaces(one, old.netns) == ["lo"]
            assert one.call("DEL", old).code == 0
        finally:
            back.stop()
        assert leases(two) == {ADDRESS: "two"}
        assert two.call("CHECK", new).code == 0
    assert [event["kind"] for event in history(two, ADDRESS)] == ["Reserved", "Bound", "Moved"]


def test_a_node_that_was_fenced_too_early_is_cut_off_as_soon_as_it_hears_of_it(nodes: tuple[Kubelet, Kubelet]) -> None:
    one, two = nodes
    old, new = one.pod("mysql-1"), two.pod("mysql-1", uid="u2")
    with agent(one) as there, agent(two):
        one.call("ADD", old)
        two.podberth("fence", "one", "--why", "so it is said", "--cut-running-pods")
        assert two.added(new).address == f"{ADDRESS}/24"
        assert there.wait_for("upkeep")[0]["outcome"] == "cut off"
        assert ended(one, old)
        assert interfaces(one, old.netns) == ["lo"]
        assert leases(two) == {ADDRESS: "two"}


def test_an_address_that_answers_from_a_fenced_node_does_not_move(nodes: tuple[Kubelet, Kubelet]) -> None:
    one, two = nodes
    old, new = one.pod("mysql-1"), two.pod("mysql-1", uid="u2")
    with agent(one):
        one.call("ADD", old)
    with cable(one, two), agent(two):
        two.podberth("fence", "one", "--why", "so it is said", "--cut-running-pods")
        refused = two.call("ADD", new).result
        assert (refused["code"], f"answers for {ADDRESS} on the wire" in refused["msg"]) == (11, True)
        assert leases(two) == {ADDRESS: "one"}
        assert interfaces(two, new.netns) == ["lo"]
        with agent(one):
            assert one.call("DEL", old).code == 0
            assert ended(one, old)
        until(lambda: two.call("ADD", new).code == 0)
    kinds = [event["kind"] for event in history(two, ADDRESS)]
    assert kinds[:5] == ["Reserved", "Bound", "Moved", "Conflicted", "Moved"]
    assert kinds[-2:] == ["Unbound", "Bound"]


def test_gc_on_any_node_ends_what_a_fenced_node_had_under_one_time_names(nodes: tuple[Kubelet, Kubelet]) -> None:
    one, two = nodes
    two.apply(SMALL)
    old = [one.pod(f"web-{number}") for number in range(3)]
    with agent(one):
        before = [one.call("ADD", pod, pool="small").address for pod in old]
        assert one.call("DEL", old.pop()).code == 0
    with agent(two):
        assert two.podberth("gc", "--gone", "--yes") == "nothing to take back\n"
        assert two.added(two.pod("job-0"), pool="small").code == 0
        full = two.call("ADD", two.pod("job-1"), pool="small").result
        assert (full["code"], "podberth fence NODE" in full["details"]) == (100, True)
        two.podberth("fence", "one", "--why", "burnt", "--cut-running-pods")
        collected = json.loads(two.podberth("gc", "--gone", "--yes", "--json"))["collected"]
        assert sorted(each["container_id"] for each in collected) == sorted(pod.container_id for pod in old)
        ended_by = [event for event in history(two, before[0].partition("/")[0]) if event["kind"] == "Unbound"][-1]
        assert ended_by["why"].endswith(": burnt")
        new = [two.pod(f"job-{number}") for number in (2, 3)]
        assert {two.call("ADD", pod, pool="small").address for pod in new} <= set(before)
        assert set(leases(two).values()) == {"two"}
        with agent(one):
            for pod in old:
                assert interfaces(one, pod.netns) == ["lo"]
                assert one.call("DEL", pod).code == 0
        assert set(leases(two).values()) == {"two"}
        assert len(leases(two)) == 3


def test_a_node_that_comes_back_is_cut_off_from_an_address_that_nobody_has_yet(nodes: tuple[Kubelet, Kubelet]) -> None:
    one, two = nodes
    old = one.pod("web-0")
    with agent(one):
        assert one.added(old).code == 0
    two.podberth("fence", "one", "--why", "burnt", "--cut-running-pods")
    two.podberth("gc", "--gone", "--yes")
    two.podberth("unfence", "one", "--why", "it was another one")
    with agent(one) as back:
        (told,) = back.wait_for("upkeep")
        assert told["outcome"] == "cut off"
        assert "was ended on node two" in told["message"]
        assert interfaces(one, old.netns) == ["lo"]
        assert one.call("DEL", old).code == 0
    assert leases(two) == {}
