"""`podberth leases`, `who` and `history`: who has an address, who had it, and everything that happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli import when
from podberth.cli.failures import OK, UNKNOWABLE
from podberth.cli.manual import CLUSTER, EXITS, Page
from podberth.cli.options import ADDRESS_OR_RANGE, NETWORK, POD_OR_ADDRESS, POOL, WHEN, json_option
from podberth.cli.screen import Cell, columns
from podberth.cli.text import counted, duration, large
from podberth.desk import leases as desk
from podberth.desk.history import history as desk_history
from podberth.desk.who import who as desk_who
from podberth.desk.who import who_of_range
from podberth.ipam.lifecycle import Edge
from podberth.ipam.pool import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.cni.pod import PodRef
    from podberth.desk.rows import Event, Lease
    from podberth.desk.who import Holding, WhoOfRange
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
    found = desk.leases(session.node, pool=pool, network=network)
    session.show(as_json, found.document(), lambda screen: _draw_leases(screen, found.leases))


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
    if isinstance(subject, Span):
        found = who_of_range(session.node, subject, at)
        session.show(as_json, found.document(), lambda screen: _draw_range(screen, found))
        return UNKNOWABLE if found.at_edge else OK
    held = desk_who(session.node, subject, at)
    session.show(as_json, held.document(), lambda screen: _draw_holding(screen, held))
    return UNKNOWABLE if held.at_edge else OK


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
    found = desk_history(session.node, subject, since=since, last=last)

    def draw(screen: Screen) -> None:
        _draw_events(screen, found.events)
        screen.line(Cell(counted(len(found.events), "event"), "dim"))

    session.show(as_json, found.document(), draw)


def _draw_leases(screen: Screen, found: Sequence[Lease]) -> None:
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


def _draw_range(screen: Screen, found: WhoOfRange) -> None:
    if found.at_edge:
        screen.line(Cell(f"{found.first}-{found.last}", "bold"), f" at {when.local(found.at)}: {_state(found)}")
        return
    _draw_holdings(screen, found.addresses)
    others = int(found.last) - int(found.first) + 1 - len(found.addresses)
    screen.line(Cell(f"at {when.local(found.at)}; nobody has the other {large(others)}", "dim"))


def _state(held: Holding | WhoOfRange) -> str:
    if held.state == Edge.UNKNOWN:
        if held.begins is not None:
            return f"unknown: the ledger begins at {when.local(held.begins)}"
        return "unknown: " + ("no clock tells when the ledger begins" if held.between else "it has no event yet")
    return STATES[held.state or ""]


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
                each.attachment.container_id[:SHORT_ID] if each.attachment is not None else "-",
                when.local(each.since) if each.since is not None else "-",
            ]
            for each in held
        ],
    )


def _draw_holding(screen: Screen, held: Holding) -> None:
    pool = f" of pool {held.event.pool}" if held.event is not None else ""
    screen.line(Cell(str(held.address), "bold"), pool, f" at {when.local(held.at)}")
    bound, event = held.attachment, held.event
    facts: list[tuple[str, str | Cell]] = [("state", _state(held))]
    if held.pod is not None or bound is not None:
        facts.append(("pod", Cell(str(held.pod or "none named"), "bold green")))
    elif not held.at_edge:
        facts.append(("pod", "nobody"))
    if bound is not None:
        facts += [("interface", bound.ifname), ("network", bound.network), ("container", bound.container_id)]
    if held.reserved_for is not None:
        facts.append(("reserved", f"for {held.reserved_for}"))
    if event is not None and held.since is not None:
        facts += [
            ("since", f"{when.local(held.since)} ({duration((held.at - held.since) / when.NS)} before)"),
            ("by", f"{event.kind}: {event.who}, {event.why}, on node {event.node}"),
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
                event.who,
                event.why,
                event.node,
            ]
            for event in events
        ],
    )
