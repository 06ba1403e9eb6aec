"""What is sent to the kernel, decoded by pyroute2: it has to read in every message what was meant."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from podberth.cni.result import Route
from podberth.linux.netlink import addresses, codec, links, port_vlans, routes


def decoded(kind: Any, body: bytes) -> Any:
    message = kind(codec.message(16, 0, 1, body))
    message.decode()
    return message


def test_a_veth_pair_is_one_message_with_both_ends() -> None:
    read = decoded(ifinfmsg, links.veth("pbhost", "eth0", 7, "02:50:0a:00:00:01", 1400))
    assert read.get_attr("IFLA_IFNAME") == "pbhost"
    assert read.get_attr("IFLA_GROUP") == links.GROUP
    info = read.get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_KIND") == "veth"
    peer = info.get_attr("IFLA_INFO_DATA").get_attr("VETH_INFO_PEER")
    assert peer.get_attr("IFLA_IFNAME") == "eth0"
    assert peer.get_attr("IFLA_ADDRESS") == "02:50:0a:00:00:01"
    assert peer.get_attr("IFLA_MTU") == 1400
    assert peer.get_attr("IFLA_NET_NS_FD") == 7
    assert peer.get_attr("IFLA_GROUP") == links.GROUP


@pytest.mark.parametrize("filtering", [False, True])
def test_a_bridge_is_up_and_filters_only_if_asked(filtering: bool) -> None:
    read = decoded(ifinfmsg, links.bridge("bank0", vlan_filtering=filtering))
    assert (read["flags"] & 1, read["change"] & 1) == (1, 1)
    info = read.get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_KIND") == "bridge"
    data = info.get_attr("IFLA_INFO_DATA")
    assert (data.get_attr("IFLA_BR_VLAN_FILTERING") if data else None) == (1 if filtering else None)


@pytest.mark.parametrize("mode", links.MACVLAN_MODES)
def test_a_macvlan_names_its_parent_mode_and_namespace(mode: str) -> None:
    read = decoded(ifinfmsg, links.stacked("eth0", 12, 9, links.macvlan_data(mode), None, None))
    assert (read.get_attr("IFLA_LINK"), read.get_attr("IFLA_NET_NS_FD")) == (12, 9)
    info = read.get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_KIND") == "macvlan"
    assert info.get_attr("IFLA_INFO_DATA").get_attr("IFLA_MACVLAN_MODE") == mode


@pytest.mark.parametrize(("mode", "code"), links.IPVLAN_MODES.items())
def test_an_ipvlan_names_its_parent_mode_and_namespace(mode: str, code: int) -> None:
    read = decoded(ifinfmsg, links.stacked("eth0", 12, 9, links.ipvlan_data(mode), None, 1300))
    assert (read.get_attr("IFLA_LINK"), read.get_attr("IFLA_NET_NS_FD"), read.get_attr("IFLA_MTU")) == (12, 9, 1300)
    info = read.get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_KIND") == "ipvlan"
    assert info.get_attr("IFLA_INFO_DATA").get_attr("IFLA_IPVLAN_MODE") == code


def test_a_vlan_device_names_its_tag_and_parent() -> None:
    read = decoded(ifinfmsg, links.vlan("up0.100", 3, 100))
    assert read.get_attr("IFLA_LINK") == 3
    info = read.get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_KIND") == "vlan"
    assert info.get_attr("IFLA_INFO_DATA").get_attr("IFLA_VLAN_ID") == 100


def test_changes_name_the_link_by_its_index() -> None:
    up, master, mac = (
        decoded(ifinfmsg, body)
        for body in (links.set_up(5), links.set_master(5, 8), links.set_mac(5, "02:00:00:00:00:05"))
    )
    assert {read["index"] for read in (up, master, mac)} == {5}
    assert (up["flags"], up["change"]) == (1, 1)
    assert master.get_attr("IFLA_MASTER") == 8
    assert mac.get_attr("IFLA_ADDRESS") == "02:00:00:00:00:05"


def test_a_link_is_set_up_or_made_a_port_by_its_name_where_its_index_is_not_known() -> None:
    up, port = (decoded(ifinfmsg, body) for body in (links.set_up_named("eth0"), links.set_master_named("eth0", 8)))
    assert {(read["index"], read.get_attr("IFLA_IFNAME")) for read in (up, port)} == {(0, "eth0")}
    assert (up["flags"], up["change"]) == (1, 1)
    assert port.get_attr("IFLA_MASTER") == 8


def test_a_link_is_told_to_announce_its_addresses() -> None:
    read = decoded(ifinfmsg, links.set_arp_notify(5))
    inet_conf = bytes.fromhex("0c00 0180 0800 1600 01000000")  # IFLA_INET_CONF: IPV4_DEVCONF_ARP_NOTIFY is 1
    assert read["index"] == 5
    assert read.get_attr("IFLA_AF_SPEC") is not None
    assert links.set_arp_notify(5).endswith(bytes.fromhex("1400 1a80 1000 0280") + inet_conf)


def test_a_port_answers_its_own_frames_when_hairpin_is_asked_for() -> None:
    read = decoded(ifinfmsg, links.set_port(5, hairpin=True, isolated=False))
    info = read.get_attr("IFLA_LINKINFO")
    assert (read["index"], info.get_attr("IFLA_INFO_SLAVE_KIND")) == (5, "bridge")
    assert info.get_attr("IFLA_INFO_SLAVE_DATA").get_attr("IFLA_BRPORT_MODE") == 1


@pytest.mark.parametrize(
    ("vlans", "flags", "said"),
    [
        ([(100, 100)], port_vlans.ACCESS, ["0600 6400"]),
        ([(100, 100)], 0, ["0000 6400"]),
        ([(101, 101), (200, 210)], 0, ["0000 6500", "0800 c800", "1000 d200"]),
    ],
)
def test_a_port_is_put_into_vlans(vlans: list[tuple[int, int]], flags: int, said: list[str]) -> None:
    body = port_vlans.of_port(5, vlans, flags)
    read = decoded(ifinfmsg, body)
    assert (read["family"], read["index"]) == (7, 5)
    assert body[16:] == codec.nested(26, *(codec.attribute(2, bytes.fromhex(each)) for each in said))


def test_a_gateways_pair_is_this_namespaces_and_podberths() -> None:
    read = decoded(ifinfmsg, links.gateway("cni0.7", "pb0", 1400))
    assert (read["flags"] & 1, read.get_attr("IFLA_GROUP"), read.get_attr("IFLA_MTU")) == (0, links.GATEWAY, 1400)
    peer = read.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA").get_attr("VETH_INFO_PEER")
    assert (peer.get_attr("IFLA_IFNAME"), peer.get_attr("IFLA_GROUP")) == ("pb0", links.GATEWAY)


def test_an_ifb_is_podberths_and_not_up_yet() -> None:
    read = decoded(ifinfmsg, links.ifb("pi0"))
    assert (read["flags"] & 1, read["change"] & 1, read.get_attr("IFLA_GROUP")) == (0, 0, links.GROUP)
    assert read.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_KIND") == "ifb"


def test_a_link_to_delete_is_named_by_index_alone() -> None:
    read = decoded(ifinfmsg, links.delete(5))
    assert (read["index"], read["attrs"]) == (5, [])


@pytest.mark.parametrize(
    ("question", "family", "mask"),
    [
        (links.by_name("eth0"), 0, 0x8),
        (links.ports(3), 0, 0x8),
        (links.all_links(), 0, 0x8),
        (port_vlans.every(), 7, 4),
    ],
    ids=["one", "ports", "all", "vlans"],
)
def test_a_question_never_asks_for_statistics_or_virtual_functions(question: bytes, family: int, mask: int) -> None:
    read = decoded(ifinfmsg, question)
    assert (read["family"], read.get_attr("IFLA_EXT_MASK")) == (family, mask)


@pytest.mark.parametrize("text", ["10.20.0.11/24", "10.20.0.11/32", "fd00:20::11/64"])
def test_an_address_is_local_and_of_its_prefix(text: str) -> None:
    address = ip_interface(text)
    read = decoded(ifaddrmsg, addresses.add(4, address))
    assert (read["index"], read["prefixlen"]) == (4, address.network.prefixlen)
    assert read["family"] == (2 if address.version == 4 else 10)
    assert read.get_attr("IFA_LOCAL") == str(address.ip)
    flags = read.get_attr("IFA_FLAGS")
    assert (flags if address.version == 6 else None) == (0x02 if address.version == 6 else None)  # IFA_F_NODAD
    assert addresses.parse(addresses.add(4, address)) == (4, address)


def test_a_route_carries_all_that_it_was_given() -> None:
    route = Route(
        dst=ip_network("192.0.2.0/24"),
        gw=ip_address("10.20.0.1"),
        mtu=1400,
        advmss=1360,
        priority=7,
        table=1000,
        scope=0,
    )
    read = decoded(rtmsg, routes.add(4, route))
    assert (read["dst_len"], read["scope"], read.get_attr("RTA_DST")) == (24, 0, "192.0.2.0")
    assert (read.get_attr("RTA_GATEWAY"), read.get_attr("RTA_OIF")) == ("10.20.0.1", 4)
    assert (read.get_attr("RTA_PRIORITY"), read.get_attr("RTA_TABLE")) == (7, 1000)
    metrics = read.get_attr("RTA_METRICS")
    assert (metrics.get_attr("RTAX_MTU"), metrics.get_attr("RTAX_ADVMSS")) == (1400, 1360)
    assert routes.parse(routes.add(4, route)) == (4, route)


@pytest.mark.parametrize("dst", ["0.0.0.0/0", "::/0"])
def test_a_default_route_names_no_destination(dst: str) -> None:
    read = decoded(rtmsg, routes.add(4, Route(dst=ip_network(dst))))
    assert (read["dst_len"], read.get_attr("RTA_DST")) == (0, None)


@given(st.binary(max_size=200))
def test_junk_in_place_of_attributes_is_a_value_error_or_nothing(junk: bytes) -> None:
    try:
        found = codec.attributes(junk)
    except ValueError:
        return
    assert sum(len(content) + 4 for content in found.values()) <= len(junk) + 3


@given(st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=40)), max_size=8))
def test_attributes_come_back_as_they_went_in(members: list[tuple[int, bytes]]) -> None:
    data = b"".join(codec.attribute(kind, content) for kind, content in members)
    assert list(codec.each_attribute(data)) == members


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=64))
def test_messages_come_back_as_they_went_in(kind: int, sequence: int, body: bytes) -> None:
    data = codec.message(kind, 5, sequence, body)
    assert list(codec.messages(data)) == [codec.Message(kind=kind, flags=5, sequence=sequence, body=body)]


def test_a_message_longer_than_its_datagram_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="in a datagram of 16"):
        list(codec.messages(codec.message(16, 0, 1, b"12345678")[:16]))


@pytest.mark.parametrize(
    ("kind", "flags", "middle"),
    [
        (codec.ERROR, 0x200, codec.message(22, 0x301, 7, b"what was asked for")),  # the request comes back whole
        (codec.ERROR, 0x300, codec.message(22, 0x301, 7, b"")),  # only its header does: NLM_F_CAPPED
        (codec.DONE, 0x202, b""),  # the end of a dump that failed
    ],
    ids=["error", "capped error", "end of a dump"],
)
def test_the_kernels_own_words_are_read_from_every_kind_of_refusal(kind: int, flags: int, middle: bytes) -> None:
    padded = middle + bytes(-len(middle) % 4)
    body = (-22).to_bytes(4, "little", signed=True) + padded + codec.text(1, "Invalid prefix length")
    found = codec.Message(kind=kind, flags=flags, sequence=7, body=body)
    assert codec.error(found) == (22, "Invalid prefix length")


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_the_way_to_an_address_is_asked_for_by_it_alone(address: str) -> None:
    read = decoded(rtmsg, routes.way_to(ip_address(address)))
    assert read.get_attr("RTA_DST") == address
    assert (read["dst_len"], read["table"], read["flags"]) == (ip_address(address).max_prefixlen, 0, 0)


def test_a_way_leads_over_a_link_or_there_is_none() -> None:
    assert routes.link_of(routes.add(4, Route(dst=ip_network("192.0.2.1/32")))) == 4
    assert routes.link_of(None) == 0
