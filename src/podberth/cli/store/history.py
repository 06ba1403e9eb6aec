"""`podberth store history`: how much history a node's own store has, for how long it is kept, and legal holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from podberth.cli import when
from podberth.cli.failures import Misuse, NotFound
from podberth.cli.manual import NODE, Page
from podberth.cli.options import SAID, Parsed, json_option
from podberth.cli.screen import Cell, columns
from podberth.cli.session import actor
from podberth.cli.text import counted, duration
from podberth.cni.errors import Refused
from podberth.desk.form import rfc3339
from podberth.ipam.pool import FOREVER
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.retention import What

if TYPE_CHECKING:
    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.stores.sqlite.retention import Extent, Word


def _kept(text: str) -> int | str:
    """Return seconds, or FOREVER; ValueError if the text is neither."""
    if text == FOREVER:
        return FOREVER
    try:
        return when.length(text) // when.NS
    except ValueError:
        raise ValueError(f"{text!r}: expected {FOREVER}, or a length of time as 400d or 5y") from None


@click.command(
    "history",
    cls=Page,
    asks=NODE,
    short_help="How much history there is, and for how long it is kept.",
    examples=(
        ("store history", "How many events there are, how many bytes they are, and what was said or deleted."),
        ("store history --keep 5y --why 'policy 12'", "Delete what is older, from now on."),
        ("store history --hold case-4711 --why 'letter of 2026-11-20'", "Delete nothing until that is lifted."),
        ("store history --compact", "Put all older events into the archive now, and give the disk its space back."),
    ),
)
@click.option("--keep", type=Parsed("duration", _kept), metavar="DURATION|forever", help="How long history is kept.")
@click.option("--hold", type=SAID, metavar="NAME", help="Begin a legal hold: nothing is deleted until it is lifted.")
@click.option("--lift", type=SAID, metavar="NAME", help="End a legal hold.")
@click.option("--why", type=SAID, metavar="TEXT", help="The reason, for the auditor; it has to be given.")
@click.option("--compact", is_flag=True, help="Archive what is due, and shrink the file: writers wait meanwhile.")
@json_option
@click.pass_obj
def history(
    session: Session, *, keep: int | str | None, hold: str | None, lift: str | None, why: str | None, compact: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Show the history of a node's own store, and for how long it is kept. By default that is for ever.

    Older events are compressed into an archive, by the agent. `who --at` and `history` answer from it as from the rest.
    Nothing of it is deleted unless --keep says so, and never while there is a legal hold. What is deleted leaves a word
    behind: which events, how many, when and why. Of each address the last event of those stays.
    """
    ledger = session.node.ledger
    if not isinstance(ledger, SqliteLedger):
        raise Refused("the history of a cluster's store is kept for ever", "this is about the store of one node alone")
    said = [value for value in (keep, hold, lift) if value is not None]
    if len(said) > 1 or bool(said) != (why is not None):
        raise Misuse("say one of --keep, --hold and --lift, with --why", "see `podberth store history --help`")
    by = actor(session.node, why or "")
    if keep is not None:
        ledger.retention.keep(keep, by)
    if hold is not None:
        ledger.retention.hold(hold, by)
    if lift is not None:
        _check_held(lift, ledger.retention.extent())
        ledger.retention.lift(lift, by)
    if compact:
        ledger.compact()
    extent, words = ledger.retention.extent(), ledger.retention.words()

    def draw(screen: Screen) -> None:
        _draw(screen, extent, words)

    session.show(as_json, {**_form(extent), "words": [_word(word) for word in words]}, draw)


def _check_held(name: str, extent: Extent) -> None:
    names = sorted(hold.said for hold in extent.holds)
    if name not in names:
        raise NotFound(f"there is no legal hold {name!r}", f"there are: {', '.join(names) or 'none'}")


def _form(extent: Extent) -> dict[str, Any]:
    return {
        "keep": extent.keep,
        "holds": [hold.said for hold in extent.holds],
        "begins": extent.begins,
        "events": extent.events,
        "archived": extent.archived,
        "archive_size": extent.archive_size,
    }


def _word(word: Word) -> dict[str, Any]:
    return {
        "time": rfc3339(word.time), "what": word.what, "said": word.said, "who": word.actor.who,
        "why": word.actor.why, "node": word.actor.node, "first": word.first or None, "last": word.last or None,
        "events": word.events or None,
    }  # fmt: skip


def _draw(screen: Screen, extent: Extent, words: tuple[Word, ...]) -> None:
    size = f"{extent.archive_size / 2**20:.1f} MiB"
    screen.line(f"{counted(extent.events, 'event')}, {extent.archived} of them in an archive of {size}")
    screen.line(f"kept: {_length(extent.keep)}")
    for hold in extent.holds:
        screen.line(Cell(f"legal hold {hold.said} since {when.local(hold.time)}: nothing is deleted", "yellow"))
    if words:
        screen.table(
            columns("Time", "What", "Said", "Events", "By", "Why"),
            [
                [
                    when.local(word.time),
                    word.what,
                    _length(word.said) if word.what in (What.KEPT, What.DELETED) else word.said,
                    f"{word.first}-{word.last}: {word.events}" if word.last else "-",
                    word.actor.who,
                    word.actor.why,
                ]
                for word in words
            ],
        )


def _length(said: int | str) -> str:
    return "for ever" if said == FOREVER else duration(int(said))
