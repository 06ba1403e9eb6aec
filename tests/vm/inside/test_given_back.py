"""Whenever podberth is killed, at any effect of any call, and however the pod ends: the card is as it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sizes import size
from tests.vm.inside import card, wire
from tests.vm.inside.card import Node, as_it_was, declared, node_with_card
from tests.vm.inside.endings import (
    PODS,
    configure_by_hand,
    configure_no_more,
    go_on,
    operators,
    untouched,
    valid,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Pod

REFUSED = (
    declared("forced-0", "10.60.0.51", vlan=100, mac="fromAddress", linkState="enable")
    + declared("guaranteed-0", "10.60.0.52", vlan=100, rates={"egress": 50, "minEgress": 10})
    + declared("double-0", "10.60.0.53", vlan={"id": 100, "proto": "802.1ad"})
)
DEATHS = size(3, 60)  # of a call


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The VM, with its card, one function of which the operator has configured."""
    with node_with_card(tmp_path_factory.mktemp("node") / "state", PODS + REFUSED) as made:
        configure_by_hand()
        yield made
        configure_no_more()


@pytest.fixture
def node(whole: Node) -> Iterator[Node]:
    """The node, which has to be in the end as it was."""
    with as_it_was(whole):
        yield whole


def test_an_add_that_was_killed(node: Node) -> None:
    ended = wire.everywhere(
        node,
        "ADD",
        lambda: node.kubelet.pod("full-0"),
        lambda pod, number: go_on(node, pod, number),
        deaths=DEATHS,
        deviceID=operators(),
    )
    assert len(ended.effects) >= 18, ended.effects


def test_a_del_that_was_killed(node: Node) -> None:
    ended = wire.everywhere(
        node,
        "DEL",
        lambda: node.added("full-0", deviceID=operators())[0],
        lambda pod, number: go_on(node, pod, number),
        deaths=DEATHS,
    )
    assert len(ended.effects) >= 12, ended.effects


def test_a_namespace_that_went_first(node: Node) -> None:
    def gone() -> Pod:
        pod, _ = node.added("full-0", deviceID=untouched())
        node.kubelet.remove_namespace(pod.netns)
        return pod

    ended = wire.everywhere(node, "DEL", gone, lambda pod, _: node.deleted(pod), deaths=DEATHS)
    assert len(ended.effects) >= 8, ended.effects


@pytest.mark.parametrize(
    ("name", "setting"),
    [("forced-0", "link_state enable"), ("guaranteed-0", "min_tx_rate 10"), ("double-0", "proto 802.1ad")],
)
def test_a_refusal_in_the_middle(node: Node, name: str, setting: str) -> None:
    ended = wire.everywhere(
        node,
        "ADD",
        lambda: node.kubelet.pod(name),
        lambda pod, number: go_on(node, pod, number),
        deaths=DEATHS,
        refused=103,
        deviceID=operators() if name == "forced-0" else untouched(),
    )
    assert ended.failure["msg"].startswith(f"igb refused {setting} for VF ")


def test_a_garbage_collection_that_was_killed(node: Node) -> None:
    peer, _ = node.added("peer-0", deviceID=card.functions()[-1])
    peers = node.left_behind()
    gone, _ = node.added("full-0", deviceID=operators())
    node.kubelet.remove_namespace(gone.netns)
    left, _ = node.added("light-0", deviceID=untouched())
    assert wire.step_by_step(node, "GC", left, **valid(peer)) >= 15
    assert node.left_behind() == peers
    node.deleted(peer)


def test_a_successor_that_takes_from_the_dead_and_was_killed(node: Node) -> None:
    dead: list[Pod] = []

    def next_one() -> Pod:
        pod, _ = node.added("peer-0", deviceID=untouched())
        node.kubelet.remove_namespace(pod.netns)
        dead.append(pod)
        return node.kubelet.pod("light-0")

    def late(pod: Pod, number: int) -> None:
        if number % 2:
            node.deleted(dead[-1])
            go_on(node, pod, number)
        else:
            go_on(node, pod, number)
            node.deleted(dead[-1])

    ended = wire.everywhere(node, "ADD", next_one, late, deaths=DEATHS, until="open", deviceID=untouched())
    assert len(ended.effects) >= 16, ended.effects


def test_a_del_that_comes_when_another_pod_has_the_function(node: Node) -> None:
    dead, _ = node.added("full-0", deviceID=untouched())
    node.kubelet.remove_namespace(dead.netns)
    successor, _ = node.added("light-0", deviceID=untouched())
    peer, _ = node.added("peer-0")
    now, inside = node.left_behind(), node.kubelet.links(successor.netns)
    ended = wire.everywhere(node, "DEL", lambda: dead, lambda pod, _: node.deleted(pod), deaths=DEATHS, left=now)
    assert ended.effects == ["unbind_all, by SqliteLedger.unbind"]
    assert node.kubelet.links(successor.netns) == inside
    assert node.reaches(peer, "10.60.0.42")
    assert node.reaches(successor, "10.60.0.43")
    node.deleted(successor, peer)
