"""What every ledger does with claims, reservations and releases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import AddressTaken, InvalidConfig, PoolExhausted
from podberth.cni.value import replace
from podberth.ipam.lease import AddressBoundElsewhere, Wanted
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
    from tests.contract.ledgers import Backend


def kinds(ledger: Ledger) -> list[str]:
    return [event.kind for event in ledger.history()]


def test_a_lease_says_who_has_which_address_since_when(backend: Backend, ledger: Ledger) -> None:
    (lease,) = ledger.bind(claim("mysql-0", uid="u1"), PLUGIN)
    assert (str(lease.address), lease.pool, lease.attachment) == ("10.20.0.1", "db", attachment("c-mysql-0"))
    assert (lease.pod, lease.netns) == (pod("mysql-0", "u1"), "/run/netns/mysql-0")
    assert (lease.node, lease.since) == ("node1", backend.clock.now)
    assert ledger.of(lease.attachment) == ledger.leases() == backend.open().leases() == (lease,)


def test_the_same_claim_again_returns_the_same_leases_and_writes_nothing(backend: Backend, ledger: Ledger) -> None:
    backend.define(pool("db", "10.20.0.0/24", "fd00:20::/64"))
    for wish in (claim("a"), claim("b", families=(6, 4)), claim("c", "10.20.0.77"), claim("d", sticky=True)):
        first = ledger.bind(wish, PLUGIN)
        before = kinds(ledger)
        backend.clock.tick()
        assert ledger.bind(wish, PLUGIN) == first
        assert kinds(ledger) == before


def test_leases_are_in_the_order_of_what_was_wanted(backend: Backend, ledger: Ledger) -> None:
    backend.define(pool("db", "10.20.0.0/24", "fd00:20::/64"))
    assert addresses(ledger.bind(claim("a", families=(6, 4)), PLUGIN)) == ["fd00:20::1", "10.20.0.1"]
    assert addresses(ledger.bind(claim("b", "fd00:20::7", "10.20.0.7"), PLUGIN)) == ["fd00:20::7", "10.20.0.7"]
    assert addresses(ledger.leases()) == ["10.20.0.1", "10.20.0.7", "fd00:20::1", "fd00:20::7"]


def test_a_changed_claim_keeps_what_it_still_wants_and_ends_the_rest(backend: Backend, ledger: Ledger) -> None:
    backend.define(pool("db", "10.20.0.0/24", "fd00:20::/64"))
    ledger.bind(claim("x"), PLUGIN)
    (four,) = ledger.bind(claim("a"), PLUGIN)
    both = ledger.bind(claim("a", families=(4, 6)), PLUGIN)
    assert both[0] == four
    named = ledger.bind(claim("a", "10.20.0.9"), PLUGIN)
    assert ledger.of(attachment("c-a")) == named
    assert kinds(ledger) == ["Bound", "Bound", "Bound", "Unbound", "Unbound", "Bound"]


def test_a_claim_from_another_namespace_path_says_where_the_holder_is_now(ledger: Ledger) -> None:
    (lease,) = ledger.bind(claim("a"), PLUGIN)
    moved = replace(claim("a"), netns="/run/netns/other")
    assert ledger.bind(moved, PLUGIN) == (replace(lease, netns="/run/netns/other"),) == ledger.leases()


def test_a_claim_that_fails_in_its_second_part_leaves_nothing(backend: Backend, ledger: Ledger) -> None:
    backend.define(pool("db", "10.20.0.0/24", "fd00:20::4/127"))
    for name in ("a", "b"):
        ledger.bind(claim(name, families=(4, 6)), PLUGIN)
    before = (ledger.leases(), kinds(ledger), ledger.usage())
    with pytest.raises(
        PoolExhausted, match=r"pool db: no free IPv6 address: 2 of 2 leased, 0 reserved, 0 resting"
    ) as full:
        ledger.bind(claim("c", families=(4, 6)), PLUGIN)
    assert "`podberth gc --gone`" in full.value.details  # what ends leases that a reboot has left
    assert (ledger.leases(), kinds(ledger), ledger.usage()) == before


def test_unbind_returns_what_ended_and_a_second_finds_nothing(ledger: Ledger) -> None:
    leases = ledger.bind(claim("a"), PLUGIN)
    assert ledger.unbind(attachment("c-a"), PLUGIN) == leases
    assert ledger.unbind(attachment("c-a"), PLUGIN) == ()
    assert ledger.leases() == ()
    assert kinds(ledger) == ["Bound", "Unbound"]


def test_unbind_of_one_interface_leaves_the_others(ledger: Ledger) -> None:
    ledger.bind(claim("a"), PLUGIN)
    other = ledger.bind(claim("a", ifname="net1"), PLUGIN)
    ledger.unbind(attachment("c-a"), PLUGIN)
    assert ledger.leases() == other


def test_a_reserved_address_is_bound_whenever_the_pod_comes_and_to_nobody_else(ledger: Ledger) -> None:
    made = ledger.reserve("db", ip("10.20.0.1"), pod("mysql-0"), "eth0", OPERATOR)
    assert ledger.reservations() == (made,)
    assert addresses(ledger.bind(claim("web"), PLUGIN)) == ["10.20.0.2"]
    for container in ("first", "second"):
        assert addresses(ledger.bind(claim("mysql-0", container=container), PLUGIN)) == ["10.20.0.1"]
        ledger.unbind(attachment(container), PLUGIN)
    assert addresses(ledger.bind(claim("web-2"), PLUGIN)) == ["10.20.0.3"]


def test_a_reservation_is_for_one_interface_and_one_pool(backend: Backend, ledger: Ledger) -> None:
    backend.define(pool("lan", "10.30.0.0/24"))
    ledger.reserve("db", ip("10.20.0.9"), pod("mysql-0"), "eth0", OPERATOR)
    assert addresses(ledger.bind(claim("mysql-0", ifname="net1"), PLUGIN)) == ["10.20.0.1"]
    assert addresses(ledger.bind(claim("mysql-0", pool="lan", container="c2"), PLUGIN)) == ["10.30.0.1"]
    assert addresses(ledger.bind(claim("mysql-0"), PLUGIN)) == ["10.20.0.9"]
    with pytest.raises(AddressTaken, match=r"10\.20\.0\.9 of pool db is reserved for db/mysql-0 \(eth0, manual\)"):
        ledger.bind(claim("mysql-0", "10.20.0.9", ifname="net1", container="c3"), PLUGIN)


def test_a_pods_name_alone_counts_not_its_uid(ledger: Ledger) -> None:
    ledger.reserve("db", ip("10.20.0.9"), pod("mysql-0", ""), "eth0", OPERATOR)
    assert addresses(ledger.bind(claim("mysql-0", uid="another"), PLUGIN)) == ["10.20.0.9"]
    assert [r.pod for r in ledger.reservations(pod=pod("mysql-0", "third"))] == [pod("mysql-0", "")]


def test_the_same_name_in_another_namespace_is_another_pod(ledger: Ledger) -> None:
    ledger.reserve("db", ip("10.20.0.1"), pod("db/mysql-0"), "eth0", OPERATOR)
    assert addresses(ledger.bind(claim("test/mysql-0"), PLUGIN)) == ["10.20.0.2"]
    with pytest.raises(AddressTaken, match="db/mysql-0"):
        ledger.bind(claim("test/mysql-0", "10.20.0.1", container="c2"), PLUGIN)


@pytest.mark.parametrize("origin", ["manual", "sticky", "declared"])
def test_a_refusal_names_pool_address_pod_and_origin(backend: Backend, ledger: Ledger, origin: str) -> None:
    if origin == "manual":
        ledger.reserve("db", ip("10.20.0.1"), pod("mysql-0"), "eth0", OPERATOR)
    elif origin == "sticky":
        ledger.bind(claim("mysql-0", sticky=True), PLUGIN)
        ledger.unbind(attachment("c-mysql-0"), PLUGIN)
    else:
        backend.declare(declared("10.20.0.1", "mysql-0"))
    message = rf"^10\.20\.0\.1 of pool db is reserved for db/mysql-0 \(eth0, {origin}\)$"
    with pytest.raises(AddressTaken, match=message):
        ledger.bind(claim("web", "10.20.0.1"), PLUGIN)
    with pytest.raises(AddressTaken, match=message):
        ledger.reserve("db", ip("10.20.0.1"), pod("web"), "eth0", OPERATOR)


def test_an_address_another_pod_has_is_refused_with_its_name(ledger: Ledger) -> None:
    ledger.bind(claim("a", "10.20.0.9"), PLUGIN)
    message = r"^10\.20\.0\.9 of pool db is leased by db/a \(eth0, node node1\)$"
    with pytest.raises(AddressTaken, match=message):
        ledger.bind(claim("b", "10.20.0.9", takeover=(attachment("c-a"),)), PLUGIN)
    with pytest.raises(AddressTaken, match=message):
        ledger.reserve("db", ip("10.20.0.9"), pod("b"), "eth0", OPERATOR)


def test_a_container_without_a_pod_is_held_by_its_id(ledger: Ledger) -> None:
    (lease,) = ledger.bind(claim(None, container="abc"), PLUGIN)
    assert lease.pod is None
    for other in (claim(None, "10.20.0.1", container="xyz", takeover=(lease.attachment,)), claim("a", "10.20.0.1")):
        with pytest.raises(AddressTaken, match="leased by container abc"):
            ledger.bind(other, PLUGIN)
    assert ledger.who(lease.address).bound_to == lease.attachment
    assert ledger.unbind(lease.attachment, PLUGIN) == (lease,)


def test_the_leases_of_several_attachments_end_in_one_step(ledger: Ledger) -> None:
    (first,) = ledger.bind(claim("a"), PLUGIN)
    (second,) = ledger.bind(claim("b"), PLUGIN)
    (stays,) = ledger.bind(claim("c"), PLUGIN)
    gone = (attachment("c-a"), attachment("nobody"), attachment("c-b"))
    assert ledger.unbind_all(gone, PLUGIN) == (first, second)
    assert ledger.leases() == (stays,)
    assert ledger.unbind_all(gone, PLUGIN) == ()


def test_a_sticky_address_stays_with_the_pods_name_until_released(ledger: Ledger) -> None:
    ledger.bind(claim("a", sticky=True), PLUGIN)
    ledger.unbind(attachment("c-a"), PLUGIN)
    assert [(str(r.address), r.origin) for r in ledger.reservations()] == [("10.20.0.1", "sticky")]
    assert addresses(ledger.bind(claim("b"), PLUGIN)) == ["10.20.0.2"]
    assert addresses(ledger.bind(claim("a", container="again"), PLUGIN)) == ["10.20.0.1"]
    ended = ledger.release(ip("10.20.0.1"), OPERATOR)
    assert ended is not None
    assert ended.pod == pod("a", "")
    ledger.unbind(attachment("again"), PLUGIN)
    assert addresses(ledger.bind(claim("c"), PLUGIN)) == ["10.20.0.1"]


def test_an_address_that_was_named_does_not_stick(ledger: Ledger) -> None:
    ledger.bind(claim("a", "10.20.0.9", sticky=True), PLUGIN)
    assert ledger.reservations() == ()


def test_reserving_twice_returns_the_reservation_there_is(backend: Backend, ledger: Ledger) -> None:
    made = ledger.reserve("db", ip("10.20.0.9"), pod("a"), "eth0", OPERATOR)
    backend.clock.tick()
    assert ledger.reserve("db", ip("10.20.0.9"), pod("a"), "eth0", OPERATOR) == made
    assert kinds(ledger) == ["Reserved"]
    with pytest.raises(AddressTaken, match="reserved for db/a"):
        ledger.reserve("db", ip("10.20.0.9"), pod("a"), "net1", OPERATOR)


def test_releasing_what_nobody_reserved_is_nothing(ledger: Ledger) -> None:
    assert ledger.release(ip("10.20.0.9"), OPERATOR) is None
    assert kinds(ledger) == []


def test_a_declared_reservation_ends_with_its_declaration_only(backend: Backend, ledger: Ledger) -> None:
    backend.declare(declared("10.20.0.9", "a"))
    with pytest.raises(AddressTaken, match=r"10\.20\.0\.9 is declared for db/a \(eth0\) by a PodNetwork"):
        ledger.release(ip("10.20.0.9"), OPERATOR)
    backend.undeclare(declared("10.20.0.9", "b"))
    assert len(ledger.reservations()) == 1
    backend.undeclare(declared("10.20.0.9", "a"))
    assert ledger.reservations() == ()


def test_reserving_what_the_pod_has_makes_it_stay(ledger: Ledger) -> None:
    leases = ledger.bind(claim("a"), PLUGIN)
    ledger.reserve("db", ip("10.20.0.1"), pod("a"), "eth0", OPERATOR)
    assert ledger.leases() == leases
    ledger.unbind(attachment("c-a"), PLUGIN)
    assert [event.state for event in ledger.history()] == ["LEASED", "HELD", "RESERVED"]


def test_an_older_attachment_of_the_pod_keeps_the_address_until_it_may_be_taken_over(ledger: Ledger) -> None:
    ledger.reserve("db", ip("10.20.0.9"), pod("a"), "eth0", OPERATOR)
    (older,) = ledger.bind(claim("a", container="old"), PLUGIN)
    with pytest.raises(AddressBoundElsewhere, match=r"10\.20\.0\.9 is still bound to db/a \(container old") as held:
        ledger.bind(claim("a", container="new"), PLUGIN)
    assert (held.value.code, held.value.lease) == (11, older)
    with pytest.raises(AddressBoundElsewhere):
        ledger.bind(claim("a", container="new", takeover=(attachment("another"),)), PLUGIN)
    assert ledger.leases() == (older,)


def test_takeover_moves_the_address_and_the_late_del_touches_nothing(backend: Backend, ledger: Ledger) -> None:
    ledger.reserve("db", ip("10.20.0.9"), pod("a"), "eth0", OPERATOR)
    ledger.bind(claim("a", container="old", uid="u1"), PLUGIN)
    backend.clock.tick()
    newer = ledger.bind(claim("a", container="new", uid="u2", takeover=(attachment("old"),)), PLUGIN)
    assert addresses(newer) == ["10.20.0.9"]
    assert (newer[0].pod, newer[0].since) == (pod("a", "u2"), backend.clock.now)
    assert ledger.unbind(attachment("old"), PLUGIN) == ()
    assert ledger.leases() == newer
    assert [(e.kind, e.state) for e in ledger.history()][1:] == [("Bound", "HELD"), ("Moved", "HELD")]


def test_takeover_keeps_a_dynamic_address_too(ledger: Ledger) -> None:
    ledger.bind(claim("x"), PLUGIN)
    ledger.bind(claim("a", container="old"), PLUGIN)
    ledger.unbind(attachment("c-x"), PLUGIN)
    newer = ledger.bind(claim("a", container="new", takeover=(attachment("old"),)), PLUGIN)
    assert addresses(newer) == ["10.20.0.2"]


def test_the_last_address_of_a_pool_is_held_by_the_pods_own_older_attachment(backend: Backend, ledger: Ledger) -> None:
    backend.define(pool("one", "10.30.0.4/32"))
    ledger.bind(claim("a", pool="one", container="old"), PLUGIN)
    with pytest.raises(AddressBoundElsewhere, match="container old"):
        ledger.bind(claim("a", pool="one", container="new"), PLUGIN)
    with pytest.raises(PoolExhausted):
        ledger.bind(claim("b", pool="one"), PLUGIN)


def test_a_takeover_that_can_not_be_completed_moves_nothing(backend: Backend, ledger: Ledger) -> None:
    backend.define(pool("db", "10.20.0.0/24", "fd00:20::4/128"))
    ledger.bind(claim("other", families=(6,)), PLUGIN)
    older = ledger.bind(claim("a", container="old"), PLUGIN)
    with pytest.raises(PoolExhausted):
        ledger.bind(claim("a", container="new", families=(4, 6), takeover=(attachment("old"),)), PLUGIN)
    assert ledger.of(attachment("old")) == older


@pytest.mark.parametrize(
    "address",
    ["10.20.1.0", "10.20.1.255", "10.20.1.1", "10.20.1.5", "10.20.1.50", "10.20.1.64", "10.21.0.1", "fd00::1"],
)
def test_an_address_the_pool_does_not_give_out_is_refused_by_name(
    backend: Backend, ledger: Ledger, address: str
) -> None:
    ranges, exclude = ("10.20.1.10-10.20.1.200",), ("10.20.1.50", "10.20.1.64-10.20.1.79")
    backend.define(pool("lan", subnet("10.20.1.0/24", gateway="10.20.1.1", ranges=ranges, exclude=exclude)))
    message = rf"^{re.escape(address)} is not an address that pool lan gives out"
    with pytest.raises(AddressTaken, match=message):
        ledger.bind(claim("a", address, pool="lan"), PLUGIN)
    with pytest.raises(AddressTaken, match=message):
        ledger.reserve("lan", ip(address), pod("a"), "eth0", OPERATOR)
    assert kinds(ledger) == []


def test_an_address_reserved_in_one_pool_is_not_another_pools(backend: Backend, ledger: Ledger) -> None:
    backend.define(pool("lan", "10.30.0.0/24"))
    ledger.reserve("db", ip("10.20.0.9"), pod("a"), "eth0", OPERATOR)
    with pytest.raises(AddressTaken, match=r"10\.20\.0\.9 is not an address that pool lan gives out"):
        ledger.bind(claim("a", "10.20.0.9", pool="lan"), PLUGIN)
    with pytest.raises(AddressTaken, match=r"10\.20\.0\.9 is not an address that pool lan gives out"):
        ledger.reserve("lan", ip("10.20.0.9"), pod("a"), "eth0", OPERATOR)


def test_an_unknown_pool_is_named(ledger: Ledger) -> None:
    with pytest.raises(InvalidConfig, match="there is no pool 'lan'"):
        ledger.bind(claim("a", pool="lan"), PLUGIN)
    with pytest.raises(InvalidConfig, match="there is no pool 'lan'"):
        ledger.reserve("lan", ip("10.20.0.9"), pod("a"), "eth0", OPERATOR)


def test_one_address_asked_for_twice_is_refused(ledger: Ledger) -> None:
    with pytest.raises(InvalidConfig, match=r"10\.20\.0\.9 is asked for twice"):
        ledger.bind(claim("a", "10.20.0.9", "10.20.0.9"), PLUGIN)
    assert ledger.leases() == ()


def test_two_addresses_of_one_family_come_from_two_reservations_then_the_pool(ledger: Ledger) -> None:
    ledger.reserve("db", ip("10.20.0.9"), pod("a"), "eth0", OPERATOR)
    ledger.reserve("db", ip("10.20.0.8"), pod("a"), "eth0", OPERATOR)
    wish = replace(claim("a"), wanted=(Wanted(pool="db", family=4),) * 3)
    assert addresses(ledger.bind(wish, PLUGIN)) == ["10.20.0.8", "10.20.0.9", "10.20.0.1"]
    assert addresses(ledger.bind(wish, PLUGIN)) == ["10.20.0.1", "10.20.0.8", "10.20.0.9"]


def test_addresses_to_avoid_are_skipped_reserved_ones_too(ledger: Ledger) -> None:
    ledger.reserve("db", ip("10.20.0.9"), pod("a"), "eth0", OPERATOR)
    assert addresses(ledger.bind(claim("a", avoid=("10.20.0.9", "10.20.0.1")), PLUGIN)) == ["10.20.0.2"]


def test_leases_and_reservations_are_listed_by_pool_and_network(backend: Backend, ledger: Ledger) -> None:
    backend.define(pool("lan", "10.30.0.0/24"))
    (in_db,), (in_lan,) = ledger.bind(claim("a"), PLUGIN), ledger.bind(claim("b", pool="lan"), PLUGIN)
    assert ledger.leases(pool="db") == (in_db,)
    assert ledger.leases(pool="lan", network="banknet") == (in_lan,)
    assert ledger.leases(network="other") == ()
    made = ledger.reserve("lan", ip("10.30.0.9"), pod("a", ""), "eth0", OPERATOR)
    assert ledger.reservations(pool="db") == ()
    assert ledger.reservations(pool="lan", pod=pod("a")) == (made,)
    assert ledger.reservations(pod=pod("b")) == ()
