"""What the kernel says, encoded by pyroute2 and read here; and bytes that no kernel sends."""

from __future__ import annotations

import contextlib
from ipaddress import ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from podberth.cni.result import Route
from podberth.cni.value import replace
from podberth.linux.netlink import addresses, codec, links, port_vlans, routes

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = 16  # bytes of struct nlmsghdr
BARE = links.LinkInfo(
    index=7,
    name="up0",
    kind="",
    mac="02:00:00:00:00:07",
    mtu=1500,
    up=True,
    group=0,
    master=0,
    below=0,
    mode=0,
    tag=0,
    vlan_filtering=False,
    default_vlan=0,
    hairpin=False,
    isolated=False,
    queue=0,
    sticky=0,
    running=True,
    altnames=(),
    device="",
)


def encoded(kind: Any, attrs: list[tuple[str, Any]], **header: int) -> bytes:
    message = kind()
    message.setvalue({**header, "attrs": attrs})
    message.encode()
    return bytes(message.data[HEADER:])


def link(*more: tuple[str, Any], kind: str = "", data: list[tuple[str, Any]] | None = None) -> bytes:
    info = [("IFLA_INFO_KIND", kind), *([("IFLA_INFO_DATA", {"attrs": data})] if data else [])]
    attrs = [("IFLA_IFNAME", "up0"), ("IFLA_ADDRESS", BARE.mac), ("IFLA_MTU", 1500), *more]
    if kind:
        attrs.append(("IFLA_LINKINFO", {"attrs": info}))
    return encoded(ifinfmsg, attrs, index=7, flags=0x1043)


READ: dict[str, tuple[bytes, dict[str, object]]] = {
    "a physical device": (link(), {}),
    "one of podberth's": (link(("IFLA_GROUP", links.GROUP)), {"group": links.GROUP}),
    "a port": (link(("IFLA_MASTER", 3)), {"master": 3}),
    "a bridge": (link(kind="bridge", data=[("IFLA_BR_AGEING_TIME", 1)]), {"kind": "bridge"}),
    "a filtering bridge": (
        link(kind="bridge", data=[("IFLA_BR_VLAN_FILTERING", 1)]),
        {"kind": "bridge", "vlan_filtering": True},
    ),
    "a VLAN device": (
        link(("IFLA_LINK", 2), kind="vlan", data=[("IFLA_VLAN_ID", 100), ("IFLA_VLAN_PROTOCOL", 0x8100)]),
        {"kind": "vlan", "below": 2, "tag": 100},
    ),
    "a provider's VLAN device": (
        link(("IFLA_LINK", 2), kind="vlan", data=[("IFLA_VLAN_ID", 100), ("IFLA_VLAN_PROTOCOL", 0x88A8)]),
        {"kind": "vlan", "below": 2, "tag": 0},
    ),
    "a macvlan": (
        link(("IFLA_LINK", 2), kind="macvlan", data=[("IFLA_MACVLAN_MODE", "private")]),
        {"kind": "macvlan", "below": 2, "mode": links.MACVLAN_MODES["private"]},
    ),
    "an ipvlan": (
        link(("IFLA_LINK", 2), kind="ipvlan", data=[("IFLA_IPVLAN_MODE", 1)]),
        {"kind": "ipvlan", "below": 2, "mode": links.IPVLAN_MODES["l3"]},
    ),
}


@pytest.mark.parametrize("what", READ)
def test_a_link_is_read_as_pyroute2_wrote_it(what: str) -> None:
    body, differs = READ[what]
    assert links.parse(body) == replace(BARE, **differs)
    assert links.parse(body).ours == (what == "one of podberth's")


def test_a_link_that_is_down_is_down() -> None:
    assert not links.parse(encoded(ifinfmsg, [("IFLA_IFNAME", "up0")], index=7, flags=0x1002)).up


def test_a_ports_vlans_are_read_with_their_ranges_and_flags() -> None:
    said = ((0x6, 100), (0x0, 200), (0x2, 300), (0x8, 400), (0x10, 402), (0x4, 500))
    members = (codec.attribute(2, flags.to_bytes(2, "little") + vid.to_bytes(2, "little")) for flags, vid in said)
    body = encoded(ifinfmsg, [], index=7, family=7) + codec.nested(26, *members)
    assert port_vlans.parse(body) == (7, {100: port_vlans.ACCESS, 200: 0, 300: 2, 400: 0, 401: 0, 402: 0, 500: 4})


@pytest.mark.parametrize("text", ["10.20.0.11/24", "10.20.0.11/32", "fd00:20::11/64"])
def test_an_address_is_read_as_pyroute2_wrote_it(text: str) -> None:
    address = ip_interface(text)
    family = {4: 2, 6: 10}[address.version]
    attrs = [("IFA_ADDRESS", str(address.ip))]
    body = encoded(ifaddrmsg, attrs, family=family, prefixlen=address.network.prefixlen, index=7)
    assert addresses.parse(body) == (7, address)


def test_the_address_of_a_point_to_point_link_is_its_own_not_its_peers() -> None:
    attrs = [("IFA_ADDRESS", "10.20.0.1"), ("IFA_LOCAL", "10.20.0.11")]
    assert addresses.parse(encoded(ifaddrmsg, attrs, family=2, prefixlen=32, index=7))[1].ip == ip_address("10.20.0.11")


def test_a_route_of_a_table_over_255_is_read_with_that_table() -> None:
    attrs = [("RTA_DST", "192.0.2.0"), ("RTA_OIF", 7), ("RTA_TABLE", 1000), ("RTA_PRIORITY", 5)]
    body = encoded(rtmsg, attrs, family=2, dst_len=24, table=252, scope=253, type=1)
    wanted = Route(dst=ip_network("192.0.2.0/24"), priority=5, table=1000, scope=253, mtu=0, advmss=0)
    assert routes.parse(body) == (7, wanted)


READERS: dict[str, Callable[[bytes], object]] = {
    "link": links.parse,
    "vlans of a port": port_vlans.parse,
    "address": addresses.parse,
    "route": routes.parse,
    "messages": lambda data: list(codec.messages(data)),
    **{
        f"{name} {flags:#x}": lambda body, kind=kind, flags=flags: codec.error(  # type: ignore[misc]
            codec.Message(kind=kind, flags=flags, sequence=0, body=body)
        )
        for name, kind in (("error", codec.ERROR), ("done", codec.DONE))
        for flags in (0, 0x200, 0x300)
    },
}
WHOLE = {
    "link": READ["a macvlan"][0],
    "address": addresses.add(7, ip_interface("fd00:20::11/64")),
    "route": routes.add(7, Route(dst=ip_network("192.0.2.0/24"), gw=ip_address("10.20.0.1"), mtu=1400)),
}


@pytest.mark.parametrize("reader", READERS)
@given(junk=st.binary(max_size=120))
def test_bytes_that_no_kernel_sends_are_a_value_error_at_most(reader: str, junk: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert READERS[reader](junk) is not None


@pytest.mark.parametrize("reader", WHOLE)
@given(data=st.data())
def test_an_answer_with_bytes_cut_off_or_changed_is_a_value_error_at_most(reader: str, data: st.DataObject) -> None:
    body = bytearray(WHOLE[reader])
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=3)):
        body[at] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    with contextlib.suppress(ValueError):
        assert READERS[reader](cut) is not None


@pytest.mark.parametrize("flags", [0, 0x200])
def test_an_error_too_short_for_its_number_is_never_taken_for_success(flags: int) -> None:
    with pytest.raises(ValueError, match="header of 4 bytes in 3"):
        codec.error(codec.Message(kind=codec.ERROR, flags=flags, sequence=0, body=b"\0\0\0"))


@given(st.binary(max_size=64) | st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=9)), max_size=6).map(
    lambda said: b"".join(codec.attribute(kind, content) for kind, content in said)
), st.frozensets(st.integers(0, 0x3FFF) | st.sampled_from([0, 1, 2, 3])))  # fmt: skip
def test_what_is_looked_for_among_attributes_is_what_all_of_them_say(data: bytes, wanted: frozenset[int]) -> None:
    try:
        every = codec.attributes(data)
    except ValueError:
        with pytest.raises(ValueError, match="netlink attribute of"):
            codec.among(data, wanted)
    else:
        assert codec.among(data, wanted) == {kind: content for kind, content in every.items() if kind in wanted}
