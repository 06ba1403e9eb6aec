"""The life of an address, as a table; and the ledger's fold: what its events add up to. Pure."""

from __future__ import annotations

from enum import StrEnum

from podberth.cni.errors import StoreFailed
from podberth.cni.value import replace, value
from podberth.ipam.lease import Holding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from ipaddress import IPv4Address, IPv6Address

    from podberth.cni.pod import Attachment
    from podberth.ipam.lease import Actor, Event
    from podberth.net.ops import Address


class State(StrEnum):
    """FREE: nobody's. RESERVED: a pod's name has it. LEASED: an attachment has it. HELD: both, of the same pod."""

    FREE = "FREE"
    RESERVED = "RESERVED"
    LEASED = "LEASED"
    HELD = "HELD"


class Edge(StrEnum):
    """What is said instead of a state. UNKNOWN: the ledger begins later. NOT_YET: that time is still to come."""

    UNKNOWN = "UNKNOWN"
    NOT_YET = "NOT_YET"


FAILED = "ADD failed"  # why a lease ended whose pod never ran with it


class Kind(StrEnum):
    """The kinds of event. With the last four nothing changes hands.

    Conflicted: a host on the wire answered for the address. Adjusted: a changed declaration changed how its running
    holder is attached. Repaired: what somebody had changed by hand was put back. Corrected: an operator said by how
    much the clock was wrong that other events were written by.
    """

    RESERVED = "Reserved"
    RELEASED = "Released"
    BOUND = "Bound"
    UNBOUND = "Unbound"
    MOVED = "Moved"
    CONFLICTED = "Conflicted"
    ADJUSTED = "Adjusted"
    REPAIRED = "Repaired"
    CORRECTED = "Corrected"


TRANSITIONS: Mapping[State, Mapping[Kind, State]] = {
    State.FREE: {
        Kind.RESERVED: State.RESERVED,
        Kind.BOUND: State.LEASED,
        Kind.CONFLICTED: State.FREE,
        Kind.CORRECTED: State.FREE,
    },
    State.RESERVED: {
        Kind.RELEASED: State.FREE,
        Kind.BOUND: State.HELD,
        Kind.CONFLICTED: State.RESERVED,
        Kind.CORRECTED: State.RESERVED,
    },
    State.LEASED: {
        Kind.RESERVED: State.HELD,
        Kind.UNBOUND: State.FREE,
        Kind.MOVED: State.LEASED,
        Kind.CONFLICTED: State.LEASED,
        Kind.ADJUSTED: State.LEASED,
        Kind.REPAIRED: State.LEASED,
        Kind.CORRECTED: State.LEASED,
    },
    State.HELD: {
        Kind.RELEASED: State.LEASED,
        Kind.UNBOUND: State.RESERVED,
        Kind.MOVED: State.HELD,
        Kind.CONFLICTED: State.HELD,
        Kind.ADJUSTED: State.HELD,
        Kind.REPAIRED: State.HELD,
        Kind.CORRECTED: State.HELD,
    },
}


@value
class Folded:
    """What a ledger adds up to: for each address the attachment that has it, and the (owner, ifname) it is kept for."""

    bound: Mapping[IPv4Address | IPv6Address, Attachment]
    reserved: Mapping[IPv4Address | IPv6Address, tuple[str, str]]


def after(state: State, kind: Kind) -> State:
    """Return the state an event leads to; StoreFailed if it can't happen in that state."""
    following = TRANSITIONS[state].get(kind)
    if following is None:
        raise StoreFailed(f"the ledger can't take {kind} of an address that is {state}", "run `podberth doctor`")
    return following


def fold(events: Iterable[Event]) -> Folded:
    """Add the events up, oldest first. Raises StoreFailed at the first that can't follow those before it."""
    states: dict[IPv4Address | IPv6Address, State] = {}
    bound: dict[IPv4Address | IPv6Address, Attachment] = {}
    reserved: dict[IPv4Address | IPv6Address, tuple[str, str]] = {}
    for event in events:
        kind = _kind(event)
        states[event.address] = after(states.get(event.address, State.FREE), kind)
        if kind in (Kind.BOUND, Kind.MOVED) and event.attachment is not None:
            bound[event.address] = event.attachment
        elif kind is Kind.UNBOUND:
            del bound[event.address]
        elif kind is Kind.RESERVED:
            reserved[event.address] = (str(event.owner or event.pod), event.ifname)
        elif kind is Kind.RELEASED:
            del reserved[event.address]
    return Folded(bound=bound, reserved=reserved)


def holding(address: Address, event: Event | None) -> Holding:
    """Return who has the address after `event`, the last by which it changed hands; None: nobody ever had it."""
    state = State(event.state) if event is not None else State.FREE
    reserved, bound = state in (State.RESERVED, State.HELD), state in (State.LEASED, State.HELD)
    own = event is not None and event.owner is None  # a Deployment's address is nobody's once its pod is gone
    return Holding(
        address=address,
        state=str(state),
        event=event,
        reserved_for=(event.owner or event.pod) if event is not None and reserved else None,
        bound_to=event.attachment if event is not None and bound else None,
        pod=event.pod if event is not None and (bound or (reserved and own)) else None,
    )


def answered(actor: Actor, mac: str) -> Actor:
    """Return the actor of a conflict: why it is one, with the MAC of the host that answered."""
    return replace(actor, why=f"{actor.why}: {mac} answers for it")


def _kind(event: Event) -> Kind:
    try:
        return Kind(event.kind)
    except ValueError:
        raise StoreFailed(
            f"event {event.seq} of the ledger is of the unknown kind {event.kind!r}",
            "was the store written by a newer podberth?",
        ) from None
