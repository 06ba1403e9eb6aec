"""Which of an address's events a question about one time needs, told from summaries of long runs of them. Pure.

`timeline.holding_at` looks at all events of an address. A history of years is kept in blocks, and most of them say by
their summary that the answer is the same without them. What they can't say is read.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from podberth.cni.value import value
from podberth.ipam.address_record import changes_hands
from podberth.ipam.moment import UNPROVEN
from podberth.ipam.timeline import EVER, PRESENT, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from podberth.ipam.lease import Correction, Event


@value
class Summary:
    """Of events in order. Times (ns) are those that `timeline.word` says; None: there is no such event.

    `proven`: the latest that is vouched for. `proof`: the same, up to the first of those by which the address changed
    hands. Where nothing is vouched for and no time goes back, `low` and `high` are the first and the last, and `hands`
    the first by which it changed hands. `doubtful`: one of those is said to be unproven.
    """

    proof: int | None = None
    proven: int | None = None
    low: int | None = None
    high: int | None = None
    hands: int | None = None
    doubtful: bool = False


class Block:
    """Some events of an address that follow one another; they are read when they are needed, and once."""

    def __init__(self, read: Callable[[], Sequence[Event]], said: Summary | None = None) -> None:
        self._read = read
        self._events: Sequence[Event] | None = None
        self.said = said

    @property
    def events(self) -> Sequence[Event]:
        """All of them."""
        if self._events is None:
            self._events = self._read()
        return self._events


def summary(events: Sequence[Event], corrections: Sequence[Correction] = ()) -> Summary:
    """Return the summary of events in order."""
    words = [word(event, corrections) for event in events]
    hands = [changes_hands(event) for event in events]
    doubtful = any(each and event.clock == UNPROVEN for event, each in zip(events, hands, strict=True))
    vouched = [time for time, sure in words if sure]
    if vouched:
        first = next((i for i, (_, sure) in enumerate(words) if sure and hands[i]), None)
        proof = max(time for time, sure in words[: first + 1] if sure) if first is not None else None
        return Summary(proof=proof, proven=max(vouched), doubtful=doubtful)
    if not words or any(before[0] > after[0] for before, after in pairwise(words)):
        return Summary(doubtful=doubtful)
    own = next((time for (time, _), each in zip(words, hands, strict=True) if each), None)
    return Summary(low=words[0][0], high=words[-1][0], hands=own, doubtful=doubtful)


def needed(blocks: Sequence[Block], corrections: Sequence[Correction], at: int, now: int) -> Iterator[Event]:
    """Yield the events by which `timeline.holding_at` answers for `at` as it does by all of them."""
    said = [block.said or summary(block.events, corrections) for block in blocks]
    if any(each.proven is not None and each.proven > now + PRESENT for each in said):
        for each in blocks:  # the clock of the question is behind
            yield from each.events
        return
    start, end = _bounds(said, at)
    i = start
    while i <= end:
        j = i
        while j <= end and said[j].low is not None:
            j += 1
        run = range(i, j)
        if not run:
            yield from blocks[i].events
            i += 1
            continue
        kept = _of_run(said[i:j], at) if _is_plain(blocks, said, run, (start, end), corrections, now) else range(j - i)
        for n in kept:
            yield from blocks[i + n].events
        i = j


def _bounds(said: Sequence[Summary], at: int) -> tuple[int, int]:
    """Return the first and the last block that can matter.

    Before an event that is vouched for, and that no time before contradicts, nothing matters if `at` is behind it.
    After one that is behind `at` nothing does.
    """
    start, latest = 0, -EVER
    for i, each in enumerate(said):
        if each.proof is not None and latest <= each.proof <= at:
            start = i
        latest = max(latest, each.proven if each.proven is not None else -EVER)
    end = next((i for i in range(start, len(said)) if (said[i].proven or -EVER) > at), len(said) - 1)
    return start, end


def _is_plain(
    blocks: Sequence[Block],
    said: Sequence[Summary],
    run: range,
    bounds: tuple[int, int],
    corrections: Sequence[Correction],
    now: int,
) -> bool:
    """Say whether each event of the run is at its own time, whatever its neighbours are."""
    own = [said[i] for i in run]
    low, high = own[0].low or 0, own[-1].high or 0
    if any((before.high or 0) > (after.low or 0) for before, after in pairwise(own)):
        return False
    proven = [each.proven for each in said[bounds[0] : run[0]] if each.proven is not None]
    if max(proven, default=-EVER) > low:
        return False
    before, behind = run[0] - 1, run[-1] + 1
    if before >= bounds[0] and said[before].proven is None:
        return False
    if before >= bounds[0] and max(_to_proof(reversed(blocks[before].events), corrections)) > low:
        return False
    if behind > bounds[1]:
        return high <= now
    return said[behind].proven is not None and min(_to_proof(blocks[behind].events, corrections)) >= high


def _to_proof(events: Iterable[Event], corrections: Sequence[Correction]) -> Iterator[int]:
    """Yield the times of events, up to the first that is vouched for."""
    for event in events:
        time, sure = word(event, corrections)
        yield time
        if sure:
            return


def _of_run(run: Sequence[Summary], at: int) -> list[int]:
    """Return which blocks of a plain run say who had the address, and whether that is in doubt."""
    answer = [i for i, each in enumerate(run) if each.hands is not None and each.hands <= at][-1:]
    doubt = [i for i, each in enumerate(run) if each.doubtful][:1]
    return sorted({*answer, *doubt})
