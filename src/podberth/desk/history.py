"""What happened to a pod's addresses, to an address, or to all."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from podberth.cni.pod import PodRef
from podberth.desk.form import Answer, row
from podberth.desk.rows import Event
from podberth.desk.unknown import NotFound
from podberth.desk.who import in_range
from podberth.ipam import timeline
from podberth.ipam.pool import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.ipam import lease
    from podberth.net.ops import Address
    from podberth.verbs.node import Node


@row
class History(Answer):
    """Events, in the order of their numbers."""

    SCHEMA = "history/1"
    events: tuple[Event, ...]


def history(
    node: Node, subject: PodRef | Address | Span | None = None, *, since: int | None = None, last: int | None = None
) -> History:
    """Return the events of a pod's name, an address or a range; without any of them all.

    `since`: those from that time (ns) on. `last`: so many of the latest. NotFound if there are none of the subject.
    """
    events: Iterable[lease.Event] = node.ledger.history(
        pod=subject if isinstance(subject, PodRef) else None,
        address=subject if subject is not None and not isinstance(subject, PodRef | Span) else None,
    )
    if isinstance(subject, Span):
        span = subject
        events = (event for event in events if in_range(event.address, span))
    found = _selected(events, since, last, node.clock())
    if subject is not None and not found and since is None:
        named = f"{subject.first}-{subject.last}" if isinstance(subject, Span) else str(subject)
        raise NotFound(f"the ledger has no event of {named}", "`podberth leases` and `podberth get` list what there is")
    return History(events=tuple(map(Event.of, found)))


def _selected(events: Iterable[lease.Event], since: int | None, last: int | None, now: int) -> Sequence[lease.Event]:
    """Return the latest events; with `since` those that happened from that time on, or may have."""
    if since is None:
        return tuple(deque(events, maxlen=last))
    every = tuple(events)
    own: dict[Address, list[lease.Event]] = {}
    for event in every:
        own.setdefault(event.address, []).append(event)
    later = {(event.address, event.seq) for each in own.values() for event in timeline.since(each, since, now)}
    return tuple(deque((event for event in every if (event.address, event.seq) in later), maxlen=last))
