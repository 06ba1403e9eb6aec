"""What the metrics say of a node that is not fit: space that was given up, links that are gone; and what it follows."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from podberth.agent.metrics import Pools, Watches
from podberth.cni.errors import StoreFailed
from podberth.cni.pod import Attachment
from podberth.cni.value import replace
from podberth.net.facts import NetnsId
from podberth.net.ops import CreateMacvlan
from podberth.net.record import Record
from podberth.net.step import Step

if TYPE_CHECKING:
    from podberth.kube.follow import Follower
    from podberth.verbs.node import Node

RECORD = Record(
    attachment=Attachment(network="n", container_id="c", ifname="eth0"),
    pod=None,
    netns="/run/netns/c",
    netns_id=NetnsId(device=4, inode=1),
    steps=(Step(op=CreateMacvlan(parent="eth7", mode="bridge", netns="/run/netns/c", ifname="eth0")),),
    done=True,
    since=0,
)


def node(*records: Record, held: bool, broken: bool = False) -> Node:
    def every() -> tuple[Record, ...]:
        if broken:
            raise StoreFailed("the file is gone")
        return records

    made = SimpleNamespace(
        attachments=SimpleNamespace(all=every),
        room=SimpleNamespace(held=held),
        host=SimpleNamespace(named=lambda _: None),
        ledger=SimpleNamespace(usage=lambda: ()),
    )
    return cast("Node", made)


def values(*nodes: Node) -> dict[str, float]:
    """Return the figures without labels."""
    families = Pools(lambda: iter(nodes)).collect()
    return {sample.name: sample.value for family in families for sample in family.samples}


@pytest.mark.parametrize(("held", "given_up"), [(True, 0), (False, 1)])
def test_a_store_whose_space_for_dels_is_in_use_is_counted(held: bool, given_up: int) -> None:
    assert values(node(RECORD, held=held))["podberth_reserves_given_up"] == given_up


def test_a_store_without_attachments_has_given_up_nothing() -> None:
    assert values(node(held=False))["podberth_reserves_given_up"] == 0


def test_links_that_live_pods_stand_on_and_that_are_gone_are_counted_once_for_each_store() -> None:
    other = replace(RECORD, attachment=replace(RECORD.attachment, ifname="net1"))
    found = values(node(RECORD, other, held=True), node(RECORD, held=True), node(held=True))
    assert (found["podberth_parents_missing"], found["podberth_attachments"]) == (2, 3)


def test_a_store_that_can_not_be_read_hides_no_other() -> None:
    assert values(node(held=True, broken=True), node(RECORD, held=False))["podberth_reserves_given_up"] == 1


def follower(plural: str, *, synced: bool) -> Follower:
    made = SimpleNamespace(plural=plural, synced=Event())
    if synced:
        made.synced.set()
    return cast("Follower", made)


def test_each_resource_that_is_followed_says_how_many_collections_of_it_are_heard_and_how_many_are_not() -> None:
    followers = (follower("pods", synced=True), follower("pods", synced=False), follower("namespaces", synced=True))
    (family,) = Watches(lambda: followers).collect()
    found = {tuple(sample.labels.values()): sample.value for sample in family.samples}
    assert found == {
        ("namespaces", "heard"): 1,
        ("namespaces", "unheard"): 0,
        ("pods", "heard"): 1,
        ("pods", "unheard"): 1,
    }


def test_a_node_that_follows_nothing_says_nothing_of_it() -> None:
    assert list(Watches(tuple).collect()) == []
