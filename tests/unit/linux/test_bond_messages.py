"""Requests about bonds against pyroute2, and what a kernel says of one."""

from __future__ import annotations

from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from podberth.linux.netlink import bonds, codec, links

EVERYTHING: dict[str, object] = {
    "mode": "active-backup",
    "miimon": 100,
    "fail_over_mac": "active",
    "xmit_hash_policy": "layer2+3",
    "all_slaves_active": True,
    "tlb_dynamic_lb": False,
}


def decoded(body: bytes) -> Any:
    message = ifinfmsg(codec.message(16, 0, 1, body))
    message.decode()
    return message


def data(body: bytes) -> dict[str, Any]:
    info = decoded(body).get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_KIND") == "bond"
    return dict(info.get_attr("IFLA_INFO_DATA")["attrs"])


def test_a_bond_is_podberths_and_down_and_has_no_more_than_is_said() -> None:
    read = decoded(bonds.bond("eth0", None, {"mode": "802.3ad", "miimon": 50}))
    assert (read["flags"], read["change"], read.get_attr("IFLA_IFNAME")) == (0, 0, "eth0")
    assert (read.get_attr("IFLA_GROUP"), read.get_attr("IFLA_MTU")) == (links.GROUP, None)
    assert data(bonds.bond("eth0", 1400, {"mode": "802.3ad", "miimon": 50})) == {
        "IFLA_BOND_MODE": 4, "IFLA_BOND_MIIMON": 50,
    }  # fmt: skip
    assert decoded(bonds.bond("eth0", 1400, {"mode": "broadcast"})).get_attr("IFLA_MTU") == 1400


def test_each_option_is_where_the_kernel_reads_it() -> None:
    assert data(bonds.bond("eth0", None, EVERYTHING)) == {
        "IFLA_BOND_MODE": 1,
        "IFLA_BOND_MIIMON": 100,
        "IFLA_BOND_FAIL_OVER_MAC": 1,
        "IFLA_BOND_XMIT_HASH_POLICY": 2,
        "IFLA_BOND_ALL_SLAVES_ACTIVE": 1,
        "IFLA_BOND_TLB_DYNAMIC_LB": 0,
    }


@pytest.mark.parametrize("mode", bonds.MODES)
@pytest.mark.parametrize("policy", bonds.XMIT_HASH_POLICIES)
def test_what_is_asked_for_is_read_back(mode: str, policy: str) -> None:
    said = {**EVERYTHING, "mode": mode, "xmit_hash_policy": policy}
    assert bonds.parse(bonds.bond("eth0", None, said)) == bonds.BondInfo(**said)  # type: ignore[arg-type]


def test_a_mode_that_has_no_word_here_is_shown_by_its_number() -> None:
    body = bonds.bond("eth0", None, {"mode": "broadcast"})
    unknown = body.replace(bytes.fromhex("05000100 03"), bytes.fromhex("05000100 0b"))
    found = bonds.parse(unknown)
    assert found is not None
    assert found.mode == "11"


@pytest.mark.parametrize("body", [b"", bytes(16), links.bridge("br0", vlan_filtering=False)])
def test_another_link_is_no_bond(body: bytes) -> None:
    assert bonds.parse(body) is None
