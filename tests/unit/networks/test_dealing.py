"""Which device of those that a pod has each of its networks gets."""

from __future__ import annotations

from itertools import combinations, permutations

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
    return "".join(d for (d,) in deal("bank.example/vf", "bank/web-0", needs(*suited), tuple(devices)))


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
        Refused, match=r"^bank/web-0: its networks need 2 of .*\(net0, net1\), and the kubelet has given it a$"
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


PORTS = {"a": "p", "b": "p", "c": "q", "d": "q", "e": "r"}


def bonds(devices: str, *counts: int, spread: int = 2, suited: str = "abcde") -> list[str]:
    """Deal devices of three ports to bonds with so many members each; 1 is of a network with one function."""
    ports = tuple(PORTS.items())
    those = [
        Need(name=f"net{place}", count=count,
             suited=Suited(devices=tuple(suited), count=count, spread=min(count, spread), ports=ports))
        for place, count in enumerate(counts)
    ]  # fmt: skip
    return ["".join(its) for its in deal("bank.example/vf", "bank/web-0", those, tuple(devices))]


@pytest.mark.parametrize(
    ("devices", "counts", "expected"),
    [
        ("ac", (2,), ["ac"]),
        ("abc", (2,), ["ac"]),
        ("abcd", (2, 2), ["ac", "bd"]),
        ("abc", (1, 2), ["a", "bc"]),
        ("abc", (2, 1), ["ac", "b"]),
        ("acd", (1, 2), ["c", "ad"]),  # the first device in front would leave two of one port
        ("abce", (2, 2), ["ac", "be"]),
    ],
)
def test_a_bond_gets_devices_of_different_ports(devices: str, counts: tuple[int, ...], expected: list[str]) -> None:
    assert bonds(devices, *counts) == expected


def test_a_bond_over_one_port_alone_gets_two_of_it_where_no_other_would_do() -> None:
    assert bonds("ab", 2, spread=1) == ["ab"]


def test_devices_of_one_port_for_a_bond_over_two_are_refused_by_what_both_sides_say() -> None:
    with pytest.raises(
        Refused,
        match=r"^net0: the kubelet has given bank/web-0 a, b of bank\.example/vf, and the network asks for a bond of 2"
        r" over 2 ports: 2 suit it, of 1$",
    ):
        bonds("ab", 2, suited="ab")


def test_too_few_devices_for_a_bond_are_refused_with_how_many_each_needs() -> None:
    with pytest.raises(Refused, match=r"need 3 of bank\.example/vf \(net0, net1: 2\), and .* given it a, c$"):
        bonds("ac", 1, 2)


@given(st.lists(st.sampled_from("abcde"), unique=True), st.lists(st.integers(1, 3), max_size=3))
def test_whatever_can_be_dealt_to_bonds_of_as_many_ports_as_members_is(devices: list[str], counts: list[int]) -> None:
    def ways(left: list[str], wanted: list[int]) -> bool:
        if not wanted:
            return True
        return any(
            len({PORTS[each] for each in its}) == wanted[0] and ways([d for d in left if d not in its], wanted[1:])
            for its in combinations(left, wanted[0])
        )

    if ways(devices, counts):
        found = bonds("".join(devices), *counts, spread=3)
        assert [len(its) for its in found] == counts
        assert all(len({PORTS[each] for each in its}) == len(its) for its in found)
        assert len(set("".join(found))) == sum(counts)
        return
    with pytest.raises(Refused):
        bonds("".join(devices), *counts, spread=3)
