"""Whether a ledger is in order by itself, and says what its clients were told. Pure: values in, complaints out."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from bench.cluster.history import OK, UNKNOWN
from podberth.cni.errors import StoreFailed
from podberth.cni.value import value
from podberth.ipam.lifecycle import Kind, State, after

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bench.cluster.history import Operation
    from podberth.ipam.lease import Event, Lease, Reservation, Usage

_BINDS, _HANDS_OVER = (Kind.BOUND, Kind.MOVED), (Kind.BOUND, Kind.MOVED, Kind.UNBOUND)


@value
class Books:
    """What a ledger says when nothing moves any more: its events, and what each way to read it makes of them."""

    events: tuple[Event, ...]
    leases: tuple[Lease, ...]
    reservations: tuple[Reservation, ...]
    usage: tuple[Usage, ...]


def complaints(books: Books, operations: Sequence[Operation]) -> list[str]:
    """Return what is wrong, a line each; nothing if the ledger holds."""
    held, kept, wrong = folded(books.events)
    wrong += _differ("leases", held, {str(one.address): one.attachment.container_id for one in books.leases})
    wrong += _differ("reservations", kept, {str(one.address): str(one.pod) for one in books.reservations})
    for used in books.usage:
        if used.free + used.leased + used.reserved + used.resting != used.size:
            wrong.append(f"pool {used.pool}: its addresses don't add up: {used}")
    if sum(used.leased for used in books.usage) != len(books.leases):
        wrong.append(f"{len(books.leases)} leases, but the pools count {sum(u.leased for u in books.usage)}")
    return [*wrong, *_against_clients(books.events, operations)]


def folded(events: Iterable[Event]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the attachment (its container) and the pod's name that each address ends with, and what can't be."""
    own: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        own[str(event.address)].append(event)
    held: dict[str, str] = {}
    kept: dict[str, str] = {}
    wrong: list[str] = []
    for address, life in own.items():
        state, holder, keeper = State.FREE, "", ""
        for before, event in zip((None, *life), life, strict=False):
            try:
                state = after(state, Kind(event.kind))
            except (StoreFailed, ValueError) as failure:
                wrong.append(f"{address}: event {event.seq}: {failure}")
                break
            wrong += [f"{address}: event {event.seq}: {why}" for why in _odd(before, event, state, holder, keeper)]
            holder, keeper = _after(event, holder, keeper)
        if holder:
            held[address] = holder
        if keeper:
            kept[address] = keeper
    return held, kept, wrong


def _after(event: Event, holder: str, keeper: str) -> tuple[str, str]:
    if event.kind in _BINDS:
        return _container(event), keeper
    if event.kind == Kind.UNBOUND:
        return "", keeper
    if event.kind == Kind.RESERVED:
        return holder, str(event.pod)
    return (holder, "") if event.kind == Kind.RELEASED else (holder, keeper)


def _odd(before: Event | None, event: Event, state: State, holder: str, keeper: str) -> Iterator[str]:
    if event.state != state:
        yield f"says {event.state} where it is {state}"
    if before is not None and event.seq <= before.seq:
        yield f"follows event {before.seq}"
    if keeper and event.kind in _BINDS and str(event.pod) != keeper:
        yield f"gives {event.pod} what is reserved for {keeper}"
    if event.kind == Kind.UNBOUND and _container(event) != holder:
        yield f"ends a lease of {_container(event)}, which {holder or 'nobody'} has"
    same_pod = before is not None and before.pod is not None and str(before.pod) == str(event.pod)
    if event.kind == Kind.MOVED and not same_pod:
        yield f"moves it to another pod, {event.pod}"


def _against_clients(events: Iterable[Event], operations: Sequence[Operation]) -> Iterator[str]:
    """Yield what clients were told and is not in the ledger, and what is in it that nobody asked for."""
    there = Counter(
        ("unbind" if event.kind == Kind.UNBOUND else "bind", _container(event), str(event.address))
        for event in events
        if event.kind in _HANDS_OVER
    )
    for what, times in there.items():
        if times > 1:
            yield f"{what} is in the ledger {times} times"
    told = {
        (operation.kind, operation.attachment, address)
        for operation in operations
        if operation.outcome == OK and operation.kind in ("bind", "unbind")
        for address in operation.got
    }
    perhaps = {(op.kind, op.attachment) for op in operations if op.outcome == UNKNOWN}
    for what in sorted(told - set(there)):
        yield f"{what} was done, a client was told, and is not in the ledger"
    for what in sorted(set(there) - told):
        if what[:2] not in perhaps:
            yield f"{what} is in the ledger, and no client was told"


def _differ(what: str, events_say: Mapping[str, str], ledger_says: Mapping[str, str]) -> Iterator[str]:
    for address in sorted({*events_say, *ledger_says}):
        one, other = events_say.get(address, "nobody"), ledger_says.get(address, "nobody")
        if one != other:
            yield f"{address}: {what} say {other}, the events {one}"


def _container(event: Event) -> str:
    return event.attachment.container_id if event.attachment is not None else ""
