"""What every ledger gives out of a pool, in which order, and what it says when nothing is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import AddressTaken, PoolExhausted, TryAgainLater
from podberth.ipam.lease import Usage
from tests.contract.ledgers import (
    OPERATOR,
    PLUGIN,
    addresses,
    attachment,
    claim,
    declared,
    ip,
    pod,
    pool,
    subnet,
)

if TYPE_CHECKING:
    from podberth.ipam.ledger import Ledger
    from podberth.ipam.pool import Pool
    from tests.contract.ledgers import Backend

FULL = subnet(
    "10.20.0.0/24",
    gateway="10.20.0.1",
    ranges=("10.20.0.10-10.20.0.20", "10.20.0.30-10.20.0.31"),
    exclude=("10.20.0.12", "10.20.0.14-10.20.0.16"),
    hold=("10.20.0.10-10.20.0.11",),
)


def take_all(ledger: Ledger, name: str = "db", family: int = 4) -> list[str]:
    """Bind until the pool is exhausted."""
    taken: list[str] = []
    while True:
        try:
            taken += addresses(ledger.bind(claim(f"p{len(taken)}", pool=name, families=(family,)), PLUGIN))
        except PoolExhausted:
            return taken


def bind(ledger: Ledger, name: str) -> str:
    return addresses(ledger.bind(claim(name), PLUGIN))[0]


def unbind(ledger: Ledger, name: str) -> None:
    ledger.unbind(attachment(f"c-{name}"), PLUGIN)


@pytest.mark.parametrize(
    ("made", "given"),
    [
        (pool("db", "10.20.0.8/29"), [f"10.20.0.{n}" for n in range(9, 15)]),
        (pool("db", "10.20.0.8/31"), ["10.20.0.8", "10.20.0.9"]),
        (pool("db", "10.20.0.8/32"), ["10.20.0.8"]),
        (pool("db", "fd00:20::/126"), ["fd00:20::1", "fd00:20::2", "fd00:20::3"]),
        (pool("db", "fd00:20::/127"), ["fd00:20::", "fd00:20::1"]),
        (pool("db", "10.20.0.8/30", "10.20.0.0/30"), ["10.20.0.1", "10.20.0.2", "10.20.0.9", "10.20.0.10"]),
        (pool("db", FULL), [f"10.20.0.{n}" for n in (13, 17, 18, 19, 20, 30, 31)]),
    ],
    ids=["a /29", "a /31", "a /32", "an IPv6 /126", "an IPv6 /127", "two subnets", "ranges"],
)
def test_a_pool_gives_out_exactly_its_addresses_lowest_first(backend: Backend, made: Pool, given: list[str]) -> None:
    backend.define(made)
    assert take_all(backend.open(), family=made.families[0]) == given


def test_a_pool_of_one_family_has_none_of_the_other(ledger: Ledger) -> None:
    with pytest.raises(PoolExhausted, match=r"^pool db: no free IPv6 address: 0 of 0 leased"):
        ledger.bind(claim("a", families=(6,)), PLUGIN)


@pytest.mark.parametrize(("network", "first"), [("10.0.0.0/8", "10.0.0.1"), ("fd00:20::/64", "fd00:20::1")])
def test_the_largest_pools_are_not_materialised(backend: Backend, network: str, first: str) -> None:
    backend.define(pool("db", network))
    ledger, family = backend.open(), ip(first).version
    last = "10.255.255.254" if family == 4 else "fd00:20::ffff:ffff:ffff:ffff"
    ledger.reserve("db", ip(last), pod("a"), "eth0", OPERATOR)
    assert addresses(ledger.bind(claim("b", families=(family,)), PLUGIN)) == [first]
    assert addresses(ledger.bind(claim("a", families=(family,)), PLUGIN)) == [last]
    (usage,) = ledger.usage()
    size = 2**24 - 2 if family == 4 else 2**64 - 1
    assert usage == Usage(pool="db", family=family, size=size, free=size - 2, leased=2, reserved=0, resting=0)


def test_held_addresses_are_for_those_who_name_or_have_them_reserved(backend: Backend) -> None:
    backend.define(pool("db", FULL))
    ledger = backend.open()
    assert addresses(ledger.bind(claim("a", "10.20.0.10"), PLUGIN)) == ["10.20.0.10"]
    backend.declare(declared("10.20.0.11", "b"))
    assert bind(ledger, "b") == "10.20.0.11"
    unbind(ledger, "a")
    backend.undeclare(declared("10.20.0.11", "b"))
    unbind(ledger, "b")
    assert not {"10.20.0.10", "10.20.0.11"} & set(take_all(ledger))


def test_exhaustion_names_the_pool_and_its_usage(backend: Backend) -> None:
    backend.define(pool("db", FULL, quarantine=600))
    ledger = backend.open()
    ledger.reserve("db", ip("10.20.0.31"), pod("away"), "eth0", OPERATOR)
    taken = take_all(ledger)
    unbind(ledger, "p0")
    backend.clock.tick(10)
    with pytest.raises(PoolExhausted) as told:
        ledger.bind(claim("late", avoid=("10.20.0.40",)), PLUGIN)
    assert len(taken) == 6
    assert told.value.message == (
        "pool db: no free IPv4 address: 5 of 9 leased, 1 reserved, 1 resting, 2 held for declarations,"
        " 1 in use on the wire"
    )
    assert told.value.details.startswith("the next one is free in 590 s; ")


def test_usage_counts_every_address_once(backend: Backend) -> None:
    backend.define(pool("db", FULL, "fd00:20::/126", quarantine=600), pool("lan", "10.30.0.0/30"))
    ledger = backend.open()
    for name in ("a", "b"):
        ledger.bind(claim(name, families=(4, 6)), PLUGIN)
    unbind(ledger, "b")
    ledger.reserve("db", ip("10.20.0.13"), pod("a"), "eth0", OPERATOR)
    ledger.reserve("db", ip("10.20.0.31"), pod("c"), "eth0", OPERATOR)
    assert ledger.usage("db") == (
        Usage(pool="db", family=4, size=9, free=4, leased=1, reserved=1, resting=1),
        Usage(pool="db", family=6, size=3, free=1, leased=1, reserved=0, resting=1),
    )
    assert ledger.usage()[2:] == (Usage(pool="lan", family=4, size=2, free=2, leased=0, reserved=0, resting=0),)
    assert ledger.usage("none") == ()
    backend.clock.tick(600)
    assert [(row.free, row.resting) for row in ledger.usage("db")] == [(5, 0), (2, 0)]


def test_least_recently_used_gives_the_never_used_first_then_the_one_released_longest_ago(backend: Backend) -> None:
    backend.define(pool("db", "10.20.0.8/29", allocation="leastRecentlyUsed"))
    ledger = backend.open()
    for name in "abc":
        bind(ledger, name)
    for name in "bca":
        backend.clock.tick()
        unbind(ledger, name)
    assert [bind(ledger, f"n{n}") for n in range(3)] == ["10.20.0.12", "10.20.0.13", "10.20.0.14"]
    assert [bind(ledger, f"o{n}") for n in range(3)] == ["10.20.0.10", "10.20.0.11", "10.20.0.9"]
    with pytest.raises(PoolExhausted):
        bind(ledger, "late")


def test_an_avoided_address_is_passed_over_among_the_used_ones(backend: Backend) -> None:
    backend.define(pool("db", "10.20.0.8/31", allocation="leastRecentlyUsed"))
    ledger = backend.open()
    for name in "ab":
        bind(ledger, name)
    for name in "ab":
        unbind(ledger, name)
    assert addresses(ledger.bind(claim("c", avoid=("10.20.0.8",)), PLUGIN)) == ["10.20.0.9"]


@pytest.mark.parametrize("allocation", ["lowest", "leastRecentlyUsed"])
def test_a_released_address_rests_for_its_time(backend: Backend, allocation: str) -> None:
    backend.define(pool("db", "10.20.0.8/31", allocation=allocation, quarantine=60))
    ledger = backend.open()
    for name in "ab":
        bind(ledger, name)
    unbind(ledger, "b")
    backend.clock.tick(59.999)
    with pytest.raises(PoolExhausted, match="1 of 2 leased, 0 reserved, 1 resting"):
        bind(ledger, "c")
    backend.clock.tick(0.001)
    assert bind(ledger, "c") == "10.20.0.9"


def test_a_resting_address_can_be_named_by_the_pod_that_had_it_only(backend: Backend) -> None:
    backend.define(pool("db", subnet("10.20.0.0/24", hold=("10.20.0.99",)), quarantine=60))
    ledger = backend.open()
    for address in ("10.20.0.9", "10.20.0.99"):
        ledger.bind(claim("a", address), PLUGIN)
        unbind(ledger, "a")
        backend.clock.tick(20)
        with pytest.raises(TryAgainLater, match=rf"{address} of pool db rests for another 40 s since db/a released it"):
            ledger.bind(claim("b", address), PLUGIN)
        assert addresses(ledger.bind(claim("a", address, container="again"), PLUGIN)) == [address]
        ledger.unbind(attachment("again"), PLUGIN)
        backend.clock.tick(60)
        assert addresses(ledger.bind(claim("b", address), PLUGIN)) == [address]


def test_a_resting_address_of_a_container_is_nobodys(backend: Backend) -> None:
    backend.define(pool("db", "10.20.0.8/31", quarantine=60))
    ledger = backend.open()
    ledger.bind(claim(None, "10.20.0.8", container="x"), PLUGIN)
    ledger.unbind(attachment("x"), PLUGIN)
    with pytest.raises(TryAgainLater, match="a container released it"):
        ledger.bind(claim(None, "10.20.0.8", container="y"), PLUGIN)


def test_a_reservation_ends_the_rest_and_its_release_begins_another(backend: Backend) -> None:
    backend.define(pool("db", "10.20.0.8/31", quarantine=60))
    ledger = backend.open()
    assert bind(ledger, "a") == "10.20.0.8"
    unbind(ledger, "a")
    ledger.reserve("db", ip("10.20.0.8"), pod("b"), "eth0", OPERATOR)
    assert bind(ledger, "b") == "10.20.0.8"
    unbind(ledger, "b")
    assert bind(ledger, "b") == "10.20.0.8"
    unbind(ledger, "b")
    backend.clock.tick(60)
    ledger.release(ip("10.20.0.8"), OPERATOR)
    assert [(row.free, row.resting) for row in ledger.usage()] == [(1, 1)]


def test_lowest_prefers_an_address_that_has_rested_to_a_higher_one_never_used(backend: Backend) -> None:
    backend.define(pool("db", "10.20.0.0/24", quarantine=60))
    ledger = backend.open()
    for name in "abc":
        bind(ledger, name)
    for name in "ab":
        unbind(ledger, name)
    assert bind(ledger, "d") == "10.20.0.4"
    backend.clock.tick(60)
    assert [bind(ledger, name) for name in "efg"] == ["10.20.0.1", "10.20.0.2", "10.20.0.5"]


def test_a_redefined_pool_keeps_what_is_in_use_and_rests(backend: Backend) -> None:
    backend.define(pool("db", "10.20.0.8/29", quarantine=60))
    ledger = backend.open()
    for name in "abc":
        bind(ledger, name)
    unbind(ledger, "a")
    backend.define(pool("db", "10.20.0.8/29", quarantine=60))
    assert bind(ledger, "d") == "10.20.0.12"
    backend.define(pool("db", subnet("10.20.0.8/29", exclude=("10.20.0.9",)), quarantine=60))
    backend.clock.tick(60)
    assert bind(ledger, "e") == "10.20.0.13"


def test_a_redefinition_that_leaves_somebody_outside_names_both(backend: Backend) -> None:
    backend.define(pool("db", "10.20.0.8/29"))
    ledger = backend.open()
    bind(ledger, "a")
    ledger.reserve("db", ip("10.20.0.14"), pod("b"), "eth0", OPERATOR)
    before = ledger.usage()
    with pytest.raises(AddressTaken, match=r"10\.20\.0\.9 would no longer be .* pool db, but it is leased by db/a"):
        backend.define(pool("db", subnet("10.20.0.8/29", exclude=("10.20.0.9",))))
    with pytest.raises(AddressTaken, match=r"10\.20\.0\.14 would no longer be .* pool db, but it is reserved for db/b"):
        backend.define(pool("db", "10.20.0.8/30"))
    assert ledger.usage() == before


def test_a_held_address_that_rests_goes_back_once_it_is_offered(backend: Backend) -> None:
    backend.define(pool("db", subnet("10.20.0.8/31", hold=("10.20.0.8",)), quarantine=60))
    ledger = backend.open()
    ledger.bind(claim("a", "10.20.0.8"), PLUGIN)
    unbind(ledger, "a")
    backend.define(pool("db", "10.20.0.8/31", quarantine=60))
    assert bind(ledger, "b") == "10.20.0.9"
    backend.clock.tick(60)
    assert bind(ledger, "c") == "10.20.0.8"


def test_a_pool_is_dropped_when_nobody_has_anything_of_it(backend: Backend, ledger: Ledger) -> None:
    bind(ledger, "a")
    with pytest.raises(AddressTaken, match="pool db still has leases"):
        backend.drop("db")
    ledger.reserve("db", ip("10.20.0.1"), pod("a"), "eth0", OPERATOR)
    unbind(ledger, "a")
    with pytest.raises(AddressTaken, match="pool db still has reservations"):
        backend.drop("db")
    ledger.release(ip("10.20.0.1"), OPERATOR)
    backend.drop("db")
    assert ledger.usage() == ()
    assert len(tuple(ledger.history())) == 4
