"""What could put a pod into another VLAN than its own: a bridge, a port or a device that is not as its name says."""

from __future__ import annotations

import json
from ipaddress import ip_interface
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import KernelRefused, TryAgainLater
from podberth.cni.pod import Attachment
from podberth.linux import abilities
from podberth.net import ops
from podberth.net.apply import apply, revert
from podberth.net.endpoint import Endpoint
from podberth.net.seen import FILTER_VLANS, VLAN_DEVICES
from podberth.net.settings import Settings, Vlan
from podberth.plugins import podberth
from tests.hosts import plan_of
from tests.netns.kubelet import run
from tests.netns.linux.conftest import Ground, made_ground

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.net.step import Step

ON_BRIDGE = podberth.Conf(kind="bridge", parent="bank0")
ON_UPLINK = podberth.Conf(kind="macvlan", parent="up0", mode="bridge")


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with made_ground(tmp_path) as made:
        made.ip("link", "add", "up0", "type", "veth", "peer", "name", "up1")
        for name in ("up0", "up1"):
            made.ip("link", "set", name, "addrgenmode", "none", "up")
        yield made


def in_vlan(ground: Ground, conf: podberth.Conf, vlan: int) -> list[Step]:
    end = Endpoint(
        attachment=Attachment(network="banknet", container_id="c0ffee", ifname="eth0"),
        netns=ground.pod,
        addresses=(ip_interface("10.20.0.11/24"),),
        gateways=(None,),
        settings=Settings(vlan=Vlan(id=vlan)),
    )
    return [ground.host.prepare(op) for op in plan_of(ground.host, conf, end)]


def drifts(ground: Ground, steps: list[Step]) -> list[str]:
    return [str(drift) for step in steps for drift in ground.host.check(step)]


def port_vlans(ground: Ground, port: str) -> list[int]:
    shown = json.loads(run("bridge", "-n", ground.node, "-json", "vlan", "show", "dev", port))
    return [member["vlan"] for entry in shown for member in entry["vlans"]]


def test_this_kernel_is_known_to_have_vlans() -> None:
    assert [abilities.tried(each.ability) for each in (FILTER_VLANS, VLAN_DEVICES)] == [True, True]


def test_a_bridge_made_without_filtering_since_the_plan_is_not_joined(ground: Ground) -> None:
    steps = in_vlan(ground, ON_BRIDGE, 100)
    ground.ip("link", "add", "bank0", "type", "bridge")
    before = ground.state()
    with pytest.raises(TryAgainLater, match="bank0 does not filter VLANs"):
        apply(ground.host, steps, ground.pod_id)
    assert ground.state() == before


def test_check_says_when_somebody_has_switched_filtering_off(ground: Ground) -> None:
    steps = in_vlan(ground, ON_BRIDGE, 100)
    apply(ground.host, steps, ground.pod_id)
    assert drifts(ground, steps) == []
    ground.ip("link", "set", "bank0", "type", "bridge", "vlan_filtering", "0")
    assert drifts(ground, steps) == ["bank0: vlan_filtering: expected 1, found 0"]


@pytest.mark.parametrize("default", [0, 1, 10, 100])
def test_a_port_leaves_whatever_vlan_the_bridge_puts_new_ports_into(ground: Ground, default: int) -> None:
    ground.ip("link", "add", "bank0", "type", "bridge", "vlan_filtering", "1", "vlan_default_pvid", str(default))
    ground.ip("link", "set", "bank0", "up")
    steps = in_vlan(ground, ON_BRIDGE, 100)
    apply(ground.host, steps, ground.pod_id)
    joined = next(step.op for step in steps if isinstance(step.op, ops.JoinBridge))
    assert port_vlans(ground, joined.link) == [100]
    assert drifts(ground, steps) == []


@pytest.mark.parametrize(
    "made", [("link", "up0", "type", "vlan", "id", "200"), ("link", "up1", "type", "vlan", "id", "100")]
)
def test_a_device_named_like_a_vlan_but_of_another_is_refused_and_stays(ground: Ground, made: tuple[str, ...]) -> None:
    ground.ip("link", "add", made[0], made[1], "name", "up0.100", *made[2:])
    ground.ip("link", "set", "up0.100", "addrgenmode", "none", "up")
    steps = in_vlan(ground, ON_UPLINK, 100)
    before = ground.state()
    with pytest.raises(KernelRefused, match=r"up0\.100 is not VLAN 100 of up0"):
        apply(ground.host, steps, ground.pod_id)
    ground.host.remove_vlan_device("up0.100")
    assert ground.state() == before


def test_an_operators_vlan_device_is_used_and_stays(ground: Ground) -> None:
    ground.ip("link", "add", "link", "up0", "name", "up0.100", "type", "vlan", "id", "100")
    ground.ip("link", "set", "up0.100", "addrgenmode", "none", "up")
    before = ground.state()
    steps = in_vlan(ground, ON_UPLINK, 100)
    apply(ground.host, steps, ground.pod_id)
    assert drifts(ground, steps) == []
    revert(ground.host, steps, ground.pod_id)
    ground.host.remove_vlan_device("up0.100")
    assert ground.state() == before


def test_a_parent_that_is_down_is_named_as_the_cause(ground: Ground) -> None:
    ground.ip("link", "set", "up0", "down")
    before = ground.state()
    with pytest.raises(KernelRefused, match="ENETDOWN") as refused:
        apply(ground.host, in_vlan(ground, ON_UPLINK, 100), ground.pod_id)
    assert "ip link set PARENT up" in refused.value.details
    assert ground.state() == before
