"""`podberth store operations`: imports and the like that are under way in a cluster's store, or were left half-way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli.failures import NotFound
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import json_option
from podberth.cli.screen import columns
from podberth.cli.text import counted
from podberth.entry import join
from podberth.stores import chosen as choice

if TYPE_CHECKING:
    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.ipam.address_record import Mark


@click.command(
    "operations",
    cls=Page,
    short_help="List the operations that are under way, or were left half-way.",
    exits={3: EXITS[3]},
    examples=(
        ("store operations", "Which imports are under way?"),
        ("store operations --end 5f0c2a9b1d77", "That one's command is dead, and its addresses are needed now."),
    ),
)
@click.option("--end", "name", metavar="OPERATION", help="Undo it if it is not committed, else carry it through.")
@json_option
@click.pass_obj
def operations(session: Session, name: str | None, *, as_json: bool) -> None:
    """List the imports, migrations and releases of many addresses that are under way in a cluster's store.

    What is not committed counts for nobody. If its command was killed, the agents undo it within a minute. A node's
    own store (SQLite) has none: an operation is one transaction there.
    """
    found = _open(session, name)
    forms = [_form(mark, ended=ended) for mark, ended in found]

    def draw(screen: Screen) -> None:
        if found:
            titles = ("Operation", "Addresses", "State", "By")
            rows = [[mark.operation, str(mark.addresses), _state(mark, ended), mark.by] for mark, ended in found]
            screen.table(columns(*titles, breaks=("By",)), rows)
        screen.line(counted(len(found), "operation"))

    session.show(as_json, {"operations": forms}, draw)


def _open(session: Session, name: str | None) -> tuple[tuple[Mark, bool | None], ...]:
    """Return each operation, or the named one alone, with what has become of it now: committed, or not."""
    found: tuple[tuple[Mark, bool | None], ...] = ()
    if not session.exists():
        raise NotFound(f"there is no store in {session.state}", "name another directory with --state")
    if choice.chosen(session.state).store != choice.SQLITE:
        member = join(session.state, staying=False)
        try:
            member.proposer.catch_up()
            marks = member.proposer.replica.operations()
            if name is None:
                found = tuple((mark, None) for mark in marks)
            else:
                found = tuple((mark, member.proposer.tending.end(mark)) for mark in marks if mark.operation == name)
        finally:
            member.close()
    if name is not None and not found:
        raise NotFound(f"there is no operation {name}", "`podberth store operations` lists those under way")
    return found


def _state(mark: Mark, ended: bool | None) -> str:
    if ended is not None:
        return "carried through" if ended else "undone"
    return "committed" if mark.committed else "not committed"


def _form(mark: Mark, *, ended: bool | None) -> dict[str, object]:
    return {
        "operation": mark.operation,
        "by": mark.by,
        "addresses": mark.addresses,
        "state": _state(mark, ended),
    }
