"""Pools that are cut out of what a parent sets aside: never an address twice, and nothing is taken from anybody."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.value import replace
from podberth.ipam import extents
from podberth.ipam.carving import TooFew, carve
from podberth.ipam.pool import MadeFor, Pool, Span, Subnet
from podberth.net.settings import Dns, Settings

FOR = MadeFor(parent="db", namespace="db", podnetwork="x")


def span(first: str, last: str = "") -> Span:
    return Span(first=ip_address(first), last=ip_address(last or first))


def parent(*automatic: Span, gateway: str = "10.20.0.1", **more: object) -> Pool:
    subnet = Subnet(network=ip_network("10.20.0.0/26"), gateway=ip_address(gateway), automatic=automatic)
    return Pool(name="db", subnets=(subnet,), **more)  # type: ignore[arg-type]


def numbers(pool: Pool, family: int = 4) -> set[int]:
    return {n for first, last in extents.usable(pool, family) for n in range(first, last + 1)}


ASIDE = st.lists(st.integers(0, 63), min_size=1, max_size=12, unique=True)


@given(
    aside=ASIDE,
    steps=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 8), st.sets(st.integers(0, 63), max_size=3))),
)
def test_no_address_is_in_two_pools_and_none_that_is_held_is_lost(
    aside: list[int], steps: list[tuple[str, int, set[int]]]
) -> None:
    whole = parent(*(span(f"10.20.0.{n}") for n in sorted(aside)))
    pools: dict[str, Pool] = {"db": whole}
    for name, wanted, held in steps:
        before = pools.get(name)
        had = numbers(before) if before is not None else set()
        kept = {ip_address(f"10.20.0.{n}") for n in held if int(ip_address(f"10.20.0.{n}")) in had}
        try:
            made = carve(whole, name, FOR, wanted, pools.values(), before, kept)
        except TooFew:
            continue
        pools[name] = made
        assert {int(address) for address in kept} <= numbers(made)
        assert len(numbers(made)) == max(wanted, len(kept))
        assert numbers(made) & had >= (had if len(numbers(made)) >= len(had) else set())
        everybody = [number for pool in pools.values() for number in numbers(pool)]
        assert len(everybody) == len(set(everybody))
        assert all(n % 256 in aside for n in numbers(made))
        assert not numbers(made) & {int(ip_address(f"10.20.0.{n}")) for n in (0, 1, 63)}


def test_what_pods_are_told_of_is_set_aside_for_nobody() -> None:
    dns = Settings(dns=Dns(nameservers=("10.20.0.5",)))
    whole = parent(span("10.20.0.4", "10.20.0.7"), settings=dns)
    assert sorted(numbers(carve(whole, "x", FOR, 3, (whole,), None, ()))) == [
        int(ip_address(f"10.20.0.{n}")) for n in (4, 6, 7)
    ]
    with pytest.raises(TooFew, match="pool db has 3 IPv4 addresses left for it, and 4 are wanted"):
        carve(whole, "x", FOR, 4, (whole,), None, ())


def test_another_pools_gateway_is_nobody_s() -> None:
    whole = parent(span("10.20.0.4", "10.20.0.7"))
    other = Pool(
        name="o", subnets=(Subnet(network=ip_network("10.30.0.0/24"), gateway=ip_address("10.20.0.4"), on_link=True),)
    )
    made = carve(whole, "x", FOR, 1, (whole, other), None, ())
    assert numbers(made) == {int(ip_address("10.20.0.5"))}


def test_each_family_that_is_set_aside_has_as_many() -> None:
    six = Subnet(network=ip_network("fd00:20::/64"), automatic=(span("fd00:20::100", "fd00:20::1ff"),))
    whole = replace(
        parent(span("10.20.0.8", "10.20.0.15")), subnets=(*parent(span("10.20.0.8", "10.20.0.15")).subnets, six)
    )
    made = carve(whole, "x", FOR, 3, (whole,), None, ())
    assert (len(numbers(made)), len(numbers(made, 6))) == (3, 3)
    assert made.families == (4, 6)


def test_a_parent_that_sets_nothing_aside_is_none() -> None:
    with pytest.raises(ValueError, match="sets no addresses aside"):
        carve(parent(), "x", FOR, 1, (parent(),), None, ())


def test_it_is_its_parent_but_for_its_addresses_and_its_namespace() -> None:
    whole = parent(span("10.20.0.4", "10.20.0.7"), quarantine=60, settings=Settings(mtu=1400))
    made = carve(whole, "x", FOR, 1, (whole,), None, ())
    assert (made.quarantine, made.settings.mtu, str(made.subnets[0].gateway)) == (60, 1400, "10.20.0.1")
    assert made.affinity is not None
    assert (made.affinity.namespaces, made.made_for) == (("db",), FOR)
