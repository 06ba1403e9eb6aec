"""Why an address can't be given, against the ledger's own idea of what can."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.value import replace
from podberth.ipam.extents import offered, usable
from podberth.ipam.pool import Pool, Span, Subnet
from podberth.net.settings import Dns, Route, Settings
from podberth.policy.usable import around as among
from podberth.policy.usable import overlap, unusable
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
def test_pools_overlap_exactly_if_both_can_give_an_address_or_one_the_others_gateway(
    one: Subnet, other: Subnet
) -> None:
    first, second = pool("a", one), pool("b", other)
    given = [{n for v in (4, 6) for n in around(v) if not unusable(p, ip_address(n))} for p in (first, second)]
    gateways = [{int(p.subnets[0].gateway)} if p.subnets[0].gateway else set() for p in (first, second)]
    shared = given[0] & given[1] | given[0] & gateways[1] | given[1] & gateways[0]
    assert bool(overlap(first, second)) == bool(overlap(second, first)) == bool(shared)


def test_what_one_pool_excludes_is_anothers_to_have() -> None:
    wide = pool("wide", subnet("10.91.0.0/16", exclude=("10.91.3.0-10.91.3.255",)))
    own = pool("own", subnet("10.91.3.0/24", gateway="10.91.3.1"))
    assert overlap(wide, own) == ""
    assert [one.name for one in among((wide, own), ip("10.91.3.7"))] == ["own"]


def test_anothers_gateway_is_not_among_the_addresses_a_pool_gives_out() -> None:
    here = pool("here", subnet("10.0.0.0/24", ranges=("10.0.0.1-10.0.0.99",)))
    there = pool("there", subnet("10.0.0.0/24", gateway="10.0.0.1", ranges=("10.0.0.100-10.0.0.200",)))
    assert overlap(here, there) == "here would give out 10.0.0.1, the gateway of there"


def test_a_pool_gives_nobody_the_dns_server_and_the_next_hop_that_its_pods_are_told() -> None:
    told = Settings(
        dns=Dns(nameservers=("10.0.0.2", "1.1.1.1", "not-an-address")),
        routes=(Route(dst=ip_network("0.0.0.0/0"), gw=ip_address("10.0.0.3")),),
    )
    made = replace(pool("p", subnet("10.0.0.0/29", gateway="10.0.0.1")), settings=told)
    assert [str(ip_address(n)) for first, last in offered(made, 4) for n in range(first, last + 1)] == [
        "10.0.0.4", "10.0.0.5", "10.0.0.6",
    ]  # fmt: skip
    assert unusable(made, ip("10.0.0.2")) == ""  # the server may be a pod that declares it


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_subnet_of_one_or_two_addresses_has_no_special_ones(number: int) -> None:
    made = Pool(name="p", subnets=(subnet("10.0.0.2/31"), subnet("10.0.0.1/32")))
    assert unusable(made, ip(f"10.0.0.{number}")) == ""
