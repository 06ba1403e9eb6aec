"""`podberth leases`, `who` and `history`: who has an address, who had it, and everything that happened."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import click

from podberth.cli import forms, when
from podberth.cli.failures import OK, UNKNOWABLE, NotFound
from podberth.cli.manual import CLUSTER, EXITS, Page
from podberth.cli.options import (
    ADDRESS_OR_RANGE,
    NETWORK,
    POD_OR_ADDRESS,
    POOL,
    WHEN,
    in_range,
    is_address,
    json_option,
)
from podberth.cli.screen import Cell, columns
from podberth.cli.text import counted, duration, large
from podberth.cli.when import rfc3339
from podberth.cni.pod import PodRef
from podberth.ipam import timeline
from podberth.ipam.lifecycle import Edge, State
from podberth.ipam.pool import Pool, Span
from podberth.policy.usable import contains

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.ipam.lease import Event, Holding
    from podberth.net.ops import Address

SHORT_ID = 12  # characters of a container's ID for people, as runtimes' own tools have it
STATES = {
    "FREE": "free",
    "RESERVED": "reserved",
    "LEASED": "leased",
    "HELD": "reserved and leased",
    "NOT_YET": "not yet: that time is still to come",
}
STYLES = {
    "Reserved": "cyan",
    "Bound": "green",
    "Moved": "yellow",
    "Conflicted": "red",
    "Adjusted": "cyan",
    "Repaired": "magenta",
    "Corrected": "yellow",
    "Unbound": "",
    "Released": "dim",
}


@click.command(
    "leases",
    cls=Page,
    asks=CLUSTER,
    short_help="List the addresses that are in use now.",
    exits={3: EXITS[3]},
    examples=(
        ("leases", "Every address that is in use now."),
        ("leases --pool db --network banknet --json", "Those of one pool and network, for a program."),
    ),
)
@click.option("--pool", type=POOL, help="Only this pool.")
@click.option("--network", type=NETWORK, help="Only this network.")
@json_option
@click.pass_obj
def leases(session: Session, pool: str | None, network: str | None, *, as_json: bool) -> None:
    """List the leases: addresses bound to an attachment right now."""
    node = session.node
    if pool is not None and node.policies.pool(pool) is None:
        raise NotFound(f"there is no pool {pool}", "`podberth pool` lists the pools")
    found = node.ledger.leases(pool=pool, network=network)

    def draw(screen: Screen) -> None:
        if not found:
            screen.line("no leases")
            return
        titles = ("Address", "Pod", "Ifname", "Network", "Container", "Node", "Pool", "Since")
        screen.table(
            columns(*titles, breaks=("Node", "Network", "Pool")),
            [
                [
                    Cell(str(lease.address), "bold"),
                    str(lease.pod or "-"),
                    lease.attachment.ifname,
                    lease.attachment.network,
                    lease.attachment.container_id[:SHORT_ID],
                    lease.node,
                    lease.pool,
                    when.local(lease.since),
                ]
                for lease in found
            ],
        )

    session.show(as_json, {"leases": [forms.lease(lease) for lease in found]}, draw)


@click.command(
    "who",
    cls=Page,
    asks=CLUSTER,
    short_help="Say who has an address, or had it at a time.",
    exits={
        0: "the question is answered, also with 'nobody'",
        3: "no pool has the address and no event names it",
        7: "the ledger can't know: the time is before it begins, or still to come",
    },
    examples=(
        ("who 10.20.0.11", "Who has it now?"),
        ('who 10.20.0.11 --at "2026-11-20 14:00"', "Who had it then, by this machine's clock and zone?"),
        ("who 10.20.0.0/28 --at '10m ago'", "Who had which address of a range?"),
        ("who 10.20.0.11 --at '10m ago' --json", ""),
    ),
)
@click.argument("subject", type=ADDRESS_OR_RANGE, metavar="ADDRESS | PREFIX/LENGTH | FIRST-LAST")
@click.option("--at", type=WHEN, metavar="TIME", help=f"The time asked about: {when.FORMS}. Without it: now.")
@json_option
@click.pass_obj
def who(session: Session, subject: Address | Span, at: int | None, *, as_json: bool) -> int:
    """Say who has an address, or had it at a time; of a range, who has which.

    The answer comes from the ledger, which is never rewritten: the same question about the past has the same answer
    for ever, unless an operator corrects a clock (`podberth clock`). TIME is taken in this machine's zone unless it
    says otherwise; ambiguous local times are refused.
    """
    node = session.node
    asked = node.clock() if at is None else at
    if isinstance(subject, Span):
        return _of_range(session, subject, at, asked, as_json=as_json)
    held = node.ledger.who(subject, at)
    known = held.event is not None or any(contains(pool, subject) for pool in node.policies.pools())
    if not known and next(iter(node.ledger.history(address=subject)), None) is None:
        raise NotFound(f"no pool contains {subject}", "`podberth pool` lists the pools; the ledger never saw it")
    session.show(as_json, forms.holding(held, asked), lambda screen: _draw_holding(screen, held, asked))
    return UNKNOWABLE if held.state in set(Edge) else OK


def _of_range(session: Session, span: Span, at: int | None, asked: int, *, as_json: bool) -> int:
    node = session.node
    if at is None:
        ledger = node.ledger
        named = {lease.address for lease in ledger.leases()} | {kept.address for kept in ledger.reservations()}
    else:
        named = {event.address for event in node.ledger.history()}
    found = [node.ledger.who(address, at) for address in sorted(a for a in named if in_range(a, span))]
    edge = node.ledger.who(span.first, at)
    if edge.state in set(Edge):
        found = []
    held = [each for each in found if each.state != State.FREE]
    if not found and not any(_overlaps(pool, span) for pool in node.policies.pools()):
        raise NotFound(
            f"no pool has addresses of {span.first}-{span.last}", "`podberth pool` lists the pools; the ledger saw none"
        )
    document = {
        "first": str(span.first),
        "last": str(span.last),
        "at": rfc3339(asked),
        "state": edge.state if edge.state in set(Edge) else None,
        "begins": rfc3339(edge.begins) if edge.begins is not None else None,
        "addresses": [forms.holding(each, asked) for each in held],
    }

    def draw(screen: Screen) -> None:
        if edge.state in set(Edge):
            screen.line(Cell(f"{span.first}-{span.last}", "bold"), f" at {when.local(asked)}: {_state(edge)}")
            return
        _draw_holdings(screen, held)
        others = int(span.last) - int(span.first) + 1 - len(held)
        screen.line(Cell(f"at {when.local(asked)}; nobody has the other {large(others)}", "dim"))

    session.show(as_json, document, draw)
    return UNKNOWABLE if edge.state in set(Edge) else OK


def _overlaps(pool: Pool, span: Span) -> bool:
    return any(
        subnet.network.version == span.first.version
        and int(subnet.network[0]) <= int(span.last)
        and int(span.first) <= int(subnet.network[-1])
        for subnet in pool.subnets
    )


@click.command(
    "history",
    cls=Page,
    asks=CLUSTER,
    short_help="Tell what happened to a pod or an address.",
    exits={3: "the ledger has no event of the pod or address"},
    examples=(
        ("history payments/mysql-1", "Everything that happened to the addresses of a pod's name."),
        ("history payments/deployment/web", "When a Deployment's addresses were reserved, and for which pods it was."),
        ("history 10.20.0.11 --since 2026-11-01", "Every holder of an address since then."),
        ("history 10.20.0.0/28", "Every holder of a range's addresses."),
        ("history --last 20", "The latest events of all."),
    ),
)
@click.argument(
    "subject",
    type=POD_OR_ADDRESS,
    required=False,
    metavar="[NAMESPACE/POD | NAMESPACE/deployment/NAME | ADDRESS | PREFIX/LENGTH | FIRST-LAST]",
)
@click.option("--since", type=WHEN, metavar="TIME", help="Only events from this time on.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the latest N of them.")
@json_option
@click.pass_obj
def history(
    session: Session, subject: PodRef | Address | Span | None, since: int | None, last: int | None, *, as_json: bool
) -> None:
    """Tell what happened to a pod's addresses, or to an address, oldest first; without either: to all.

    Each event has who caused it and why. The ledger is append-only: nothing in it is ever changed.
    """
    events = session.node.ledger.history(
        pod=subject if isinstance(subject, PodRef) else None,
        address=subject if is_address(subject) else None,  # type: ignore[arg-type]
    )
    if isinstance(subject, Span):
        span = subject
        events = (event for event in events if in_range(event.address, span))
    found = _selected(events, since, last, session.node.clock())
    if subject is not None and not found and since is None:
        named = f"{subject.first}-{subject.last}" if isinstance(subject, Span) else str(subject)
        raise NotFound(f"the ledger has no event of {named}", "`podberth leases` and `podberth get` list what there is")

    def draw(screen: Screen) -> None:
        _draw_events(screen, found)
        screen.line(Cell(counted(len(found), "event"), "dim"))

    session.show(as_json, {"events": [forms.event(event) for event in found]}, draw)


def _selected(events: Iterable[Event], since: int | None, last: int | None, now: int) -> Sequence[Event]:
    """Return the latest events; with `since` those that happened from that time on, or may have."""
    if since is None:
        return tuple(deque(events, maxlen=last))
    every = tuple(events)
    own: dict[Address, list[Event]] = {}
    for event in every:
        own.setdefault(event.address, []).append(event)
    later = {(event.address, event.seq) for each in own.values() for event in timeline.since(each, since, now)}
    return tuple(deque((event for event in every if (event.address, event.seq) in later), maxlen=last))


def _state(held: Holding) -> str:
    if held.state == Edge.UNKNOWN:
        if held.begins is not None:
            return f"unknown: the ledger begins at {when.local(held.begins)}"
        return "unknown: " + ("no clock tells when the ledger begins" if held.between else "it has no event yet")
    return STATES[held.state]


def _draw_holdings(screen: Screen, held: Sequence[Holding]) -> None:
    if not held:
        return
    screen.table(
        columns("Address", "State", "Pod", "Reserved for", "Container", "Since"),
        [
            [
                Cell(str(each.address), "bold"),
                STATES[each.state],
                str(each.pod or "-"),
                str(each.reserved_for or "-"),
                each.bound_to.container_id[:SHORT_ID] if each.bound_to is not None else "-",
                when.local(each.since) if each.since is not None else "-",
            ]
            for each in held
        ],
    )


def _draw_holding(screen: Screen, held: Holding, at: int) -> None:
    pool = f" of pool {held.event.pool}" if held.event is not None else ""
    screen.line(Cell(str(held.address), "bold"), pool, f" at {when.local(at)}")
    bound, event = held.bound_to, held.event
    facts: list[tuple[str, str | Cell]] = [("state", _state(held))]
    if held.pod is not None or bound is not None:
        facts.append(("pod", Cell(str(held.pod or "none named"), "bold green")))
    elif held.state not in set(Edge):
        facts.append(("pod", "nobody"))
    if bound is not None:
        facts += [("interface", bound.ifname), ("network", bound.network), ("container", bound.container_id)]
    if held.reserved_for is not None:
        facts.append(("reserved", f"for {held.reserved_for}"))
    if event is not None and held.since is not None:
        facts += [
            ("since", f"{when.local(held.since)} ({duration((at - held.since) / when.NS)} before)"),
            ("by", f"{event.kind}: {event.actor.who}, {event.actor.why}, on node {event.actor.node}"),
        ]
    if held.between is not None and held.state == Edge.UNKNOWN:
        facts.append(("clock", "unproven: the ledger may have begun earlier, or later"))
    elif held.between is not None:
        facts.append(("clock", "unproven: nobody vouched for the clock of an event about that time"))
    screen.facts(facts)


def _draw_events(screen: Screen, events: Sequence[Event]) -> None:
    if not events:
        return
    titles = ("Time", "Event", "Address", "Pod", "Ifname", "Container", "Who", "Why", "Node")
    screen.table(
        columns(*titles, breaks=("Who", "Why", "Node")),
        [
            [
                when.local(event.true),
                Cell(event.kind, STYLES.get(event.kind, "")),
                str(event.address),
                str(event.pod or "-"),
                event.ifname or "-",
                event.attachment.container_id[:SHORT_ID] if event.attachment is not None else "-",
                event.actor.who,
                event.actor.why,
                event.actor.node,
            ]
            for event in events
        ],
    )
