"""The `macvlan` type: which link it stands on, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.errors import InvalidConfig, Unfit
from podberth.cni.fields import Fields
from podberth.net import ops
from podberth.plugins.standard import macvlan
from tests.unit.plugins.standard.plans import NETNS, described, planned

NODE = described("up0", "up1", in_pod="in0", default="up1", default_in_pod="in0")


def made(**said: Any) -> ops.CreateMacvlan:
    first = planned(macvlan, NODE, **said).ops[0]
    assert isinstance(first, ops.CreateMacvlan)
    return first


def test_it_stands_on_the_master_with_the_kernels_choices() -> None:
    assert made(master="up0") == ops.CreateMacvlan(parent="up0", mode="bridge", netns=NETNS, ifname="eth0")


def test_the_default_route_decides_where_no_master_is_named() -> None:
    assert made().parent == "up1"
    assert (made(linkInContainer=True).parent, made(linkInContainer=True).in_pod) == ("in0", True)


def test_zeros_of_go_are_not_said() -> None:
    assert made(master="up0", mode="", mtu=0, mac="", bcqueuelen=0) == made(master="up0")


@pytest.mark.parametrize("mtu", [1, 1500])
def test_an_mtu_up_to_the_masters_is_taken(mtu: int) -> None:
    assert made(master="up0", mtu=mtu).mtu == mtu


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({"master": "up0", "mtu": 1501}, "mtu"),
        ({"master": "up0", "mtu": -1}, "mtu"),
        ({"master": "up0", "mode": "l2"}, "mode"),
        ({"master": "up0", "mac": "01:00:5e:00:00:01"}, "mac"),
        ({"master": "up0", "bcqueuelen": -1}, "bcqueuelen"),
        ({"master": "a/b"}, "master"),
        ({"master": "up0", "linkInContainer": True}, "master"),
    ],
)
def test_the_error_names_the_key(said: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{at}: "):
        made(**said)


def test_a_node_without_the_master_gets_it_back_one_day() -> None:
    with pytest.raises(Unfit, match="no link up9"):
        made(master="up9")
    with pytest.raises(Unfit, match="default route"):
        planned(macvlan, described("up0"))


def test_status_asks_for_the_master_of_the_node_alone() -> None:
    for said, wanted in (({"master": "up0"}, ("up0",)), ({"master": "in0", "linkInContainer": True}, ()), ({}, ())):
        assert macvlan.configure(Fields(said).from_go()).stands_on == wanted
