"""Whether a ledger's times hold though a clock of its writers steps: rests, and answers about the past. Pure.

Operations have times of one clock that nobody sets (ns, monotonic). An event happened between its operation's call and
its answer, and that is all that is known of it.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from bench.cluster.history import NEVER
from podberth.cni.value import value
from podberth.ipam.address_record import changes_hands
from podberth.ipam.lifecycle import Kind
from podberth.ipam.timeline import holding_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.cluster.history import Operation
    from podberth.ipam.lease import Event
    from podberth.net.ops import Address


@value
class Happened:
    """An event, and the span of the monotonic clock (ns) in which it happened."""

    event: Event
    began: int
    ended: int

    @property
    def holder(self) -> str:
        """The container that has the address from then on, '' for nobody."""
        free = self.event.kind == Kind.UNBOUND or self.event.attachment is None
        return "" if free or self.event.attachment is None else self.event.attachment.container_id


def happened(events: Iterable[Event], operations: Iterable[Operation]) -> dict[Address, list[Happened]]:
    """Return what changed hands, by address, in the ledger's order; an event was before those that follow it."""
    spans: dict[tuple[str, str], tuple[int, int]] = {}
    for one in operations:
        began, ended = spans.get((one.kind, one.attachment), (NEVER, 0))
        spans[one.kind, one.attachment] = min(began, one.began), max(ended, one.ended)
    found: defaultdict[Address, list[Happened]] = defaultdict(list)
    for event in events:
        if changes_hands(event) and event.attachment is not None:
            kind = "unbind" if event.kind == Kind.UNBOUND else "bind"
            began, ended = spans.get((kind, event.attachment.container_id), (0, NEVER))
            found[event.address].append(Happened(event=event, began=began, ended=ended))
    return {address: _ordered(own) for address, own in found.items()}


def _ordered(own: Sequence[Happened]) -> list[Happened]:
    """Narrow the spans: nothing ended later than what follows it, or began earlier than what is before it."""
    latest, narrowed = NEVER, []
    for each in reversed(own):
        latest = min(latest, each.ended)
        narrowed.append(latest)
    earliest, made = 0, []
    for each, ended in zip(own, reversed(narrowed), strict=True):
        earliest = max(earliest, each.began)
        made.append(Happened(event=each.event, began=earliest, ended=ended))
    return made


def short_rests(lives: Iterable[Sequence[Happened]], rest: int) -> list[str]:
    """Complain of each address that certainly went to another pod sooner than `rest` (ns) after it was released."""
    return [
        f"{after.event.address}: given to {after.holder} at most {(after.ended - before.began) / 1e9:.3f} s after"
        f" {_container(before)} released it"
        for life in lives
        for before, after in pairwise(life)
        if before.event.kind == Kind.UNBOUND
        and after.event.kind == Kind.BOUND
        and str(before.event.pod) != str(after.event.pod)
        and after.ended - before.began < rest
    ]


def wrong_answers(
    events: Sequence[Event], lives: Iterable[Sequence[Happened]], epoch: int, precision: int
) -> list[str]:
    """Complain of each answer to "who had it then?" that is neither right nor says what it can't know.

    `epoch`: the true time of the monotonic clock's zero. `precision`: by how much (ns) second opinions may be wrong.
    """
    own: defaultdict[Address, list[Event]] = defaultdict(list)
    for event in events:
        own[event.address].append(event)
    return [wrong for life in lives for wrong in _wrong(own[life[0].event.address], life, epoch, precision)]


def _wrong(events: Sequence[Event], life: Sequence[Happened], epoch: int, precision: int) -> Iterator[str]:
    now = max(one.ended for one in life if one.ended != NEVER) + 2 * precision
    address = life[0].event.address
    for moment in sorted({now, *(one.ended for one in life if one.ended != NEVER)}):
        held = holding_at(address, events, moment + epoch, now + epoch)
        said = held.bound_to.container_id if held.bound_to is not None else ""
        first, last = held.between or (0, 0)
        unsure = first - precision <= moment + epoch <= last + precision
        if not unsure and said not in _possible(life, moment, precision):
            yield f"{address}: {said or 'nobody'} is said to have had it at {moment}, which {_tale(life, moment)}"


def _possible(life: Sequence[Happened], moment: int, precision: int) -> set[str]:
    """Return who may have had the address at a moment, or within `precision` of it."""
    ends = [*(one.ended for one in life[1:]), NEVER]
    found = {
        one.holder
        for one, end in zip(life, ends, strict=True)
        if one.began - precision <= moment and moment <= min(end, NEVER - precision) + precision
    }
    return found | ({""} if moment <= life[0].ended + precision else set())


def _tale(life: Sequence[Happened], moment: int) -> str:
    near = sorted(life, key=lambda one: abs(one.ended - moment))[:3]
    told = (f"{one.event.kind} {_container(one)} by {one.event.actor.node} in {one.began}..{one.ended}" for one in near)
    return f"does not fit: {'; '.join(told)}"


def _container(one: Happened) -> str:
    return one.event.attachment.container_id if one.event.attachment is not None else ""
