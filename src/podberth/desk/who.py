"""Who has an address, or had it at a time; of a range, who has which."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from podberth.desk.form import Address, Answer, Key, Pod, Time, row
from podberth.desk.rows import Event
from podberth.desk.unknown import NotFound
from podberth.ipam.lifecycle import Edge, State
from podberth.policy.usable import contains

if TYPE_CHECKING:
    from podberth.ipam import lease
    from podberth.ipam.pool import Pool, Span
    from podberth.net import ops
    from podberth.verbs.node import Node

H = TypeVar("H", bound="Holding")

_ENDLESS = 2**62  # ns: no time at all


@row
class Holding:
    """Who had an address at a time. What nobody has is null; `event` says so, and happened at `since`.

    `between` is a span if the answer rests on a clock that nobody vouched for. `begins`: where the state is UNKNOWN,
    the time from which on the ledger knows.
    """

    address: Address
    at: Time
    state: str
    pod: Pod | None
    reserved_for: Pod | None
    attachment: Key | None
    event: Event | None
    since: Time | None
    between: tuple[Time | None, ...] | None
    begins: Time | None

    @property
    def at_edge(self) -> bool:
        """Whether the ledger can't know: it is a time before it begins, or still to come."""
        return self.state in set(Edge)


@row
class Who(Holding, Answer):
    """Who has an address, or had it."""

    SCHEMA = "who/1"


@row
class WhoOfRange(Answer):
    """Who has which address of a range. `state` is null, or says that the ledger can't know of that time.

    `between` and `begins` are then those of the ledger's beginning.
    """

    SCHEMA = "who-of-range/1"
    first: Address
    last: Address
    at: Time
    state: str | None
    begins: Time | None
    between: tuple[Time | None, ...] | None
    addresses: tuple[Holding, ...]

    @property
    def at_edge(self) -> bool:
        """Whether the ledger can't know: it is a time before it begins, or still to come."""
        return self.state is not None


def who(node: Node, address: ops.Address, at: int | None = None) -> Who:
    """Return who has the address, or had it at a time (ns). NotFound if no pool has it and no event names it."""
    asked = node.clock() if at is None else at
    held = node.ledger.who(address, at)
    known = held.event is not None or any(contains(pool, address) for pool in node.policies.pools())
    if not known and next(iter(node.ledger.history(address=address)), None) is None:
        raise NotFound(f"no pool contains {address}", "`podberth pool` lists the pools; the ledger never saw it")
    return _holding(Who, held, asked)


def who_of_range(node: Node, span: Span, at: int | None = None) -> WhoOfRange:
    """Return who has, or had, which address of the range. NotFound if no pool has any of it and no event names one."""
    asked = node.clock() if at is None else at
    edge = _holding(Holding, node.ledger.who(span.first, at), asked)
    named = () if edge.at_edge else sorted(a for a in _named(node, at) if in_range(a, span))
    found = [_holding(Holding, node.ledger.who(address, at), asked) for address in named]
    if not found and not any(_overlaps(pool, span) for pool in node.policies.pools()):
        raise NotFound(
            f"no pool has addresses of {span.first}-{span.last}", "`podberth pool` lists the pools; the ledger saw none"
        )
    return WhoOfRange(
        first=span.first,
        last=span.last,
        at=asked,
        state=edge.state if edge.at_edge else None,
        begins=edge.begins,
        between=edge.between if edge.at_edge else None,
        addresses=tuple(each for each in found if each.state != State.FREE),
    )


def in_range(address: ops.Address, span: Span) -> bool:
    """Say whether the address is one of the range."""
    return address.version == span.first.version and int(span.first) <= int(address) <= int(span.last)


def _named(node: Node, at: int | None) -> set[ops.Address]:
    """Return the addresses that somebody has now; of another time, all that the ledger ever named."""
    ledger = node.ledger
    if at is not None:
        return {event.address for event in ledger.history()}
    return {lease.address for lease in ledger.leases()} | {kept.address for kept in ledger.reservations()}


def _overlaps(pool: Pool, span: Span) -> bool:
    return any(
        subnet.network.version == span.first.version
        and int(subnet.network[0]) <= int(span.last)
        and int(span.first) <= int(subnet.network[-1])
        for subnet in pool.subnets
    )


def _holding(kind: type[H], of: lease.Holding, at: int) -> H:
    ends = tuple(end if abs(end) < _ENDLESS else None for end in of.between) if of.between else None
    return kind(
        address=of.address,
        at=at,
        state=str(of.state),
        pod=of.pod,
        reserved_for=of.reserved_for,
        attachment=of.bound_to,
        event=Event.of(of.event) if of.event is not None else None,
        since=of.since,
        between=ends,
        begins=of.begins,
    )
