"""What the VM's kernel must offer, or the other tests here prove nothing: links that the host kernel may lack."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def _shown(link: str) -> dict[str, Any]:
    (facts,) = json.loads(_ip("-details", "-json", "link", "show", link))
    return dict(facts["linkinfo"])


@pytest.fixture
def parent() -> Iterator[str]:
    _ip("link", "add", "kernel0", "type", "dummy")
    yield "kernel0"
    _ip("link", "delete", "kernel0")


def test_the_kernel_is_the_one_brought_along() -> None:
    assert Path("/lib/modules", os.uname().release, "modules.dep").exists()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("vlan", ["id", "100"]),
        ("ipvlan", ["mode", "l2"]),
        ("ipvlan", ["mode", "l3"]),
        ("ipvlan", ["mode", "l3s"]),
        ("macvlan", ["mode", "bridge"]),
    ],
)
def test_a_link_of_this_kind_can_be_made_on_a_parent(parent: str, kind: str, options: list[str]) -> None:
    _ip("link", "add", "link", parent, "name", "kernel1", "type", kind, *options)

    assert _shown("kernel1")["info_kind"] == kind
    _ip("link", "delete", "kernel1")


def test_a_bridge_filters_vlans() -> None:
    _ip("link", "add", "kernel2", "type", "bridge", "vlan_filtering", "1")

    assert _shown("kernel2")["info_data"]["vlan_filtering"] == 1
    _ip("link", "delete", "kernel2")


def test_an_sriov_card_offers_virtual_functions() -> None:
    subprocess.run(["modprobe", "igb"], check=True)

    cards = [card for card in Path("/sys/class/net").glob("*/device/sriov_totalvfs") if int(card.read_text()) == 7]
    assert len(cards) == 1
