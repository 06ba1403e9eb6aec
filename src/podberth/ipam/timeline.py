"""When the events of an address happened, whatever the clocks of their writers said; and who had it then. Pure.

The order is the ledger's: an event is after every one with a lower number. A time that a second opinion or an operator
vouches for is right. Of the others the most are taken for right that do not contradict the order; one that does is put
at the last time before it that is right, and is marked. An event without such a time before it was before the question
all the same: its time is known to be no later, and nothing more.
"""

from __future__ import annotations

from bisect import bisect_right

from podberth.cni.value import replace, value
from podberth.ipam.address_record import changes_hands
from podberth.ipam.lifecycle import Edge, holding
from podberth.ipam.moment import UNPROVEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from podberth.ipam.lease import Correction, Event, Holding
    from podberth.net.ops import Address

EVER = 2**62  # ns: later than any time
FIRST = 100  # events among which the beginning of a ledger is looked for: the very first may have any time
PRESENT = 60 * 10**9  # ns: whoever asks about now writes that down to the minute


@value
class Placed:
    """An event and when it happened (ns): at `time`, and certainly no earlier than `earliest` nor after `latest`.

    `guessed`: neither its own time is right nor that of any before it. `before`: then that of the next that is right.
    """

    event: Event
    time: int
    earliest: int
    latest: int
    guessed: bool = False
    before: int = EVER

    @property
    def sure(self) -> bool:
        """Whether somebody vouches for the time."""
        return self.earliest == self.latest


@value
class Beginning:
    """When a ledger begins, by its first event in the order: at `time` (ns).

    `told`: whether a clock says so; if not, it has begun by then. `between`: as uncertain is it, None if it is not.
    """

    time: int
    told: bool = True
    between: tuple[int, int] | None = None


def placed(events: Iterable[Event], now: int, made: int = EVER) -> tuple[Placed, ...]:
    """Return the events of one address, in the order of their numbers, each with its time; `now` ends the ledger.

    `made`: a time (ns) before all of them, as far as a clock that nobody vouches for can tell; EVER: none is known.
    """
    own = sorted(events, key=lambda event: event.seq)
    corrections = [event.corrects for event in own if event.corrects is not None]
    times: list[int] = []
    vouched: list[bool] = []
    for event in own:
        time, sure = word(event, corrections)
        times.append(time)
        vouched.append(sure and time <= now + PRESENT)  # it was before the question
    return tuple(_put(own, times, vouched, now, made))


def word(event: Event, corrections: Sequence[Correction]) -> tuple[int, bool]:
    """Return when (ns) the event happened by its writer's clock and what is known of that, and if somebody vouches."""
    said = [c for c in corrections if c.first <= event.seq <= c.last and c.node in ("", event.actor.node)]
    return event.time - said[-1].ahead if said else event.true, bool(said) or event.proven


def holding_at(address: Address, events: Iterable[Event], at: int, now: int, made: int = EVER) -> Holding:
    """Return who had the address at `at` (ns), by all of its events; `now` is the time of the question."""
    found = [each for each in placed(events, now, made) if changes_hands(each.event)]
    until = bisect_right([each.time for each in found], at)
    answer = found[until - 1] if until else None
    held = replace(holding(address, answer.event if answer is not None else None), since=answer and answer.time)
    doubtful = [each for each in found if _doubtful(each) and each.earliest <= at < each.latest]
    return replace(held, between=_around(doubtful))


def beginning(events: Iterable[Event], now: int, made: int = EVER) -> Beginning | None:
    """Return when a ledger begins, by its first events and all corrections; None if it has none. `made`: as `placed`.

    Where no clock is right it has begun all the same: whoever asks about now does not ask about a time before it.
    """
    found = placed({event.seq: event for event in events}.values(), now, made)
    if not found:
        return None
    first = found[0]
    told = made == first.time or not all(each.guessed for each in found)
    return Beginning(time=first.time, told=told, between=_around([first] if _doubtful(first) else []))


def told_at(
    address: Address,
    events: Iterable[Event],
    at: int,
    now: int,
    begins: Callable[[], Beginning | None],
    before: Callable[[int], int] = lambda _: EVER,
) -> Holding:
    """Return who had the address at `at` (ns), which is not to come, or that the ledger begins later.

    Both are asked if need be: `begins` when it does; `before` for a time before the event of that number, EVER if none
    is known.
    """
    every = tuple(events)
    held = holding_at(address, every, at, now)
    if held.event is not None:
        return held
    begun = begins()
    if begun is None or at < begun.time:
        return beyond(address, Edge.UNKNOWN, begun)
    first = placed(every, now)[:1]
    return holding_at(address, every, at, now, before(first[0].event.seq)) if first and first[0].guessed else held


def beyond(address: Address, edge: Edge, begun: Beginning | None = None) -> Holding:
    """Return the answer for a time of which the ledger can't know."""
    held = replace(holding(address, None), state=str(edge))
    if begun is None:
        return held
    return replace(held, begins=begun.time if begun.told else None, between=begun.between)


def since(events: Iterable[Event], at: int, now: int) -> Iterator[Event]:
    """Yield the events of one address that happened at `at` (ns) or later, or may have; the last one first."""
    own = tuple(events)
    corrections = [event.corrects for event in own if event.corrects is not None]
    until = now
    for each in reversed(placed(own, now)):
        if each.sure or word(each.event, corrections)[0] == each.time:
            until = each.time
        if until >= at:
            yield each.event


def _around(doubtful: Sequence[Placed]) -> tuple[int, int] | None:
    """Return the span in which doubtful events happened; None if there are none."""
    if not doubtful:
        return None
    return min(each.earliest for each in doubtful), max(each.latest for each in doubtful)


def _doubtful(each: Placed) -> bool:
    """Say whether the event's time may mislead: it is said to be unproven, or contradicts the ledger's order."""
    return not each.sure and (each.event.clock == UNPROVEN or each.event.time != each.time)


def _put(own: Sequence[Event], times: list[int], vouched: list[bool], now: int, made: int) -> Iterable[Placed]:
    at = 0
    low = -EVER  # the last time that somebody vouches for
    before = -EVER  # the last time at all
    while at < len(own):
        end = next((i for i in range(at, len(own)) if vouched[i]), len(own))
        high = max(times[end], low) if end < len(own) else max(now, low)
        right = _longest([(times[i], i) for i in range(at, end) if low <= times[i] <= high])
        behind = min(high, *(times[i] for i in right)) if right else high
        early = min(made, now - PRESENT, behind)
        latest = high if end < len(own) else EVER
        for i in range(at, end):
            if i not in right and max(before, low) == -EVER:  # nothing before it is right either
                yield Placed(event=own[i], time=early, earliest=low, latest=latest, guessed=True, before=behind)
                continue
            before = times[i] if i in right else max(before, low)
            yield Placed(event=own[i], time=before, earliest=low, latest=latest)
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
