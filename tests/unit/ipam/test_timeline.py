"""When events happened, by clocks that are wrong; against a fold over the true time."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.pod import Attachment
from podberth.cni.value import replace
from podberth.ipam.lease import Actor, Correction, Event
from podberth.ipam.lifecycle import Kind, State, after
from podberth.ipam.moment import Moment, Opinion, Uptime, judged
from podberth.ipam.timeline import EVER, PRESENT, Beginning, beginning, holding_at, placed, since, told_at

if TYPE_CHECKING:
    from collections.abc import Sequence

ADDRESS = ip_address("10.20.0.1")
NS, DAY = 10**9, 86_400 * 10**9
START, NOW = 1_800_000_000 * NS, 1_800_100_000 * NS


def event(seq: int, time: int, *, clock: str = "", ahead: int = 0, node: str = "n", kind: str = "Bound") -> Event:
    state = State.LEASED if kind in ("Bound", "Moved") else State.FREE
    held = Attachment(network="net", container_id=f"c{seq}", ifname="eth0")
    return Event(
        seq=seq, time=time, kind=kind, address=ADDRESS, pool="db", pod=None, ifname="eth0", attachment=held,
        actor=Actor(who="plugin", why="ADD", node=node), state=state, clock=clock, ahead=ahead,
    )  # fmt: skip


def times(events: Sequence[Event], now: int = NOW) -> list[int]:
    return [(each.time - START) // NS for each in placed(events, now)]


def series(*seconds: int) -> list[Event]:
    return [event(n, START + second * NS) for n, second in enumerate(seconds, 1)]


def test_times_that_grow_are_as_they_are() -> None:
    assert times(series(1, 2, 2, 9)) == [1, 2, 2, 9]


def test_one_clock_that_was_ahead_is_put_at_the_event_before() -> None:
    assert times(series(1, 90_000, 3, 4)) == [1, 1, 3, 4]


def test_one_clock_that_was_behind_is_put_at_the_event_before() -> None:
    assert times(series(4, 5, -90_000, 7, 8)) == [4, 5, 5, 7, 8]


def test_a_last_event_of_a_time_to_come_has_happened() -> None:
    assert times(series(1, 2, 10**9)) == [1, 2, 2]


def test_an_event_of_a_time_to_come_stays_where_it_is_when_later_ones_come() -> None:
    wrong = series(1, 10**9)
    assert times(wrong) == times([*wrong, event(3, START + 60 * NS)])[:2]


def test_a_first_event_of_a_time_to_come_begins_no_later_than_what_follows() -> None:
    assert times(series(10**9, 5, 6)) == [5, 5, 6]
    assert beginning(series(10**9, 5, 6), NOW) == Beginning(time=START + 5 * NS, between=(-EVER, EVER))
    assert beginning(series(5, 6), NOW) == Beginning(time=START + 5 * NS)
    assert beginning([], NOW) is None


@pytest.mark.parametrize("seconds", [(10**9,), (10**9, 10**9 + 1, 10**9 + 2), (10**9, 10**8)])
def test_a_ledger_without_a_right_time_has_begun_before_the_question_and_no_clock_tells_when(
    seconds: tuple[int, ...],
) -> None:
    begun = beginning(series(*seconds), NOW)
    assert begun == Beginning(time=NOW - PRESENT, told=False, between=(-EVER, EVER))
    every = series(*seconds)
    for at in (NOW, NOW - NS, NOW - PRESENT):
        assert told_at(ADDRESS, every, at, NOW, lambda: begun).event == every[-1]
    earlier = told_at(ADDRESS, every, NOW - PRESENT - 1, NOW, lambda: begun)
    assert (earlier.state, earlier.begins, earlier.between) == ("UNKNOWN", None, (-EVER, EVER))


def test_a_ledger_without_a_right_time_begins_when_its_store_was_made() -> None:
    made = START + 20 * NS
    assert beginning(series(10**9), NOW, made) == Beginning(time=made, between=(-EVER, EVER))
    assert beginning(series(10**9, 5), NOW, made) == Beginning(time=START + 5 * NS, between=(-EVER, EVER))
    assert beginning(series(30), NOW, made) == Beginning(time=START + 30 * NS)


def test_an_event_of_a_second_ago_behind_a_wrong_one_hides_not_who_had_it_until_then() -> None:
    now = START + 10 * NS
    events = [event(1, START + DAY), event(2, now - NS // 5, kind="Unbound")]
    begun = beginning(events, now)
    held = told_at(ADDRESS, events, now - NS, now, lambda: begun)
    assert (held.event, held.between is not None) == (events[0], True)


def test_an_address_whose_first_time_is_wrong_was_had_since_the_event_before_of_any_address() -> None:
    begun = Beginning(time=START)
    wrong = event(7, START + DAY * 9)
    asked = []

    def before(seq: int) -> int:
        asked.append(seq)
        return START + 50 * NS

    def state(at: int) -> str:
        return told_at(ADDRESS, [wrong], START + at * NS, NOW, lambda: begun, before).state

    assert [state(40), state(50), state(60)] == ["FREE", "LEASED", "LEASED"]
    assert asked == [7, 7, 7]


def test_a_question_by_a_clock_that_is_a_day_behind_is_after_all_there_is() -> None:
    events = [event(1, START, clock="proven"), event(2, START + 9 * NS, clock="proven")]
    now = START - DAY
    assert told_at(ADDRESS, events, now - NS, now, lambda: beginning(events, now)).event == events[1]


def test_events_since_a_time_are_those_that_may_have_happened_since() -> None:
    def since_then(events: Sequence[Event], at: int) -> list[int]:
        return sorted(each.seq for each in since(events, START + at * NS, NOW))

    behind = series(4, 5, -90_000, 7, 8)
    assert [since_then(behind, at) for at in (5, 6, 7, 8, 9)] == [[2, 3, 4, 5], [3, 4, 5], [3, 4, 5], [5], []]
    ahead = series(1, 90_000_000, 3, 4)
    assert [since_then(ahead, at) for at in (2, 4, 5)] == [[2, 3, 4], [4], []]
    assert since_then(series(1, 10**9), 50) == [2]
    said = Correction(first=2, last=2, node="", ahead=10**18)
    corrected = replace(event(3, START + 60 * NS, kind="Corrected"), corrects=said)
    assert since_then([event(1, START), event(2, START + 30 * NS + 10**18), corrected], 40) == [3]


def test_a_time_that_is_vouched_for_counts_against_any_number_of_others() -> None:
    proven = event(2, START + 50 * NS + DAY, clock="proven", ahead=DAY)
    events = [event(1, START + 60 * NS), proven, event(3, START + 20 * NS), event(4, START + 30 * NS)]
    assert times(events) == [50, 50, 50, 50]


def test_the_later_correction_counts_and_only_for_its_node() -> None:
    events = [event(1, START + 10 * NS, node="a"), event(2, START + 1000 * NS, node="b")]
    for seq, (ahead, node) in enumerate(((5, "b"), (980, "b"), (7, "a of another name")), 3):
        correction = Correction(first=1, last=2, node=node, ahead=ahead * NS)
        noted = event(seq, START + 100 * NS, kind="Corrected")
        events.append(replace(noted, corrects=correction))
    assert times(events)[:2] == [10, 20]


def test_a_clock_is_held_against_the_first_opinion_that_there_is() -> None:
    uptime = Uptime(boot="b", ns=5)
    assert judged(100, uptime, [None]) == Moment(time=100, uptime=uptime)
    right = judged(100, uptime, [None, Opinion(time=95, within=5), Opinion(time=1, within=0)])
    assert (right.ahead, right.proven, right.true) == (0, True, 100)
    wrong = judged(100, uptime, [Opinion(time=10, within=5)])
    assert (wrong.ahead, wrong.proven, wrong.true) == (90, True, 10)


def test_an_opinion_that_may_be_late_tells_only_of_a_clock_that_is_behind() -> None:
    uptime, late = Uptime(boot="b", ns=5), Opinion(time=50, within=5, late=True)
    assert judged(100, uptime, [late]).proven is False
    assert judged(52, uptime, [late]).true == 52
    assert judged(10, uptime, [late]).true == 50


steps = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(min_value=1, max_value=40_000),  # seconds since the event before
        st.sampled_from([0, 0, 0, DAY, -DAY]),  # that node's clock is set
        st.booleans(),  # whether somebody vouches for it
    ),
    min_size=1,
    max_size=25,
)


@given(steps, st.data())
def test_who_is_a_fold_over_the_true_time_within_the_uncertainty_it_marks(
    written: list[tuple[str, int, int, bool]], data: st.DataObject
) -> None:
    now, skew = START, dict.fromkeys("abc", 0)
    state, events, true = State.FREE, [], []
    for seq, (node, seconds, step, proven) in enumerate(written, 1):
        now += seconds * NS
        skew[node] += step
        kind = Kind.BOUND if state is State.FREE else Kind.UNBOUND
        state = after(state, kind)
        clock, ahead = ("proven", skew[node]) if proven else ("unproven", 0)
        events.append(event(seq, now + skew[node], clock=clock, ahead=ahead, node=node, kind=str(kind)))
        true.append(now)
    now += NS
    found = placed(events, now)
    assert [each.time for each in found] == sorted(each.time for each in found)
    assert all(each.earliest <= at <= each.latest for each, at in zip(found, true, strict=True))
    at = data.draw(st.integers(min_value=START, max_value=now) | st.sampled_from(true))
    held = holding_at(ADDRESS, events, at, now)
    rightly = max((seq for seq, time in enumerate(true, 1) if time <= at), default=0)
    if held.between is None:
        assert (held.event.seq if held.event is not None else 0) == rightly
    else:
        assert held.between[0] <= at < held.between[1]
    last = holding_at(ADDRESS, events, now, now)
    assert last.event == events[-1]


@given(st.lists(st.integers(min_value=-DAY, max_value=DAY), min_size=1, max_size=12))
def test_of_unproven_times_no_earlier_event_ever_counts_after_a_later_one(said: list[int]) -> None:
    clock = "unproven"
    kinds = (Kind.BOUND, Kind.UNBOUND)
    events = [event(n, START + at, clock=clock, kind=str(kinds[n % 2])) for n, at in enumerate(said)]
    asked = sorted({START + at + more for at in (*said, -2 * DAY, 2 * DAY) for more in (-1, 0, 1)})
    answers = [holding_at(ADDRESS, events, at, START + 2 * DAY + 1).event for at in asked]
    numbers = [answer.seq if answer is not None else -1 for answer in answers]
    assert numbers == sorted(numbers)
    assert numbers[-1] == events[-1].seq
