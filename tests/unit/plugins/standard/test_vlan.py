"""The `vlan` type: its master is named, and its VLAN is within the range."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.errors import InvalidConfig, Unfit
from podberth.net import ops
from podberth.plugins.standard import vlan
from tests.unit.plugins.standard.plans import NETNS, described, planned

NODE = described("up0", in_pod="in0", default="up0")


def made(**said: Any) -> ops.CreateVlan:
    first = planned(vlan, NODE, **said).ops[0]
    assert isinstance(first, ops.CreateVlan)
    return first


@pytest.mark.parametrize("tag", [0, 1, 4094])
def test_it_is_that_vlan_of_the_master(tag: int) -> None:
    wanted = ops.CreateVlan(parent="up0", tag=tag, netns=NETNS, ifname="eth0")
    assert made(master="up0", vlanId=tag) == wanted


def test_a_link_of_the_pod_may_be_its_master() -> None:
    assert made(master="in0", vlanId=5, linkInContainer=True).in_pod


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({"vlanId": 5}, "master"),
        ({"master": "", "vlanId": 5}, "master"),
        ({"master": "up0", "vlanId": 4095}, "vlanId"),
        ({"master": "up0", "vlanId": -1}, "vlanId"),
        ({"master": "up0", "vlanId": 5, "mtu": 1501}, "mtu"),
    ],
)
def test_the_error_names_the_key(said: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{at}: "):
        made(**said)


def test_a_node_without_the_master_gets_it_back_one_day() -> None:
    with pytest.raises(Unfit, match="no link up9"):
        made(master="up9", vlanId=5)
