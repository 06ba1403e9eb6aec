"""Which device of those that a pod has each of its networks gets."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import Refused
from podberth.net.suited import Suited
from podberth.networks.dealing import Need, deal


def needs(*suited: str) -> list[Need]:
    """Return a need for each text; its characters are the devices that suit it."""
    return [Need(name=f"net{i}", suited=Suited(devices=tuple(those), by=f"P{i}")) for i, those in enumerate(suited)]


def dealt(devices: str, *suited: str) -> str:
    return "".join(deal("bank.example/vf", "bank/web-0", needs(*suited), tuple(devices)))


@pytest.mark.parametrize(
    ("devices", "suited", "expected"),
    [
        ("ab", ("ab", "ab"), "ab"),
        ("ab", ("ab", "a"), "ba"),
        ("abc", ("abc", "ab", "a"), "cba"),
        ("abc", ("abc",), "a"),
        ("abc", ("b", "abc"), "ba"),
        ("", (), ""),
    ],
)
def test_each_network_gets_the_first_device_that_leaves_one_for_the_others(
    devices: str, suited: tuple[str, ...], expected: str
) -> None:
    assert dealt(devices, *suited) == expected


def test_too_few_devices_are_refused_by_what_both_sides_say() -> None:
    with pytest.raises(
        Refused, match=r"^bank/web-0: 2 of its networks .*\(net0, net1\), and the kubelet has given it a$"
    ):
        dealt("a", "a", "a")


def test_devices_that_suit_nobody_are_refused_with_both_parties() -> None:
    with pytest.raises(Refused, match=r"^net1: the kubelet has given bank/web-0 a, b of bank\.example/vf, and P1 asks"):
        dealt("ab", "a", "a")


@given(st.lists(st.text("abcd", max_size=4), max_size=4))
def test_if_it_can_be_dealt_it_is_and_the_first_networks_have_the_first_devices(suited: list[str]) -> None:
    ways = [way for way in permutations("abcd", len(suited)) if all(d in s for d, s in zip(way, suited, strict=True))]
    if ways:
        assert dealt("abcd", *suited) == "".join(min(ways))
        return
    with pytest.raises(Refused):
        dealt("abcd", *suited)
