"""The `ipvlan` type: alone by its IPAM plugin, or behind another plugin with that one's link and addresses."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest

from podberth.cni.errors import InvalidConfig
from podberth.net import ops
from podberth.plugins.standard import ipvlan
from tests.unit.plugins.standard.plans import NETNS, described, planned

NODE = described("up0", "up1", default="up1")
BEFORE = {
    "cniVersion": "1.0.0",
    "interfaces": [{"name": "up0"}],
    "ips": [{"address": "10.9.0.5/24", "gateway": "10.9.0.1", "interface": 0}],
    "routes": [{"dst": "0.0.0.0/0"}],
}


def made(**said: Any) -> ops.CreateIpvlan:
    first = planned(ipvlan, NODE, **said).ops[0]
    assert isinstance(first, ops.CreateIpvlan)
    return first


@pytest.mark.parametrize(("said", "mode"), [("", "l2"), ("l2", "l2"), ("l3", "l3"), ("l3s", "l3s")])
def test_it_is_of_the_mode_that_is_said(said: str, mode: str) -> None:
    assert made(master="up0", mode=said) == ops.CreateIpvlan(parent="up0", mode=mode, netns=NETNS, ifname="eth0")


def test_the_default_route_decides_where_no_master_is_named() -> None:
    assert made().parent == "up1"


def test_behind_another_plugin_it_stands_on_the_only_interface_and_takes_the_addresses_over() -> None:
    plan = planned(ipvlan, NODE, prevResult=BEFORE)
    assert (made(prevResult=BEFORE).parent, plan.inherits) == ("up0", True)
    assert ops.AddAddress(netns=NETNS, ifname="eth0", address=ip_interface("10.9.0.5/24")) in plan.ops
    default = ops.AddRoute(netns=NETNS, ifname="eth0", dst=ip_network("0.0.0.0/0"), gw=ip_address("10.9.0.1"))
    assert default in plan.ops


def test_with_an_ipam_plugin_of_its_own_it_leaves_them() -> None:
    plan = planned(ipvlan, NODE, prevResult=BEFORE, ipam={"type": "static"})
    assert not plan.inherits
    assert not any(isinstance(op, ops.AddAddress) for op in plan.ops)


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({"master": "up0", "mode": "bridge"}, "mode"),
        ({"master": "up0", "mtu": 1501}, "mtu"),
        ({"prevResult": {**BEFORE, "interfaces": [{"name": "up0"}, {"name": "up1"}]}}, "master"),
    ],
)
def test_the_error_names_the_key(said: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{at}: "):
        made(**said)
