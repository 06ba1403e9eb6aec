"""The judge of ledgers, on right ones and on wrong ones."""

from __future__ import annotations

from ipaddress import ip_address

from bench.cluster.audit import Books, complaints, folded
from bench.cluster.history import OK, UNKNOWN, Operation
from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Event, Lease, Usage

A = ip_address("10.0.0.1")


def event(seq: int, kind: str, container: str, state: str, time: int = 5) -> Event:
    pod = PodRef(namespace="db", name=container[0])
    return Event(
        seq=seq, time=time, kind=kind, address=A, pool="db", pod=pod, ifname="eth0",
        attachment=Attachment(network="n", container_id=container, ifname="eth0"),
        actor=Actor(who="plugin", why="ADD", node="n1"), state=state,
    )  # fmt: skip


def books(*events: Event, holder: str = "") -> Books:
    lease = Lease(
        address=A, pool="db", attachment=Attachment(network="n", container_id=holder, ifname="eth0"),
        pod=PodRef(namespace="db", name=holder[:1]), netns="/x", node="n1", since=5,
    )  # fmt: skip
    used = Usage(pool="db", family=4, size=2, free=2 - bool(holder), leased=int(bool(holder)), reserved=0, resting=0)
    return Books(events=events, leases=(lease,) if holder else (), reservations=(), usage=(used,))


def told(kind: str, container: str, outcome: str = OK) -> Operation:
    got = (str(A),) if outcome == OK else ()
    return Operation(node="n1", kind=kind, began=1, ended=2, outcome=outcome, attachment=container, got=got)


def test_a_ledger_in_order_has_no_complaints() -> None:
    events = event(1, "Bound", "a1", "LEASED"), event(2, "Unbound", "a1", "FREE"), event(3, "Bound", "b1", "LEASED")
    asked = [told("bind", "a1"), told("unbind", "a1"), told("bind", "b1")]
    assert complaints(books(*events, holder="b1"), asked) == []


def test_two_leases_of_one_address() -> None:
    _, _, wrong = folded([event(1, "Bound", "a1", "LEASED"), event(2, "Bound", "b1", "LEASED")])
    assert wrong == ["10.0.0.1: event 2: the ledger can't take Bound of an address that is LEASED"]


def test_what_is_reserved_for_one_given_to_another() -> None:
    _, _, wrong = folded([event(1, "Reserved", "a1", "RESERVED"), event(2, "Bound", "b1", "HELD")])
    assert wrong == ["10.0.0.1: event 2: gives db/b what is reserved for db/a"]


def test_numbers_that_go_back() -> None:
    _, _, wrong = folded([event(2, "Bound", "a1", "LEASED"), event(2, "Unbound", "a1", "FREE", time=4)])
    assert wrong == ["10.0.0.1: event 2: follows event 2"]


def test_an_end_of_what_another_has_and_a_move_to_another_pod() -> None:
    _, _, wrong = folded([event(1, "Bound", "a1", "LEASED"), event(2, "Unbound", "b1", "FREE")])
    assert wrong == ["10.0.0.1: event 2: ends a lease of b1, which a1 has"]
    _, _, wrong = folded([event(1, "Bound", "a1", "LEASED"), event(2, "Moved", "b1", "LEASED")])
    assert wrong == ["10.0.0.1: event 2: moves it to another pod, db/b"]


def test_leases_that_the_events_do_not_explain() -> None:
    assert complaints(books(holder="a1"), []) == ["10.0.0.1: leases say a1, the events nobody"]


def test_a_claim_that_a_client_was_told_of_and_the_ledger_has_not() -> None:
    (wrong,) = complaints(books(), [told("bind", "a1")])
    assert wrong.endswith("is not in the ledger")


def test_a_lease_that_nobody_asked_for() -> None:
    events = (event(1, "Bound", "a1", "LEASED"),)
    (wrong,) = complaints(books(*events, holder="a1"), [])
    assert wrong.endswith("no client was told")
    assert complaints(books(*events, holder="a1"), [told("bind", "a1", UNKNOWN)]) == []


def test_addresses_that_do_not_add_up() -> None:
    used = Usage(pool="db", family=4, size=3, free=1, leased=0, reserved=1, resting=0)
    (wrong,) = complaints(Books(events=(), leases=(), reservations=(), usage=(used,)), [])
    assert wrong.startswith("pool db: its addresses don't add up")
