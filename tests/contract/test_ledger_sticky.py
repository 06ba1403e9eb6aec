"""How many addresses a pool keeps for pods' names: what is beyond that is refused, and nothing of before ends by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import Refused
from podberth.cni.value import replace
from tests.contract.ledgers import OPERATOR, PLUGIN, addresses, attachment, claim, ip, pod, pool

if TYPE_CHECKING:
    from podberth.ipam.ledger import Ledger
    from tests.contract.ledgers import Backend


def start(ledger: Ledger, name: str, *, ended: bool = True) -> list[str]:
    """Start a sticky pod, and end it; return its addresses."""
    found = addresses(ledger.bind(claim(name, sticky=True), PLUGIN))
    if ended:
        ledger.unbind(attachment(f"c-{name}"), PLUGIN)
    return found


def define(backend: Backend, most: int | None, *subnets: str) -> None:
    backend.define(replace(pool("db", *(subnets or ("10.20.0.0/24",))), sticky_reservations=most))


def test_pods_that_come_and_go_do_not_fill_a_pool_for_good(backend: Backend) -> None:
    define(backend, 3)
    ledger = backend.open()
    for n in range(3):
        start(ledger, f"p{n}")
    with pytest.raises(Refused) as refusal:
        start(ledger, "p3")
    assert "pool db keeps 3 IPv4 addresses for pods' names, and stickyReservations allows 3" in refusal.value.message
    assert "db/p3" in refusal.value.message
    assert "podberth release" in refusal.value.details
    assert not ledger.of(attachment("c-p3"))
    assert ledger.bind(claim("plain"), PLUGIN)  # who asks for no address to stay gets one


def test_a_pod_whose_address_is_kept_starts_whatever_the_quota_is(backend: Backend) -> None:
    define(backend, 3)
    ledger = backend.open()
    had = [start(ledger, f"p{n}") for n in range(3)]
    define(backend, 1)
    again = backend.open()
    assert [start(again, f"p{n}") for n in range(3)] == had
    assert len(again.reservations()) == 3


def test_a_running_pod_is_not_asked_again(backend: Backend) -> None:
    define(backend, 1)
    ledger = backend.open()
    first = start(ledger, "p0", ended=False)
    define(backend, 0)
    assert addresses(backend.open().bind(claim("p0", sticky=True), PLUGIN)) == first


def test_what_an_operator_reserves_or_releases_makes_room_or_none(backend: Backend) -> None:
    define(backend, 1)
    ledger = backend.open()
    ledger.reserve("db", ip("10.20.0.9"), pod("by-hand"), "eth0", OPERATOR)
    (kept,) = start(ledger, "p0")
    with pytest.raises(Refused):
        start(ledger, "p1")
    ledger.release(ip(kept), OPERATOR)
    assert start(ledger, "p1")
    assert [str(one.pod) for one in ledger.reservations()] == ["db/p1", "db/by-hand"]


def test_each_family_is_counted_by_itself_and_a_refusal_leaves_neither(backend: Backend) -> None:
    define(backend, 1, "10.20.0.0/24", "fd00:20::/64")
    ledger = backend.open()
    ledger.bind(claim("p0", sticky=True, families=(6,)), PLUGIN)
    with pytest.raises(Refused, match="IPv6"):
        ledger.bind(claim("p1", sticky=True, families=(4, 6)), PLUGIN)
    assert len(ledger.leases()) == len(ledger.reservations()) == 1


def test_a_quota_that_is_taken_away_counts_no_more(backend: Backend) -> None:
    define(backend, 0)
    with pytest.raises(Refused):
        start(backend.open(), "p0")
    define(backend, None)
    assert start(backend.open(), "p0")
