"""What every ledger answers about the past: who had an address when, and everything that happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.ipam.lifecycle import Kind, fold
from tests.contract.ledgers import NOON, OPERATOR, PLUGIN, SECOND, attachment, claim, ip, pod, pool

if TYPE_CHECKING:
    from podberth.ipam.ledger import Ledger
    from tests.contract.ledgers import Backend

ADDRESS = ip("10.20.0.1")


def told(ledger: Ledger, at: int | None = None) -> tuple[str, str, str]:
    held = ledger.who(ADDRESS, at)
    return held.state, str(held.reserved_for or ""), str(held.bound_to or "")


def test_who_had_it_at_each_time_has_one_answer(backend: Backend, ledger: Ledger) -> None:
    ledger.reserve("db", ip("10.20.0.9"), pod("z"), "eth0", OPERATOR)  # 0: the ledger begins
    backend.clock.tick()
    ledger.reserve("db", ADDRESS, pod("a"), "eth0", OPERATOR)  # 1
    backend.clock.tick()
    ledger.bind(claim("a", container="old"), PLUGIN)  # 2
    backend.clock.tick()
    ledger.bind(claim("a", container="new", takeover=(attachment("old"),)), PLUGIN)  # 3
    backend.clock.tick()
    ledger.release(ADDRESS, OPERATOR)  # 4
    backend.clock.tick()
    ledger.unbind(attachment("new"), PLUGIN)  # 5
    expected = [
        ("FREE", "", ""),
        ("RESERVED", "db/a", ""),
        ("HELD", "db/a", "banknet/old/eth0"),
        ("HELD", "db/a", "banknet/new/eth0"),
        ("LEASED", "", "banknet/new/eth0"),
        ("FREE", "", ""),
    ]
    assert [told(ledger, NOON + n * SECOND) for n in range(6)] == expected
    assert [told(ledger, NOON + n * SECOND - 1) for n in range(1, 6)] == expected[:5]
    assert told(ledger) == expected[-1]


def test_of_a_time_before_the_ledger_or_to_come_it_says_that_it_can_not_know(backend: Backend, ledger: Ledger) -> None:
    ledger.bind(claim("a"), PLUGIN)
    backend.clock.tick()
    never = ("", "")
    assert told(ledger, NOON + 2 * SECOND) == ("NOT_YET", *never)
    assert told(ledger, 2**80) == ("NOT_YET", *never)
    assert told(ledger, -(2**80)) == ("UNKNOWN", *never)
    begins = ledger.who(ADDRESS, -(2**80)).begins
    assert begins is not None
    assert begins <= NOON
    assert told(ledger, begins - 1)[0] == "UNKNOWN"
    assert ledger.who(ip("10.20.0.7"), NOON).state == "FREE"


def test_who_names_the_pod_with_its_uid_and_the_event(ledger: Ledger) -> None:
    (lease,) = ledger.bind(claim("a", uid="u7"), PLUGIN)
    held = ledger.who(ADDRESS)
    assert (held.pod, held.bound_to, held.reserved_for) == (pod("a", "u7"), lease.attachment, None)
    assert held.event == next(ledger.history())
    assert held.event is not None
    assert held.event.actor == PLUGIN


def test_of_two_changes_in_one_instant_the_later_one_counts(ledger: Ledger) -> None:
    ledger.bind(claim("a"), PLUGIN)
    ledger.unbind(attachment("c-a"), PLUGIN)
    ledger.bind(claim("b"), PLUGIN)
    assert told(ledger, NOON)[2] == "banknet/c-b/eth0"


@pytest.mark.parametrize("kind", [Kind.ADJUSTED, Kind.REPAIRED])
def test_what_is_done_to_a_holder_is_recorded_for_each_of_its_addresses(
    backend: Backend, ledger: Ledger, kind: Kind
) -> None:
    holder = ledger.bind(claim("a"), PLUGIN)
    bound = ledger.who(holder[0].address).event
    backend.clock.tick()
    ledger.noted(holder[0].attachment, kind, PLUGIN)
    ledger.noted(attachment("nobody"), kind, PLUGIN)
    assert ledger.leases() == holder
    for lease in holder:
        last = list(ledger.history(address=lease.address))[-1]
        assert (last.kind, last.state, last.attachment, last.pod) == (str(kind), "LEASED", lease.attachment, lease.pod)
    assert ledger.who(holder[0].address).event == bound
    assert fold(ledger.history()).bound == {lease.address: lease.attachment for lease in holder}


def test_a_conflict_is_recorded_with_the_mac_and_changes_no_hands(backend: Backend, ledger: Ledger) -> None:
    holder = ledger.bind(claim("a"), PLUGIN)
    backend.clock.tick()
    ledger.conflicted(ADDRESS, "02:00:00:00:00:99", attachment("c-b"), PLUGIN)
    ledger.conflicted(ip("10.20.0.5"), "02:00:00:00:00:99", attachment("c-b"), PLUGIN)
    assert told(ledger) == ("LEASED", "", str(holder[0].attachment))
    assert ledger.who(ip("10.20.0.5")).state == "FREE"
    last = list(ledger.history(address=ADDRESS))[-1]
    assert (last.kind, last.state, last.attachment) == ("Conflicted", "LEASED", attachment("c-b"))
    assert last.actor.why == "ADD: 02:00:00:00:00:99 answers for it"
    assert ledger.leases() == holder


def test_history_is_a_pods_an_addresss_both_or_all_oldest_first(backend: Backend, ledger: Ledger) -> None:
    backend.define(pool("lan", "10.30.0.0/24"))
    for container, name in (("1", "a"), ("2", "b")):
        ledger.bind(claim(name, container=container), PLUGIN)
        ledger.bind(claim(name, container=container, ifname="net1", pool="lan"), PLUGIN)
        ledger.unbind(attachment(container), PLUGIN)
        ledger.unbind(attachment(container, "net1"), PLUGIN)
    everything = list(ledger.history())
    assert [event.seq for event in everything] == sorted({event.seq for event in everything})
    assert len(everything) == 8
    assert list(ledger.history(pod=pod("a", "any"))) == everything[:4]
    assert list(ledger.history(address=ADDRESS)) == [e for e in everything if e.address == ADDRESS]
    both = list(ledger.history(address=ADDRESS, pod=pod("b")))
    assert [(e.kind, e.pod) for e in both] == [("Bound", pod("b")), ("Unbound", pod("b"))]
    assert list(ledger.history(pod=pod("nobody"))) == []


def test_the_ledger_adds_up_to_the_leases_and_reservations(backend: Backend, ledger: Ledger) -> None:
    backend.define(pool("db", "10.20.0.0/24", "fd00:20::/64"))
    ledger.bind(claim("a", families=(4, 6), sticky=True), PLUGIN)
    ledger.bind(claim("b"), PLUGIN)
    ledger.unbind(attachment("c-a"), PLUGIN)
    folded = fold(ledger.history())
    assert folded.bound == {lease.address: lease.attachment for lease in ledger.leases()}
    assert folded.reserved == {r.address: (str(r.pod), r.ifname) for r in ledger.reservations()}
