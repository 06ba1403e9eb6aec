"""What an operator's word on a wrong clock makes of the events it is about, and why a word can't be right. Pure."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.ipam.timeline import word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.ipam.lease import Correction, Event


@value
class Corrected:
    """An event, and when it happened (ns) by the correction."""

    event: Event
    time: int


@value
class Objection:
    """Why a correction can't be right: the event that it would put where it can't have been."""

    at: Corrected
    why: str


def corrected(events: Iterable[Event], said: Correction) -> tuple[Corrected, ...]:
    """Return the events that it is about, in the order of their numbers; a correction is no subject of another."""
    about = [
        event for event in events
        if said.first <= event.seq <= said.last and said.node in ("", event.actor.node) and event.corrects is None
    ]  # fmt: skip
    return tuple(Corrected(event=event, time=event.time - said.ahead) for event in sorted(about, key=lambda e: e.seq))


def objection(events: Iterable[Event], said: Correction, now: int) -> Objection | None:
    """Return why the correction can't be right; None if it can. `now` in ns.

    No event is of before 1970, nor still to come, nor of before one of its address that was earlier and of which
    somebody vouches for the time.
    """
    every = sorted(events, key=lambda event: event.seq)
    words = [event.corrects for event in every if event.corrects is not None]
    about = {one.event.seq: one for one in corrected(every, said)}
    latest: dict[object, tuple[int, int]] = {}  # of each address: when, and which
    for event in every:
        one = about.get(event.seq)
        if one is None:
            time, sure = word(event, words)
            if sure:
                latest[event.address] = max(latest.get(event.address, (time, event.seq)), (time, event.seq))
            continue
        if one.time < 0:
            return Objection(at=one, why="before 1970")
        if one.time > now:
            return Objection(at=one, why="still to come")
        if event.address in latest and one.time < latest[event.address][0]:
            return Objection(at=one, why=f"before event {latest[event.address][1]}, which was earlier")
    return None
