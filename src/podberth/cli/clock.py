"""`podberth clock`: which events were written by a clock that was wrong, and an operator's word by how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli import when
from podberth.cli.failures import Misuse, NotFound
from podberth.cli.manual import EXITS, Book, Page
from podberth.cli.options import DURATION, EVENTS, NODE, SAID, dry_run_option, json_option
from podberth.cli.screen import Cell, columns
from podberth.cli.session import actor
from podberth.cli.text import counted, duration
from podberth.cni.errors import Refused
from podberth.cni.value import value
from podberth.desk import rows as desk
from podberth.desk.form import json_form, rfc3339
from podberth.ipam.correction import corrected, objection
from podberth.ipam.lease import Correction
from podberth.ipam.timeline import placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.ipam.correction import Corrected
    from podberth.ipam.lease import Event

_SLACK = 60 * when.NS  # ns: differences of events that one clock dated, a moment after one another


@value
class Suspicion:
    """Events that one node wrote one after another, with times that contradict the ledger's order.

    `ahead` (ns): by how much, as far as the order tells; below 0 if the clock was behind.
    """

    node: str
    first: int
    last: int
    events: int
    ahead: int


@click.group(
    "clock",
    cls=Book,
    short_help="Find events of a wrong clock, and say by how much it was wrong.",
    invoke_without_command=True,
    examples=(
        ("clock", "Which events have times that can't be?"),
        ('clock repair 17-93 --ahead "74y" --why "BIOS battery, ticket 4711"', "Say by how much the clock was wrong."),
    ),
)
@json_option
@click.pass_context
def clock(context: click.Context, *, as_json: bool) -> None:
    """List the events whose times contradict the ledger's order, with the node that wrote them.

    An event has its writer's time. The ledger's order is by numbers, so that a wrong clock disturbs no lease; but `who
    --at` asks about times. docs/time.md says how a time is proven.
    """
    if context.invoked_subcommand is not None:
        return
    session: Session = context.obj
    found = suspicions(session.node.ledger.history(), session.node.clock())

    def draw(screen: Screen) -> None:
        if not found:
            screen.line("no event has a time that contradicts the ledger's order")
            return
        screen.table(
            columns("Events", "Node", "Clock"),
            [[Cell(f"{each.first}-{each.last}", "bold"), each.node, _wrong(each.ahead)] for each in found],
        )
        screen.line(Cell("`podberth clock repair FIRST-LAST --node NODE --ahead DURATION` corrects them", "dim"))

    rows = [
        {"first": each.first, "last": each.last, "node": each.node, "events": each.events, "ahead": each.ahead}
        for each in found
    ]
    session.show(as_json, {"suspicions": rows}, draw)


@clock.command(
    "repair",
    cls=Page,
    short_help="Say by how much the clock was wrong that events were written by.",
    exits={3: EXITS[3]},
    examples=(
        ('clock repair 17-93 --ahead "74y 20d" --why "BIOS battery"', "From now on `who --at` knows the right times."),
        ("clock repair 120-121 --node node-b --behind 1d --why 'NTP was off'", ""),
        ("clock repair 17-93 --ahead 74y --why 'BIOS battery' --dry-run", "When would these events have happened?"),
    ),
)
@click.argument("numbers", type=EVENTS, metavar="FIRST-LAST")
@click.option("--ahead", type=DURATION, metavar="DURATION", help="The clock was so much ahead: 74y, 1d 2h, 90s.")
@click.option("--behind", type=DURATION, metavar="DURATION", help="The clock was so much behind.")
@click.option("--node", type=NODE, help="Only events that this node wrote.")
@click.option("--why", type=SAID, required=True, metavar="TEXT", help="How you know, for the auditor.")
@dry_run_option
@json_option
@click.pass_obj
def repair(
    session: Session, numbers: tuple[int, int], ahead: int | None, behind: int | None, node: str | None, why: str, *,
    dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Say by how much the clock was wrong that the events FIRST to LAST were written by.

    That is an event by itself, for each address with such events: the ledger is never rewritten, and `history` shows
    both. A later word about the same events goes before an earlier one. All agents of a cluster have to be of release
    0.2 or later.

    Refused is a word by which an event would be of before 1970, still to come, or of before an earlier event of its
    address for whose time somebody vouches.
    """
    if (ahead is None) == (behind is None):
        raise Misuse("say either --ahead or --behind", "see `podberth clock repair --help`")
    wrong = ahead if ahead is not None else -(behind or 0)
    correction = Correction(first=numbers[0], last=numbers[1], node=node or "", ahead=wrong)
    about = _checked(session, correction)
    if dry_run:
        _show_prospect(session, correction, about, as_json=as_json)
        return
    by = actor(session.node, f"clock repair {numbers[0]}-{numbers[1]}, {_wrong(wrong)}: {why}")
    found = session.node.ledger.corrected(correction, by)
    document = {
        "dry_run": False,
        "correction": json_form(desk.Correction.of(correction)),
        "addresses": [str(address) for address in found],
    }
    said = f"noted for {counted(len(found), 'address', 'addresses')}: the clock was {_wrong(wrong)}"
    session.show(as_json, document, lambda screen: screen.line(said))


def _checked(session: Session, said: Correction) -> tuple[Corrected, ...]:
    """Return the events that the correction is about. NotFound if there are none; Refused if it can't be right."""
    events = tuple(session.node.ledger.history())
    about = corrected(events, said)
    if not about:
        raise NotFound(
            f"the ledger has no event from {said.first} to {said.last}{f' of node {said.node}' if said.node else ''}",
            "`podberth history --json` has their numbers",
        )
    wrong = objection(events, said, session.node.clock())
    if wrong is not None:
        option = "--ahead" if said.ahead >= 0 else "--behind"
        raise Refused(
            f"{option}: event {wrong.at.event.seq}, which says {when.local(wrong.at.event.time)}, would be {wrong.why}",
            "--dry-run shows what a correction makes of each event; `podberth clock` says which times can't be",
        )
    return about


def _show_prospect(session: Session, said: Correction, about: Sequence[Corrected], *, as_json: bool) -> None:
    rows = [
        {
            "seq": one.event.seq,
            "address": str(one.event.address),
            "node": one.event.actor.node,
            "time": rfc3339(one.event.time),
            "corrected": rfc3339(one.time),
        }
        for one in about
    ]
    addresses = list(dict.fromkeys(str(one.event.address) for one in about))
    document = {
        "dry_run": True,
        "correction": json_form(desk.Correction.of(said)),
        "addresses": addresses,
        "events": rows,
    }

    def draw(screen: Screen) -> None:
        screen.table(
            columns("Event", "Address", "Node", "Says", "Was"),
            [
                [
                    Cell(str(one.event.seq), "bold"),
                    str(one.event.address),
                    one.event.actor.node,
                    when.local(one.event.time),
                    when.local(one.time),
                ]
                for one in about
            ],
        )
        screen.line("nothing was changed")

    session.show(as_json, document, draw)


def suspicions(events: Iterable[Event], now: int) -> tuple[Suspicion, ...]:
    """Return the runs of events with times that can't be, in the order of their numbers.

    A run ends at an event of its node with a time that can be, and where the clock was wrong by much more or less.
    """
    by_address: dict[object, list[Event]] = {}
    for event in events:
        by_address.setdefault(event.address, []).append(event)
    every = sorted((each for own in by_address.values() for each in placed(own, now)), key=lambda each: each.event.seq)
    runs: list[list[tuple[Event, int]]] = []
    latest: dict[str, list[tuple[Event, int]] | None] = {}  # of each node: the run that goes on
    for each in every:
        node = each.event.actor.node
        if each.sure or each.event.time == each.time:
            latest[node] = None
            continue
        ahead = each.event.time - (each.before if each.guessed else each.time)
        run = latest.get(node)
        if run is None or not _alike(run[-1][1], ahead):
            latest[node] = run = []
            runs.append(run)
        run.append((each.event, ahead))
    return tuple(
        Suspicion(
            node=run[0][0].actor.node,
            first=run[0][0].seq,
            last=run[-1][0].seq,
            events=len(run),
            ahead=min((ahead for _, ahead in run), key=abs),
        )
        for run in runs
    )


def _alike(one: int, other: int) -> bool:
    """Say whether two differences (ns) may be of one wrong clock: both ahead or both behind, about as much."""
    low, high = sorted((abs(one), abs(other)))
    return (one > 0) == (other > 0) and high <= 2 * low + _SLACK


def _wrong(ahead: int) -> str:
    """Return by how much a clock was wrong, in words."""
    return f"{duration(abs(ahead) / when.NS)} {'ahead' if ahead >= 0 else 'behind'}"
