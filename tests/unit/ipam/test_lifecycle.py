"""The table of an address's life, and the fold of a ledger."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from podberth.cni.errors import StoreFailed
from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Event
from podberth.ipam.lifecycle import TRANSITIONS, Kind, State, after, fold

POD = PodRef(namespace="db", name="mysql-0", uid="u")
ADDRESS = ip_address("10.20.0.9")


def attachment(container: str) -> Attachment:
    return Attachment(network="banknet", container_id=container, ifname="eth0")


def events(*lines: tuple[str, str]) -> list[Event]:
    return [
        Event(
            seq=n,
            time=n,
            kind=kind,
            address=ADDRESS,
            pool="db",
            pod=POD,
            ifname="eth0",
            attachment=attachment(container) if container else None,
            actor=Actor(who="plugin", why="ADD", node="node1"),
            state="",
        )
        for n, (kind, container) in enumerate(lines, 1)
    ]


def has(state: State) -> tuple[bool, bool]:
    """Say whether the address is reserved and whether it is bound."""
    return state in (State.RESERVED, State.HELD), state in (State.LEASED, State.HELD)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", Kind)
def test_an_event_changes_what_it_says_and_is_refused_where_it_makes_no_sense(state: State, kind: Kind) -> None:
    reserved, bound = has(state)
    following = {
        Kind.RESERVED: None if reserved else (True, bound),
        Kind.RELEASED: (False, bound) if reserved else None,
        Kind.BOUND: None if bound else (reserved, True),
        Kind.UNBOUND: (reserved, False) if bound else None,
        Kind.MOVED: (reserved, True) if bound else None,
        Kind.CONFLICTED: (reserved, bound),
        Kind.ADJUSTED: (reserved, True) if bound else None,
        Kind.REPAIRED: (reserved, True) if bound else None,
        Kind.CORRECTED: (reserved, bound),
    }[kind]
    if following is None:
        with pytest.raises(StoreFailed, match=f"can't take {kind} of an address that is {state}"):
            after(state, kind)
    else:
        assert has(after(state, kind)) == following


def test_the_table_has_every_state() -> None:
    assert set(TRANSITIONS) == set(State)


def test_the_fold_says_who_has_what_at_the_end() -> None:
    life = [("Reserved", ""), ("Bound", "old"), ("Conflicted", "x"), ("Moved", "new")]
    folded = fold(events(*life))
    assert folded.bound == {ADDRESS: attachment("new")}
    assert folded.reserved == {ADDRESS: ("db/mysql-0", "eth0")}
    assert fold(events(*life, ("Released", ""))).reserved == {}
    assert fold(events(*life, ("Unbound", "new"), ("Released", ""))).bound == {}
    assert fold([]).bound == {}


@pytest.mark.parametrize(
    "life", [["Unbound"], ["Released"], ["Moved"], ["Bound", "Bound"], ["Reserved", "Bound", "Reserved"]]
)
def test_the_fold_refuses_a_ledger_that_can_not_be(life: list[str]) -> None:
    with pytest.raises(StoreFailed, match="can't take"):
        fold(events(*((kind, "1") for kind in life)))


def test_the_fold_refuses_an_unknown_kind() -> None:
    with pytest.raises(StoreFailed, match="unknown kind 'Vanished'"):
        fold(events(("Vanished", "")))
