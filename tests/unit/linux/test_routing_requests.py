"""What is sent to the kernel about rules, tables, VRFs and attributes, decoded by pyroute2."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from pyroute2.netlink.rtnl.fibmsg import fibmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from podberth.cni.result import Route
from podberth.linux.netlink import codec, links, routes, rules


def decoded(kind: Any, body: bytes) -> Any:
    message = kind(codec.message(16, 0, 1, body))
    message.decode()
    return message


@pytest.mark.parametrize("source", ["10.1.0.5", "fd00::5"])
@pytest.mark.parametrize("table", [100, 1000])
def test_a_rule_leads_packets_of_one_address_to_a_table(source: str, table: int) -> None:
    body = rules.to_table(ip_address(source), table)
    read = decoded(fibmsg, body)
    assert (read["src_len"], read["action"]) == (32 if "." in source else 128, 1)
    assert (read.get_attr("FRA_SRC"), read.get_attr("FRA_TABLE"), read.get_attr("FRA_PROTOCOL")) == (source, table, 112)
    assert rules.parse(body) == rules.Rule(source=ip_network(source), table=table, ours=True)


def test_a_rule_of_no_source_is_for_any_packet() -> None:
    assert rules.parse(rules.every(4)) == rules.Rule(source=None, table=0, ours=None)


@pytest.mark.parametrize("table", [100, 1000])
def test_a_route_elsewhere_is_the_same_but_for_its_table(table: int) -> None:
    route = Route(dst=ip_network("10.9.0.0/16"), gw=ip_address("10.1.0.1"), mtu=1300, priority=7)
    shown = routes.add(5, route) + codec.attribute(12, bytes(32))  # RTA_CACHEINFO, as the kernel shows it
    body = routes.elsewhere(shown, table)
    read = decoded(rtmsg, body)
    assert (read["table"], read.get_attr("RTA_TABLE")) == (table if table < 256 else 0, table)
    assert (read.get_attr("RTA_GATEWAY"), read.get_attr("RTA_PRIORITY")) == ("10.1.0.1", 7)
    assert read.get_attr("RTA_CACHEINFO") is None
    assert (routes.table_of(shown), routes.table_of(body)) == (254, table)
    assert routes.elsewhere(body, 254) == routes.elsewhere(shown, 254)


def test_the_ends_of_a_route_are_its_gateway_and_its_source() -> None:
    route = routes.add(5, Route(dst=ip_network("10.9.0.0/16"), gw=ip_address("10.1.0.1")))
    assert routes.ends(route) == (ip_address("10.1.0.1"),)
    assert routes.ends(route + codec.attribute(7, bytes((10, 1, 0, 5)))) == (
        ip_address("10.1.0.1"), ip_address("10.1.0.5"),
    )  # fmt: skip
    assert routes.ends(routes.add(5, Route(dst=ip_network("fd00::/64")))) == ()
    assert not routes.of_kernel(route)


def test_a_vrf_is_up_and_has_its_table() -> None:
    body = links.vrf("red", 100_000)
    read = decoded(ifinfmsg, body)
    info = read.get_attr("IFLA_LINKINFO")
    assert (info.get_attr("IFLA_INFO_KIND"), read["flags"] & 1) == ("vrf", 1)
    assert info.get_attr("IFLA_INFO_DATA").get_attr("IFLA_VRF_TABLE") == 100_000
    assert links.vrf_table(body) == 100_000
    assert links.vrf_table(links.ifb("pi0")) == 0


@pytest.mark.parametrize("on", [False, True])
def test_a_flag_is_set_and_no_other(on: bool) -> None:
    read = decoded(ifinfmsg, links.set_flag(7, links.ALLMULTI, on=on))
    assert (read["index"], read["flags"], read["change"]) == (7, 0x200 if on else 0, 0x200)
    assert decoded(ifinfmsg, links.set_queue(7, 500)).get_attr("IFLA_TXQLEN") == 500


def test_the_namespace_of_a_link_below_is_a_number_of_the_asked_one() -> None:
    there = links.by_index(7)
    assert links.below_nsid(there) == -1
    assert links.below_nsid(there + codec.u32(37, 3)) == 3
    assert links.parse_nsid(bytes(4) + codec.u32(1, 3)) == 3
    assert links.parse_nsid(bytes(4) + codec.u32(1, 2**32 - 1)) == -1
