"""When the events of an address happened, whatever the clocks of their writers said; and who had it then. Pure.

The order is the ledger's: an event is after every one with a lower number. A time that a second opinion or an operator
vouches for is right. Of the others the most are taken for right that do not contradict the order; one that does is put
at the last time before it that is right, and is marked.
"""

from __future__ import annotations

from bisect import bisect_right

from podberth.cni.value import replace, value
from podberth.ipam.address_record import changes_hands
from podberth.ipam.lifecycle import Edge, holding
from podberth.ipam.moment import UNPROVEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.ipam.lease import Correction, Event, Holding
    from podberth.net.ops import Address

EVER = 2**62  # ns: later than any time
FIRST = 100  # events among which the beginning of a ledger is looked for: the very first may have any time


@value
class Placed:
    """An event and when it happened (ns): at `time`, and certainly no earlier than `earliest` nor after `latest`."""

    event: Event
    time: int
    earliest: int
    latest: int

    @property
    def sure(self) -> bool:
        """Whether somebody vouches for the time."""
        return self.earliest == self.latest


def placed(events: Iterable[Event], now: int) -> tuple[Placed, ...]:
    """Return the events of one address, in the order of their numbers, each with its time; `now` ends the ledger."""
    own = sorted(events, key=lambda event: event.seq)
    corrections = [event.corrects for event in own if event.corrects is not None]
    times: list[int] = []
    vouched: list[bool] = []
    for event in own:
        time, sure = word(event, corrections)
        times.append(time)
        vouched.append(sure)
    return tuple(_put(own, times, vouched, now))


def word(event: Event, corrections: Sequence[Correction]) -> tuple[int, bool]:
    """Return when (ns) the event happened by its writer's clock and what is known of that, and if somebody vouches."""
    said = [c for c in corrections if c.first <= event.seq <= c.last and c.node in ("", event.actor.node)]
    return event.time - said[-1].ahead if said else event.true, bool(said) or event.proven


def holding_at(address: Address, events: Iterable[Event], at: int, now: int) -> Holding:
    """Return who had the address at `at` (ns), by all of its events; `now` is the time of the question."""
    found = [each for each in placed(events, now) if changes_hands(each.event)]
    until = bisect_right([each.time for each in found], at)
    answer = found[until - 1] if until else None
    held = replace(holding(address, answer.event if answer is not None else None), since=answer and answer.time)
    doubtful = [each for each in found if _doubtful(each) and each.earliest <= at < each.latest]
    if not doubtful:
        return held
    return replace(held, between=(min(each.earliest for each in doubtful), max(each.latest for each in doubtful)))


def beginning(events: Iterable[Event], now: int) -> int | None:
    """Return when (ns) a ledger begins, by its first events and all corrections; None if it has none."""
    found = placed({event.seq: event for event in events}.values(), now)
    return found[0].time if found else None


def beyond(address: Address, edge: Edge, begins: int | None = None) -> Holding:
    """Return the answer for a time of which the ledger can't know."""
    return replace(holding(address, None), state=str(edge), begins=begins)


def _doubtful(each: Placed) -> bool:
    """Say whether the event's time may mislead: it is said to be unproven, or contradicts the ledger's order."""
    return not each.sure and (each.event.clock == UNPROVEN or each.event.time != each.time)


def _put(own: Sequence[Event], times: list[int], vouched: list[bool], now: int) -> Iterable[Placed]:
    at = 0
    low = -EVER  # the last time that somebody vouches for
    before = -EVER  # the last time at all
    while at < len(own):
        end = next((i for i in range(at, len(own)) if vouched[i]), len(own))
        high = max(times[end], low) if end < len(own) else max(now, low)
        right = _longest([(times[i], i) for i in range(at, end) if low <= times[i] <= high])
        for i in range(at, end):
            before = times[i] if i in right else max(before, low)
            if before == -EVER:  # nothing before it is right either
                before = min((times[j] for j in right), default=high)
            yield Placed(event=own[i], time=before, earliest=low, latest=high if end < len(own) else EVER)
        if end < len(own):
            low = before = high
            yield Placed(event=own[end], time=high, earliest=high, latest=high)
        at = end + 1


def _longest(pairs: Sequence[tuple[int, int]]) -> frozenset[int]:
    """Return the indexes of a longest run of times that never go back (patience sorting)."""
    tails: list[int] = []
    ends: list[int] = []  # index in pairs of the last of the best run of each length
    previous: list[int] = []
    for n, (time, _) in enumerate(pairs):
        place = bisect_right(tails, time)
        previous.append(ends[place - 1] if place else -1)
        if place == len(tails):
            tails.append(time)
            ends.append(n)
        else:
            tails[place], ends[place] = time, n
    found: set[int] = set()
    n = ends[-1] if ends else -1
    while n >= 0:
        found.add(pairs[n][1])
        n = previous[n]
    return frozenset(found)
