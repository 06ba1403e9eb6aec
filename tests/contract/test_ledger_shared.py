"""What every ledger does with the addresses that the pods of a Deployment share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import AddressTaken, Refused, TryAgainLater
from podberth.cni.value import replace
from podberth.ipam.lease import AddressBoundElsewhere, SetExhausted
from podberth.ipam.lifecycle import fold
from podberth.ipam.owner import of_deployment
from tests.contract.ledgers import OPERATOR, PLUGIN, addresses, attachment, claim, declared, ip, pod, pool, shared

if TYPE_CHECKING:
    from podberth.ipam.lease import Claim
    from podberth.ipam.ledger import Ledger
    from tests.contract.ledgers import Backend

A, B, C = (f"web-7d4b9-x2x9{letter}" for letter in "bcd")
NEW = "web-66fcd-zzzzz"
SHARED = ("10.20.0.21", "10.20.0.22")


@pytest.fixture
def ledger(backend: Backend) -> Ledger:
    """A ledger in which a Deployment has two addresses."""
    backend.define(pool("db", "10.20.0.0/24", "fd00:20::/64"))
    backend.declare(*shared("web", *SHARED, "fd00:20::21"))
    return backend.open()


def of_web(name: str, **rest: object) -> Claim:
    return claim(name, owner="web", **rest)  # type: ignore[arg-type]


def bound(ledger: Ledger, name: str) -> list[str]:
    return addresses(ledger.bind(of_web(name), PLUGIN))


def test_each_pod_has_one_that_no_other_has(ledger: Ledger) -> None:
    assert [*bound(ledger, A), *bound(ledger, B)] == list(SHARED)
    assert bound(ledger, A) == [SHARED[0]]
    assert addresses(ledger.bind(of_web(A, container="x", families=(6,)), PLUGIN)) == ["fd00:20::21"]


def test_nobody_else_is_given_one(backend: Backend, ledger: Ledger) -> None:
    for stranger in ("web", "web-0", "api-7d4b9-x2x9k", "web-7d4b9-x2x9k-0"):
        with pytest.raises(AddressTaken, match="is reserved for db/deployment/web"):
            ledger.bind(claim(stranger, SHARED[0]), PLUGIN)
        with pytest.raises(Refused, match="is none of db/deployment/web"):
            ledger.bind(of_web(stranger), PLUGIN)
    with pytest.raises(AddressTaken, match="is reserved for db/deployment/web"):
        ledger.bind(claim(None, SHARED[0], container="c"), PLUGIN)
    with pytest.raises(AddressTaken, match="is reserved for db/deployment/web"):
        ledger.reserve("db", ip(SHARED[0]), pod(A), "eth0", OPERATOR)
    with pytest.raises(AddressTaken, match="is reserved for db/deployment/web"):
        backend.declare(*shared("api", SHARED[0]))
    with pytest.raises(AddressTaken, match="is declared for db/deployment/web"):
        ledger.release(ip(SHARED[0]), OPERATOR)


def test_a_pod_of_the_deployment_has_no_claim_to_a_certain_one(ledger: Ledger) -> None:
    with pytest.raises(AddressTaken, match="is reserved for db/deployment/web"):
        ledger.bind(claim(A, SHARED[0]), PLUGIN)


def test_an_interface_that_does_not_share_gets_none(ledger: Ledger) -> None:
    with pytest.raises(TryAgainLater, match="no IPv4 address of pool db is reserved for db/deployment/web"):
        ledger.bind(of_web(A, ifname="net1"), PLUGIN)
    assert addresses(ledger.bind(claim(A), PLUGIN)) == ["10.20.0.1"]


def test_when_all_are_bound_the_holders_are_named(ledger: Ledger) -> None:
    bound(ledger, A), bound(ledger, B)
    with pytest.raises(SetExhausted, match=f"bound are {SHARED[0]} by db/{A}, {SHARED[1]} by db/{B}") as told:
        ledger.bind(of_web(C), PLUGIN)
    assert (told.value.code, addresses(told.value.holders)) == (100, list(SHARED))
    assert "its replicas and maxSurge more" in told.value.details


def test_in_a_rolling_update_a_new_pod_waits_for_an_old_one(ledger: Ledger) -> None:
    bound(ledger, A), bound(ledger, B)
    with pytest.raises(TryAgainLater, match=f"{SHARED[0]} by db/{A}") as told:
        ledger.bind(of_web(NEW), PLUGIN)
    assert (told.value.code, "declare maxSurge more addresses" in told.value.details) == (11, True)
    assert "podberth gc --gone" in told.value.details  # of an old pod whose DEL never comes
    ledger.unbind(attachment(f"c-{B}"), PLUGIN)
    assert bound(ledger, NEW) == [SHARED[1]]


def test_a_pod_gets_the_one_again_that_it_had(ledger: Ledger) -> None:
    bound(ledger, A), bound(ledger, B)
    for name in (A, B):
        ledger.unbind(attachment(f"c-{name}"), PLUGIN)
    assert addresses(ledger.bind(of_web(B, container="later"), PLUGIN)) == [SHARED[1]]
    assert bound(ledger, C) == [SHARED[0]]


def test_an_older_sandbox_of_the_pod_gives_its_address_to_the_next(ledger: Ledger) -> None:
    bound(ledger, A)
    with pytest.raises(AddressBoundElsewhere) as held:
        ledger.bind(of_web(A, container="later"), PLUGIN)
    assert str(held.value.lease.address) == SHARED[0]
    moved = ledger.bind(of_web(A, container="later", takeover=(attachment(f"c-{A}"),)), PLUGIN)
    assert addresses(moved) == [SHARED[0]]
    assert [event.kind for event in ledger.history(address=ip(SHARED[0]))] == ["Reserved", "Bound", "Moved"]


def test_one_in_use_on_the_wire_is_passed_over(ledger: Ledger) -> None:
    assert addresses(ledger.bind(of_web(A, avoid=(SHARED[0],)), PLUGIN)) == [SHARED[1]]
    with pytest.raises(SetExhausted, match="1 in use on the wire"):
        ledger.bind(of_web(B, avoid=(SHARED[0],)), PLUGIN)


def test_a_shared_address_is_never_sticky(ledger: Ledger) -> None:
    ledger.bind(of_web(A, sticky=True), PLUGIN)
    assert {kept.origin for kept in ledger.reservations()} == {"declared"}


def test_what_a_pod_has_of_the_pool_ends_when_its_share_is_declared(backend: Backend, ledger: Ledger) -> None:
    ledger.bind(claim(A), PLUGIN)
    assert bound(ledger, A) == [SHARED[0]]
    ledger.bind(claim(B, "10.20.0.30"), PLUGIN)
    backend.declare(*shared("web", "10.20.0.30"))
    assert bound(ledger, B) == ["10.20.0.30"]
    ledger.bind(claim("x", "10.20.0.40"), PLUGIN)
    with pytest.raises(AddressTaken, match="is leased by db/x"):
        backend.declare(*shared("web", "10.20.0.40"))


def test_who_tells_the_pod_from_the_deployment(backend: Backend, ledger: Ledger) -> None:
    owner, address = of_deployment("db", "web"), ip(SHARED[0])
    free = ledger.who(address)
    assert (free.state, free.reserved_for, free.pod, free.bound_to) == ("RESERVED", owner, None, None)
    since = backend.clock.tick()
    bound(ledger, A)
    backend.clock.tick()
    held = ledger.who(address)
    assert (held.state, held.reserved_for, held.pod) == ("HELD", owner, pod(A))
    ledger.unbind(attachment(f"c-{A}"), PLUGIN)
    left = ledger.who(address)
    assert (left.state, left.reserved_for, left.pod) == ("RESERVED", owner, None)
    assert ledger.who(address, since).pod == pod(A)
    backend.undeclare(*shared("web", SHARED[0]))
    assert ledger.who(address).reserved_for is None


def test_a_reservation_that_begins_and_ends_under_a_lease_leaves_the_pod_its_address(
    backend: Backend, ledger: Ledger
) -> None:
    ledger.bind(claim(A, "10.20.0.30"), PLUGIN)
    backend.declare(*shared("web", "10.20.0.30"))
    assert ledger.who(ip("10.20.0.30")).pod == pod(A)
    backend.undeclare(*shared("web", "10.20.0.30"))
    ended = ledger.who(ip("10.20.0.30"))
    assert (ended.state, ended.pod, ended.reserved_for) == ("LEASED", pod(A), None)


def test_the_books_of_shared_addresses_add_up(backend: Backend, ledger: Ledger) -> None:
    bound(ledger, A)
    folded = fold(ledger.history())
    assert folded.reserved[ip(SHARED[0])] == ("db/deployment/web", "eth0")
    assert folded.bound == {ip(SHARED[0]): attachment(f"c-{A}")}
    own = [event.kind for event in ledger.history(pod=of_deployment("db", "web"), address=ip(SHARED[0]))]
    assert own == ["Reserved"]
    assert [str(event.owner) for event in ledger.history(pod=replace(pod(A), uid=""))] == ["db/deployment/web"]
    assert backend.open().reservations(pod=pod(A)) == ()


def test_a_pods_own_reservation_is_not_the_deployments(backend: Backend, ledger: Ledger) -> None:
    backend.declare(declared("10.20.0.50", A))
    assert addresses(ledger.bind(claim(A), PLUGIN)) == ["10.20.0.50"]
    assert ledger.who(ip("10.20.0.50")).reserved_for == pod(A)
