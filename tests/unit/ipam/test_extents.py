"""Extents against sets of integers: the same addresses, never materialised."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podberth.ipam.extents import covers, offered, size, subtract, usable
from podberth.ipam.pool import Pool, Span, Subnet

TOP = 60
pairs = st.tuples(st.integers(0, TOP), st.integers(0, TOP)).map(lambda ends: (min(ends), max(ends)))
lists = st.lists(pairs, max_size=8)


def numbers(extents: object) -> set[int]:
    assert isinstance(extents, list | tuple)
    return {n for first, last in extents for n in range(first, last + 1)}


@st.composite
def apart(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Draw extents that do not overlap, as a pool's ranges are."""
    ends = sorted(draw(st.sets(st.integers(0, TOP), max_size=12)))
    return draw(st.permutations(list(zip(ends[::2], ends[1::2], strict=False))))


@given(apart(), lists)
@example([(0, 10), (20, 30)], [(5, 25), (8, 9), (22, 22)])
@example([(0, 10)], [(0, 0), (10, 10), (3, 3)])
def test_subtracting_is_the_difference_of_sets(extents: list[tuple[int, int]], holes: list[tuple[int, int]]) -> None:
    left = subtract(extents, holes)
    assert numbers(left) == numbers(extents) - numbers(holes)
    assert size(left) == len(numbers(left))
    assert all(one[1] < other[0] for one, other in pairwise(left))


@given(apart(), st.integers(-1, TOP + 1))
def test_covering_is_membership(extents: list[tuple[int, int]], number: int) -> None:
    assert covers(subtract(extents, ()), number) == (number in numbers(extents))


def test_nothing_is_materialised() -> None:
    everything = ((0, 2**128 - 1),)
    left = subtract(everything, [(2**64, 2**65), (7, 7)])
    assert left == ((0, 6), (8, 2**64 - 1), (2**65 + 1, 2**128 - 1))
    assert size(left) == 2**128 - 2**64 - 2


def test_a_hundred_thousand_holes_are_cut_in_one_pass() -> None:
    left = subtract([(0, 2**24)], [(n, n) for n in range(1, 200_001, 2)])
    assert (len(left), size(left)) == (100_001, 2**24 + 1 - 100_000)


def span(first: str, last: str = "") -> Span:
    return Span(first=ip_address(first), last=ip_address(last or first))


def of(network: str, **rest: object) -> Pool:
    return Pool(name="db", subnets=(Subnet(network=ip_network(network), **rest),))  # type: ignore[arg-type]


def texts(pool: Pool, family: int = 4) -> list[str]:
    return [f"{ip_address(first)}-{ip_address(last)}" for first, last in usable(pool, family)]


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (of("10.0.0.0/8"), ["10.0.0.1-10.255.255.254"]),
        (of("10.20.0.0/30"), ["10.20.0.1-10.20.0.2"]),
        (of("10.20.0.0/31"), ["10.20.0.0-10.20.0.1"]),
        (of("10.20.0.0/32"), ["10.20.0.0-10.20.0.0"]),
        (of("0.0.0.0/32", gateway=ip_address("0.0.0.0")), []),
        (of("10.20.0.0/24", gateway=ip_address("10.20.0.1")), ["10.20.0.2-10.20.0.254"]),
        (of("10.20.0.0/24", exclude=(span("10.20.0.0", "10.20.0.9"),)), ["10.20.0.10-10.20.0.254"]),
        (
            of(
                "10.20.0.0/24",
                gateway=ip_address("10.20.0.15"),
                ranges=(span("10.20.0.30", "10.20.0.31"), span("10.20.0.10", "10.20.0.20")),
                exclude=(span("10.20.0.12", "10.20.0.13"), span("10.20.0.31")),
            ),
            ["10.20.0.10-10.20.0.11", "10.20.0.14-10.20.0.14", "10.20.0.16-10.20.0.20", "10.20.0.30-10.20.0.30"],
        ),
    ],
)
def test_a_subnet_leaves_out_its_edges_gateway_and_exclusions(pool: Pool, expected: list[str]) -> None:
    assert texts(pool) == expected
    assert texts(pool, 6) == []


def test_an_ipv6_subnet_leaves_out_the_router_anycast_address_only() -> None:
    assert texts(of("fd00::/64"), 6) == ["fd00::1-fd00::ffff:ffff:ffff:ffff"]
    assert texts(of("fd00::/127"), 6) == ["fd00::-fd00::1"]


def test_what_is_held_is_usable_but_not_offered() -> None:
    pool = of("10.20.0.0/29", hold=(span("10.20.0.2", "10.20.0.5"),))
    assert size(usable(pool, 4)) == 6
    assert [(first & 7, last & 7) for first, last in offered(pool, 4)] == [(1, 1), (6, 6)]
