"""Frames against bytes worked out by hand from the RFCs, and what a frame claims."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.linux import packets
from podberth.linux.packets import ADVERTISEMENT, REPLY, REQUEST, SOLICITATION, Arp, Neighbour

OURS = "02:00:00:00:00:11"
THEIRS = "02:aa:bb:cc:dd:ee"
V4 = IPv4Address("10.20.0.17")
V6 = IPv6Address("fd00:20::11")
ALL_NODES = IPv6Address("ff02::1")

ARP_PROBE = bytes.fromhex(
    "ffffffffffff 020000000011 0806"
    "0001 0800 06 04 0001"  # Ethernet, IPv4, lengths, request
    "020000000011 00000000"  # sender
    "000000000000 0a140011"  # target
)
ARP_ANNOUNCEMENT = bytes.fromhex(
    "ffffffffffff 020000000011 0806 0001 0800 06 04 0001 020000000011 0a140011 000000000000 0a140011"
)
NEIGHBOUR_PROBE = bytes.fromhex(
    "3333ff000011 020000000011 86dd"
    "60000000 0018 3a ff"  # version 6, 24 bytes of ICMPv6, hop limit 255
    "00000000000000000000000000000000 ff0200000000000000000001ff000011"
    "87 00 7d65 00000000 fd000020000000000000000000000011"
)
NEIGHBOUR_ANNOUNCEMENT = bytes.fromhex(
    "333300000001 020000000011 86dd"
    "60000000 0020 3a ff"
    "fd000020000000000000000000000011 ff020000000000000000000000000001"
    "88 00 5a2b 20000000 fd000020000000000000000000000011"
    "02 01 020000000011"
)

macs = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
v4 = st.integers(0, 2**32 - 1).map(IPv4Address)
# Addresses of one host: neither multicast nor '::'.
v6 = st.integers(1, (0xFF << 120) - 1).map(IPv6Address)


def test_arp_probe_has_no_sender_address() -> None:
    assert packets.probe_of(OURS, V4) == ARP_PROBE


def test_arp_announcement_is_a_request_for_the_own_address() -> None:
    assert packets.announcement_of(OURS, V4) == ARP_ANNOUNCEMENT


def test_neighbour_probe_goes_to_the_solicited_node_group_from_nobody() -> None:
    assert packets.probe_of(OURS, V6) == NEIGHBOUR_PROBE


def test_neighbour_announcement_overrides_and_goes_to_all_nodes() -> None:
    assert packets.announcement_of(OURS, V6) == NEIGHBOUR_ANNOUNCEMENT


def test_solicited_node_group_keeps_the_last_24_bits() -> None:
    # The example of RFC 4291, section 2.7.1.
    assert packets.solicited_node(IPv6Address("4037::01:800:200e:8c6c")) == IPv6Address("ff02::1:ff0e:8c6c")


@given(macs, v4)
def test_arp_frames_are_read_as_they_were_written(mac: str, address: IPv4Address) -> None:
    none = "00:00:00:00:00:00"
    asked = Arp(operation=REQUEST, sender_mac=mac, sender=IPv4Address(0), target_mac=none, target=address)
    told = Arp(operation=REQUEST, sender_mac=mac, sender=address, target_mac=none, target=address)
    assert packets.parse_arp(packets.arp_probe(mac, address) + bytes(18)) == asked
    assert packets.parse_arp(packets.arp_announcement(mac, address)) == told


@given(macs, v6)
def test_neighbour_frames_are_read_as_they_were_written(mac: str, address: IPv6Address) -> None:
    asked = Neighbour(kind=SOLICITATION, frame_mac=mac, source=IPv6Address("::"), target=address, link_mac=None)
    told = Neighbour(kind=ADVERTISEMENT, frame_mac=mac, source=address, target=address, link_mac=mac, override=True)
    assert packets.parse_neighbour(packets.neighbour_probe(mac, address)) == asked
    assert packets.parse_neighbour(packets.neighbour_announcement(mac, address) + b"padding") == told


@given(st.binary(max_size=200))
def test_junk_is_no_packet(junk: bytes) -> None:
    assert packets.parse_arp(junk) is None
    assert packets.parse_neighbour(junk) is None


@given(st.sampled_from([ARP_PROBE, ARP_ANNOUNCEMENT, NEIGHBOUR_PROBE, NEIGHBOUR_ANNOUNCEMENT]), st.data())
def test_a_damaged_frame_never_raises(frame: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(frame) - 1))
    damaged = frame[:place] + data.draw(st.binary(max_size=40)) + frame[place + 1 :]
    for address in (V4, V6):
        claimed = packets.claimant(damaged, address, OURS)
        assert claimed is None or len(claimed) == 17


@given(st.sampled_from([NEIGHBOUR_PROBE, NEIGHBOUR_ANNOUNCEMENT]), st.data())
def test_a_flipped_bit_in_a_neighbour_message_is_noticed(frame: bytes, data: st.DataObject) -> None:
    # The checksum covers addresses and message; the rest of the header is compared.
    bit = data.draw(st.integers(22 * 8, len(frame) * 8 - 1))
    damaged = bytearray(frame)
    damaged[bit // 8] ^= 1 << bit % 8
    assert packets.parse_neighbour(bytes(damaged)) is None


@pytest.mark.parametrize("frame", [ARP_PROBE, ARP_ANNOUNCEMENT])
def test_every_truncated_arp_frame_is_refused(frame: bytes) -> None:
    assert [size for size in range(len(frame)) if packets.parse_arp(frame[:size])] == []


@pytest.mark.parametrize("frame", [NEIGHBOUR_PROBE, NEIGHBOUR_ANNOUNCEMENT])
def test_every_truncated_neighbour_frame_is_refused(frame: bytes) -> None:
    assert [size for size in range(len(frame)) if packets.parse_neighbour(frame[:size])] == []


@pytest.mark.parametrize(
    ("offset", "octets"),
    [
        pytest.param(12, "0800", id="not ARP's Ethernet type"),
        pytest.param(14, "0006", id="IEEE 802 hardware"),
        pytest.param(16, "86dd", id="IPv6 addresses"),
        pytest.param(18, "08", id="8-byte hardware addresses"),
        pytest.param(19, "10", id="16-byte addresses"),
        pytest.param(20, "0003", id="reverse ARP"),
    ],
)
def test_another_kind_of_arp_is_refused(offset: int, octets: str) -> None:
    assert packets.parse_arp(changed(ARP_ANNOUNCEMENT, offset, octets)) is None


def test_whoever_sends_arp_from_the_address_has_it() -> None:
    assert packets.claimant(arp(REPLY, THEIRS, V4, OURS, IPv4Address(0)), V4, OURS) == THEIRS
    assert packets.claimant(arp(REQUEST, THEIRS, V4, OURS, IPv4Address("10.20.0.1")), V4, OURS) == THEIRS
    assert packets.claimant(packets.announcement_of(THEIRS, V4), V4, OURS) == THEIRS


def test_an_answer_counts_even_from_a_mac_that_is_ours() -> None:
    assert packets.claimant(arp(REPLY, OURS, V4, OURS, IPv4Address(0)), V4, OURS) == OURS


def test_another_host_that_probes_at_the_same_time_is_a_claimant_and_our_own_probe_is_not() -> None:
    for address in (V4, V6):
        assert packets.claimant(packets.probe_of(THEIRS, address), address, OURS) == THEIRS
        assert packets.claimant(packets.probe_of(OURS, address), address, OURS) is None


def test_looking_for_the_holder_claims_nothing() -> None:
    assert packets.claimant(arp(REQUEST, THEIRS, IPv4Address("10.20.0.1"), OURS, V4), V4, OURS) is None
    assert packets.claimant(arp(REPLY, THEIRS, IPv4Address("10.20.0.1"), OURS, V4), V4, OURS) is None
    looking = neighbour(f"87000000 00000000 {V6.packed.hex()} 0101 02aabbccddee", source=IPv6Address("fd00:20::1"))
    assert packets.parse_neighbour(looking) is not None
    assert packets.claimant(looking, V6, OURS) is None


def test_a_claim_of_another_address_is_no_claim() -> None:
    for address, other in ((V4, IPv4Address("10.20.0.18")), (V6, IPv6Address("fd00:20::12"))):
        assert packets.claimant(packets.announcement_of(THEIRS, other), address, OURS) is None
        assert packets.claimant(packets.probe_of(THEIRS, other), address, OURS) is None


def test_the_target_link_layer_option_names_the_holder_and_without_it_the_sender_does() -> None:
    with_option = neighbour(f"88000000 20000000 {V6.packed.hex()} 0201 020000000099")
    without = neighbour(f"88000000 20000000 {V6.packed.hex()}")
    assert packets.claimant(with_option, V6, OURS) == "02:00:00:00:00:99"
    assert packets.claimant(without, V6, OURS) == THEIRS


def test_options_of_other_types_and_sizes_are_passed_over() -> None:
    # A nonce (RFC 3971) of 8 bytes, an option of 16, then the one that counts.
    options = f"0e01 112233445566 6302 {'00' * 14} 0201 020000000099"
    assert packets.claimant(neighbour(f"88000000 20000000 {V6.packed.hex()} {options}"), V6, OURS) == (
        "02:00:00:00:00:99"
    )


@pytest.mark.parametrize(
    ("message", "source", "to"),
    [
        pytest.param("88 01 0000 20000000 {target}", V6, "ff02::1", id="code not 0"),
        pytest.param("85 00 0000 20000000 {target}", V6, "ff02::1", id="router solicitation"),
        pytest.param("88 00 0000 20000000 {target} 0200 020000000099", V6, "ff02::1", id="option without length"),
        pytest.param("88 00 0000 20000000 {target} 0202 020000000099", V6, "ff02::1", id="option over the end"),
        pytest.param("88 00 0000 20000000 {target} 02", V6, "ff02::1", id="half an option"),
        pytest.param("88 00 0000 60000000 {target}", V6, "ff02::1", id="solicited, to a group"),
        pytest.param("88 00 0000 20000000 ff020000000000000000000000000001", V6, "ff02::1", id="target is a group"),
        pytest.param("88 00 0000 20000000 {target}", IPv6Address("ff02::1"), "ff02::1", id="source is a group"),
        pytest.param("87 00 0000 00000000 {target}", IPv6Address("::"), "ff02::1", id="detection, to all nodes"),
        pytest.param(
            "87 00 0000 00000000 {target} 0101 020000000099",
            IPv6Address("::"),
            "ff02::1:ff00:11",
            id="detection, with source link-layer address",
        ),
    ],
)
def test_neighbour_messages_that_rfc_4861_says_to_drop_are_dropped(message: str, source: IPv6Address, to: str) -> None:
    octets = message.format(target=V6.packed.hex())
    assert packets.parse_neighbour(neighbour(octets, source=source, to=IPv6Address(to))) is None


@pytest.mark.parametrize(
    ("offset", "octets"),
    [
        pytest.param(12, "0806", id="Ethernet type"),
        pytest.param(14, "40", id="IP version"),
        pytest.param(20, "00", id="hop-by-hop header"),
        pytest.param(21, "fe", id="a router forwarded it"),
        pytest.param(18, "0017", id="length too small"),
        pytest.param(18, "0019", id="length beyond the frame"),
        pytest.param(56, "0000", id="checksum"),
    ],
)
def test_neighbour_frames_with_a_wrong_header_are_dropped(offset: int, octets: str) -> None:
    assert packets.parse_neighbour(changed(NEIGHBOUR_PROBE, offset, octets)) is None


def changed(frame: bytes, offset: int, octets: str) -> bytes:
    new = bytes.fromhex(octets)
    return frame[:offset] + new + frame[offset + len(new) :]


def arp(operation: int, sender_mac: str, sender: IPv4Address, target_mac: str, target: IPv4Address) -> bytes:
    head = f"ffffffffffff {sender_mac} 0806 0001 0800 06 04 {operation:04x}"
    tail = f"{sender_mac} {sender.packed.hex()} {target_mac} {target.packed.hex()}"
    return bytes.fromhex(f"{head} {tail}".replace(":", ""))


def neighbour(message: str, *, source: IPv6Address = V6, to: IPv6Address = ALL_NODES) -> bytes:
    """Return a frame from THEIRS with the ICMPv6 message, its checksum as RFC 1071 adds it."""
    octets = bytes.fromhex(message)
    pseudo = source.packed + to.packed + len(octets).to_bytes(4, "big") + (58).to_bytes(4, "big")
    total = 0
    padded = pseudo + octets + bytes(len(octets) % 2)
    for place in range(0, len(padded), 2):
        total += int.from_bytes(padded[place : place + 2], "big")
        total = (total & 0xFFFF) + (total >> 16)
    octets = octets[:2] + (~total & 0xFFFF).to_bytes(2, "big") + octets[4:]
    head = f"333300000001 {THEIRS.replace(':', '')} 86dd 60000000 {len(octets):04x} 3aff"
    return bytes.fromhex(head) + source.packed + to.packed + octets
