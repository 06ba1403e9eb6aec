"""What a word on a wrong clock makes of events, and words that can't be right."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from podberth.ipam.correction import Corrected, corrected, objection
from podberth.ipam.lease import Actor, Correction, Event

YEAR = 365 * 86400 * 10**9
NOW = 56 * YEAR


def event(seq: int, time: int, *, clock: str = "", node: str = "n1", address: str = "10.0.0.1") -> Event:
    return Event(
        seq=seq, time=time, kind="Bound", address=ip_address(address), pool="db", pod=None, ifname="eth0",
        attachment=None, actor=Actor(who="x", why="ADD", node=node), state="LEASED", clock=clock,
    )  # fmt: skip


def said(ahead: int, first: int = 2, last: int = 2, node: str = "") -> Correction:
    return Correction(first=first, last=last, node=node, ahead=ahead)


EVENTS = (event(1, 50 * YEAR, clock="proven"), event(2, 129 * YEAR), event(3, 55 * YEAR, clock="proven"))


@pytest.mark.parametrize(
    ("ahead", "why"),
    [
        (130 * YEAR, "before 1970"),
        (129 * YEAR, "before event 1, which was earlier"),
        (79 * YEAR + 1, "before event 1, which was earlier"),
        (79 * YEAR, ""),
        (74 * YEAR, ""),
        (73 * YEAR, ""),
        (73 * YEAR - 1, "still to come"),
        (-74 * YEAR, "still to come"),
    ],
)
def test_a_correction_puts_no_event_where_it_can_not_have_been(ahead: int, why: str) -> None:
    found = objection(EVENTS, said(ahead), NOW)
    assert (found.why if found is not None else "") == why


def test_what_nobody_vouches_for_refuses_no_correction() -> None:
    loose = (event(1, 50 * YEAR), event(2, 129 * YEAR), event(3, 52 * YEAR, clock="proven", address="10.0.0.2"))
    assert objection(loose, said(110 * YEAR), NOW) is None


def test_a_correction_is_about_the_events_of_its_numbers_and_its_node() -> None:
    events = (*EVENTS, event(4, 3 * YEAR, node="n2"))
    assert corrected(events, said(YEAR, 2, 9, "n2")) == (Corrected(event=events[3], time=2 * YEAR),)
    assert [one.event.seq for one in corrected(reversed(events), said(YEAR, 1, 9))] == [1, 2, 3, 4]
