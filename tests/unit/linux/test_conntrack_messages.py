"""Flows that the kernel follows: which one is meant, and what it is deleted by."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from podberth.linux.netlink import codec, conntrack
from podberth.linux.netlink.codec import attribute, nested

HEADER = bytes([2, 0, 0, 0])


def flow(protocol: int = 17, port: int = 53, address: str = "192.0.2.1") -> bytes:
    """Return a flow as the kernel tells of it: original tuple, reply, timeout, ID and zone."""
    ip = nested(1, attribute(1, ip_address("192.0.2.9").packed), attribute(2, ip_address(address).packed))
    ports = nested(2, attribute(1, bytes([protocol])), attribute(2, b"\x10\0"), attribute(3, port.to_bytes(2, "big")))
    return (
        HEADER
        + nested(1, ip, ports)
        + nested(2)
        + attribute(7, bytes(4))
        + attribute(12, b"idid")
        + attribute(18, b"\0\1")
    )


def test_the_kernel_is_asked_for_one_port_of_udp() -> None:
    found = codec.attributes(conntrack.udp_to(4, 53)[4:])
    assert codec.attributes(codec.attributes(found[1])[2]) == {1: b"\x11", 3: b"\0\x35"}
    assert codec.attributes(found[25]) == {1: (0x28).to_bytes(4, "little")}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [(flow(), True), (flow(protocol=6), False), (flow(port=54), False), (HEADER, False)],
    ids=["udp", "tcp", "another port", "nothing"],
)
def test_a_kernel_that_gives_all_flows_is_understood(body: bytes, wanted: bool) -> None:
    assert conntrack.is_udp_to(body, 4, 53, None) is wanted


def test_a_mapping_of_one_address_is_about_flows_to_that_alone() -> None:
    assert conntrack.is_udp_to(flow(), 4, 53, ip_address("192.0.2.1").packed)
    assert not conntrack.is_udp_to(flow(), 4, 53, ip_address("192.0.2.7").packed)


def test_a_flow_is_deleted_by_its_tuple_id_and_zone() -> None:
    told, deleted = codec.attributes(flow()[4:]), codec.attributes(conntrack.delete(flow(), 4)[4:])
    assert deleted == {kind: told[kind] for kind in (1, 12, 18)}
