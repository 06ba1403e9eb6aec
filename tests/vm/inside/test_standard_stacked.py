"""The types `vlan`, `ipvlan` and `macvlan` on a kernel that wants a name to be free on both sides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import KernelRefused
from podberth.linux.netlink import links
from podberth.net import ops
from podberth.net.apply import apply, revert
from tests.netns.kubelet import run
from tests.netns.linux.conftest import Ground, made_ground
from tests.sizes import spread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.net.ops import Op

MADE: dict[str, dict[str, Any]] = {
    "vlan": {"tag": 100},
    "vlan of priorities": {"tag": 0},
    "ipvlan l2": {"mode": "l2"},
    "ipvlan l3": {"mode": "l3"},
    "ipvlan l3s": {"mode": "l3s"},
    "macvlan": {"mode": "bridge", "bcqueuelen": 100},
}
KINDS = {"vlan": ops.CreateVlan, "ipvlan": ops.CreateIpvlan, "macvlan": ops.CreateMacvlan}


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with made_ground(tmp_path) as made:
        for line in ("link add up0 type veth peer name up1", "link set up0 up", "link set up1 up"):
            made.ip(*line.split())
        yield made


def op_of(name: str, ground: Ground, parent: str = "up0", **more: Any) -> Op:
    kind: Any = KINDS[name.split(maxsplit=1)[0]]
    made: Op = kind(parent=parent, netns=ground.pod, ifname="eth0", **MADE[name], **more)
    return made


def shown(ground: Ground) -> dict[str, Any]:
    (link,) = json.loads(run("ip", "-n", ground.pod.rpartition("/")[2], "-j", "-d", "link", "show", "eth0"))
    return dict(link)


@pytest.mark.parametrize("name", spread(MADE, 3))
def test_it_is_made_found_as_made_and_taken_away(ground: Ground, name: str) -> None:
    before = ground.state()
    step = ground.host.prepare(op_of(name, ground, mtu=1400))
    apply(ground.host, [step], ground.pod_id)

    link = shown(ground)
    assert (link["linkinfo"]["info_kind"], link["mtu"]) == (name.split(maxsplit=1)[0], 1400)
    assert int(link["group"]) == links.GROUP
    assert ground.host.check(step) == ()

    revert(ground.host, [step], ground.pod_id)
    assert ground.state() == before


@pytest.mark.parametrize("name", spread(MADE, 2))
def test_a_link_of_the_node_may_have_the_pods_name(ground: Ground, name: str) -> None:
    ground.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0peer")
    before = ground.state()
    step = ground.host.prepare(op_of(name, ground))
    apply(ground.host, [step], ground.pod_id)

    link = shown(ground)
    assert link["linkinfo"]["info_kind"] == name.split(maxsplit=1)[0]
    assert int(link["group"]) == links.GROUP
    assert ground.host.check(step) == ()

    revert(ground.host, [step], ground.pod_id)
    assert ground.state() == before


@pytest.mark.parametrize("name", spread(MADE, 2))
def test_its_parent_may_be_the_pods(ground: Ground, name: str) -> None:
    ground.pod_ip("link", "add", "in0", "type", "veth", "peer", "name", "in1")
    before = ground.state()
    step = ground.host.prepare(op_of(name, ground, "in0", in_pod=True))
    apply(ground.host, [step], ground.pod_id)
    assert ground.host.check(step) == ()

    revert(ground.host, [step], ground.pod_id)
    assert ground.state() == before


def test_a_vlan_is_in_one_pod_alone(ground: Ground) -> None:
    first = ground.host.prepare(op_of("vlan", ground))
    apply(ground.host, [first], ground.pod_id)
    second = ground.host.prepare(ops.CreateVlan(parent="up0", tag=100, netns=ground.pod, ifname="eth1"))
    with pytest.raises(KernelRefused):
        apply(ground.host, [second], ground.pod_id)
    assert ground.host.check(first) == ()


def test_check_sees_another_vlan_of_that_name(ground: Ground) -> None:
    step = ground.host.prepare(op_of("vlan", ground))
    other = ground.host.prepare(ops.CreateVlan(parent="up0", tag=200, netns=ground.pod, ifname="eth0"))
    apply(ground.host, [other], ground.pod_id)
    assert [drift.field for drift in ground.host.check(step)] == ["VLAN"]
