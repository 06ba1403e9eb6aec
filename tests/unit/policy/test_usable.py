"""Why an address can't be given, against the ledger's own idea of what can."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.ipam.extents import usable
from podberth.ipam.pool import Pool, Span, Subnet
from podberth.policy.usable import contains, overlap, unusable
from tests.unit.policy.declared import ip, pool, subnet

BASE = {4: int(ip("10.0.0.0")), 6: int(ip("fd00::"))}


@st.composite
def subnets(draw: st.DrawFn) -> Subnet:
    """Draw one of the /28s (IPv4) or /124s (IPv6) next to each other, with spans inside it."""
    version = draw(st.sampled_from((4, 6)))
    start = BASE[version] + 16 * draw(st.integers(0, 2))
    length = draw(st.sampled_from((28, 30, 31, 32))) + (96 if version == 6 else 0)
    last = (1 << (128 if version == 6 else 32) - length) - 1

    def spans() -> tuple[Span, ...]:
        drawn = draw(st.lists(st.tuples(st.integers(0, last), st.integers(0, last)), max_size=2))
        return tuple(Span(first=ip_address(start + min(pair)), last=ip_address(start + max(pair))) for pair in drawn)

    return Subnet(
        network=ip_network((start, length)),
        gateway=draw(st.none() | st.integers(0, last).map(lambda n: ip_address(start + n))),
        ranges=spans(),
        exclude=spans(),
    )


def around(version: int) -> range:
    return range(BASE[version] - 2, BASE[version] + 50)


@given(subnets())
def test_an_address_has_a_reason_against_it_exactly_if_the_ledger_would_not_give_it(drawn: Subnet) -> None:
    made = pool("p", drawn)
    for version in (4, 6):
        extents = usable(made, version)
        for number in around(version):
            can = any(first <= number <= last for first, last in extents)
            assert (unusable(made, ip_address(number)) == "") == can


@given(subnets(), subnets())
def test_pools_overlap_exactly_if_an_address_lies_in_both(one: Subnet, other: Subnet) -> None:
    first, second = pool("a", one), pool("b", other)
    shared = [n for v in (4, 6) for n in around(v) if all(contains(p, ip_address(n)) for p in (first, second))]
    assert bool(overlap(first, second)) == bool(shared)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_subnet_of_one_or_two_addresses_has_no_special_ones(number: int) -> None:
    made = Pool(name="p", subnets=(subnet("10.0.0.2/31"), subnet("10.0.0.1/32")))
    assert unusable(made, ip(f"10.0.0.{number}")) == ""
