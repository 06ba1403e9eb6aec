"""Messages to nf_tables: byte for byte as nft(8) sends them for the same words, and read back as they were written."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.linux.netlink import codec, nft

if TYPE_CHECKING:
    from podberth.net.ops import Address, Network

GROUP = "masq-banknet-10.90.0.0/16"
SUBNET = ip_network("10.90.0.0/16")
TABLE = "0d00 0100 706f64626572746800 000000"  # NFTA_*_TABLE "podberth"
SET = "1e00 0200 6d6173712d62616e6b6e65742d31302e39302e302e302f313600 0000"  # NFTA_SET_NAME
CHAIN = "1000 0200 706f7374726f7574696e6700"  # NFTA_RULE_CHAIN "postrouting"
KEY = "0c00 0180 0800 0100 0a5a0005"  # NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE 10.90.0.5
COMMENT = "1a00 0600 00 14 62616e6b6e65742f6330666665652f6574683000 0000"  # "banknet/c0ffee/eth0"

names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-./", min_size=1, max_size=100)
networks = st.one_of(
    st.builds(lambda a, p: ip_network((a, p), strict=False), st.ip_addresses(v=4), st.integers(1, 32)),
    st.builds(lambda a, p: ip_network((a, p), strict=False), st.ip_addresses(v=6), st.integers(1, 128)),
)


def test_an_element_is_what_nft_sends_for_it() -> None:
    kind, flags, body = nft.new_element(GROUP, ip_address("10.90.0.5"), "banknet/c0ffee/eth0", only_new=False)
    assert (kind, flags) == (0x0A0C, codec.CREATE)
    elements = f"3000 0380 2c00 0180 {KEY} {COMMENT}"
    assert body == bytes.fromhex(f"01000000 {TABLE} {SET} {elements}")


def test_only_a_new_element_must_not_be_there() -> None:
    _, flags, _ = nft.new_element(GROUP, ip_address("10.90.0.5"), "x", only_new=True)
    assert flags == codec.CREATE | codec.EXCL


def test_what_is_deleted_is_known_by_its_key_alone() -> None:
    assert nft.delete_element(GROUP, ip_address("10.90.0.5")) == (
        0x0A0E,
        0,
        bytes.fromhex(f"01000000 {TABLE} {SET} 1400 0380 1000 0180 {KEY}"),
    )


def test_table_chain_and_set_are_what_nft_sends_for_them() -> None:
    (_, _, table), (_, _, chain), (_, _, made) = nft.frame(GROUP, 4)
    said = "1500 0600 00 0f 706f6462657274682773206f776e00 000000"  # its comment, "podberth's own"
    assert table == bytes.fromhex(f"01000000 {TABLE} 0800 0200 00000000 {said}")
    hook = "1400 0480 0800 0100 00000004 0800 0200 00000064"  # postrouting, priority srcnat
    assert chain == bytes.fromhex(
        f"01000000 {TABLE} 1000 0300 706f7374726f7574696e6700 0800 0700 6e617400 0800 0500 00000001 {hook}"
    )
    key = "0800 0300 00000000 0800 0400 00000007 0800 0500 00000004"  # no flags, ipv4_addr, of 4 bytes
    assert made == bytes.fromhex(f"01000000 {TABLE} {SET} {key} 0800 0a00 00000001 0a00 0d00 000402000000 0000")


def test_a_set_of_ipv6_addresses_says_so() -> None:
    *_, (_, _, made) = nft.frame("g", 6)
    found = codec.attributes(made[4:])
    assert (found[4], found[5]) == ((8).to_bytes(4, "big"), (16).to_bytes(4, "big"))


@pytest.mark.parametrize(
    ("subnet", "shape"),
    [
        (SUBNET, ("meta", "02", "12+4", "lookup", "16+2", "!0a5a", "16+4", "&f0000000", "!e0000000", "masq")),
        (
            ip_network("10.90.16.0/20"),
            (
                "meta",
                "02",
                "12+4",
                "lookup",
                "16+4",
                "&fffff000",
                "!0a5a1000",
                "16+4",
                "&f0000000",
                "!e0000000",
                "masq",
            ),
        ),
        (
            ip_network("fd00:60::/64"),
            ("meta", "0a", "8+16", "lookup", "24+8", "!fd00006000000000", "24+1", "!ff", "masq"),
        ),
    ],
)
def test_a_rule_spares_the_subnet_and_multicast(subnet: Network, shape: tuple[str, ...]) -> None:
    assert nft.shape_of("g", subnet) == shape


@given(names, networks)
def test_a_rule_is_read_as_it_was_written(group: str, subnet: Network) -> None:
    _, flags, body = nft.rule(group, subnet)
    assert flags == codec.CREATE | nft.APPEND
    read = nft.parse_rule(body + codec.attribute(3, bytes(7) + b"\5"))
    assert (read.group, read.handle) == (group, bytes(7) + b"\5")
    assert read.shape == nft.shape_of(group, subnet)


@given(names, st.ip_addresses(), st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_an_element_is_read_as_it_was_written(group: str, address: Address, comment: str) -> None:
    _, _, body = nft.new_element(group, address, comment, only_new=True)
    assert list(nft.parse_elements(body)) == [(address.packed, comment)]
    assert nft.parse_set(nft.delete_set(group)[2]) == group


def test_an_element_without_a_comment_is_nobodys() -> None:
    assert list(nft.parse_elements(nft.element(GROUP, ip_address("10.90.0.5")))) == [(b"\x0a\x5a\0\5", "")]


def test_a_generation_goes_with_the_beginning_of_a_transaction() -> None:
    assert nft.begin(0) == nft.end() == bytes.fromhex("0000 000a")
    assert nft.begin(7) == bytes.fromhex("0000 000a 0800 0100 00000007")
    assert nft.parse_generation(bytes.fromhex("00000000 0800 0100 00000007")) == 7
