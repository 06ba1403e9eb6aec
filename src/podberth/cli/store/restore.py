"""`podberth store backup`, `restore` and `restored`: a store goes back to an earlier state, and no address twice."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from podberth.cli import when
from podberth.cli.failures import NotFound
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import NODE, Present, given, json_option, why_option
from podberth.cli.screen import Cell
from podberth.cli.session import asking
from podberth.cli.text import counted
from podberth.cni.errors import Refused
from podberth.cni.value import replace
from podberth.desk.form import rfc3339
from podberth.entry import join
from podberth.ipam.epoch import heard
from podberth.stores import chosen as choice
from podberth.stores.replica.naming import Names

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.ipam.epoch import Epoch
    from podberth.stores.member import Member
    from podberth.stores.sqlite.backup import Restored

_WHAT_HAPPENED = "say what happened: the ledger keeps it"
_HOW = {
    choice.ETCD: "`etcdctl snapshot save FILE` makes a backup of etcd; see docs/restore.md",
    choice.KUBERNETES: "back up the API server's etcd, or the objects with velero; see docs/restore.md",
}


@click.command(
    "backup",
    cls=Page,
    short_help="Write all that this node's own store has into one file.",
    examples=(("store backup /var/backups/podberth.db", "One file, complete, while the agent goes on."),),
)
@click.argument("file", type=click.Path(dir_okay=False), metavar="FILE")
@json_option
@click.pass_obj
def backup(session: Session, file: str, *, as_json: bool) -> None:
    """Write all that this node's own store has into FILE: ledger, declarations and records, at one moment.

    The agent goes on meanwhile. FILE is on disk when the command ends. A backup of before under that name is replaced
    as a whole; anything else is left alone. It can be read by root only.
    """
    _require_own(session)
    from podberth.stores.sqlite import backup as files
    from podberth.stores.sqlite.database import Database

    if not session.exists():
        _ = session.node  # says that there is no store
    last = files.backup(Database(session.state), file)
    session.show(
        as_json, {"backup": file, "lastEvent": last}, lambda screen: screen.line(f"{file} has all up to event {last}")
    )


@click.command(
    "restore",
    cls=Page,
    short_help="Put a backup in the place of this node's own store.",
    exits={3: EXITS[3]},
    examples=(("store restore /var/backups/podberth.db --why 'disk replaced'", "The agent goes on with it."),),
)
@click.argument("file", type=Present(), metavar="FILE")
@why_option
@json_option
@click.pass_obj
def restore(session: Session, file: Path, why: str | None, *, as_json: bool) -> None:
    """Put a backup in the place of this node's own store; an agent goes on with it by itself.

    Whatever the state before knows of running pods is taken over: no address is given to a second pod. The state before
    is kept beside the store. Declarations that came after the backup are gone, and shown. If there is no state before
    that can be read, the node looks at the kernel before it gives out the next address. See docs/restore.md.
    """
    _require_own(session)
    from podberth.stores.sqlite.backup import restore as put_back

    made = put_back(session.state, str(file), asking(), given(why, _WHAT_HAPPENED))
    session.show(as_json, {"restored": str(file), **_form(made)}, lambda screen: _draw(screen, str(file), made))


@click.command(
    "restored",
    cls=Page,
    short_help="Say that the store was put back by other means.",
    examples=(
        ("store restored --why 'etcd of 06:00'", "Every node says what its pods have."),
        ("store restored --lost worker-3 --why 'burnt'", "That one is waited for no more."),
    ),
)
@click.option("--lost", "lost", metavar="NODE", multiple=True, type=NODE, help="Wait no more for this node; repeat it.")
@why_option
@json_option
@click.pass_obj
def restored(session: Session, why: str | None, lost: tuple[str, ...], *, as_json: bool) -> None:
    """Say that the store was put back to an earlier state by other means: a snapshot of etcd, a copy of the disk.

    A node notices that by itself if it knows of anything later. After this word none needs to: each node announces the
    addresses of its pods, and an address that may be a silent node's is given to nobody.

    With --lost nothing begins: nodes of which nothing runs any more are waited for no more.
    """
    names = Names(session.cluster)
    why = given(why, _WHAT_HAPPENED)
    epoch = names.outward(_excused(session, names, lost, why) if lost else _begun(session, why))
    session.show(as_json, {"epoch": epoch_form(epoch)}, lambda screen: draw_epoch(screen, epoch))


def _begun(session: Session, why: str) -> Epoch:
    if choice.chosen(session.state).store == choice.SQLITE:
        _ = session.node  # says if there is no store
        from podberth.stores.sqlite.backup import restored as begin
        from podberth.stores.sqlite.database import Database

        return begin(Database(session.state), asking(), why)
    with closing(join(session.state, staying=False)) as member:
        member.proposer.catch_up()
        member.proposer.returned.say(asking(), why)
        return _last(member)


def _excused(session: Session, names: Names, lost: tuple[str, ...], why: str) -> Epoch:
    if choice.chosen(session.state).store == choice.SQLITE:
        raise Refused("--lost: the store is this node's own, and waits for no other", "leave the option away")

    nodes = frozenset(map(names.inward_name, lost))

    def decide(last: Epoch | None) -> Epoch | None:
        new = heard(last, nodes)
        told = f"; lost: {', '.join(sorted(lost))}, by {asking()}: {why}"
        return replace(new, why=new.why + told) if new is not None else None

    with closing(join(session.state, staying=False)) as member:
        there = member.cluster.epoch(lambda _: None)
        if there is None:
            raise NotFound("the store was never put back, as far as it knows", "`podberth store` shows its last epoch")
        if others := sorted(map(names.outward_name, nodes.difference(there[0].awaited))):
            awaited = ", ".join(map(names.outward_name, there[0].awaited)) or "none"
            raise NotFound(f"--lost: {', '.join(others)} is not waited for", f"nodes that are waited for: {awaited}")
        member.cluster.epoch(decide)
        return _last(member)


def _last(member: Member) -> Epoch:
    found = member.cluster.epoch(lambda _: None)
    assert found is not None
    return found[0]


def epoch_form(epoch: Epoch) -> dict[str, Any]:
    """Return an epoch for programs."""
    return {
        "number": epoch.number,
        "lastEvent": epoch.seq,
        "time": rfc3339(epoch.time),
        "who": epoch.who,
        "why": epoch.why,
        "node": epoch.node,
        "awaited": [name or epoch.node for name in epoch.awaited],
    }


def draw_epoch(screen: Screen, epoch: Epoch) -> None:
    """Show an epoch to people."""
    screen.line(f"epoch {epoch.number} since {when.local(epoch.time)}: {epoch.why}")
    if epoch.awaited:
        names = ", ".join(name or epoch.node for name in epoch.awaited)
        screen.line(Cell(f"waiting for the announcement of {names}", "yellow"))


def _require_own(session: Session) -> None:
    kind = choice.chosen(session.state).store
    if kind != choice.SQLITE:
        raise Refused(f"the store is a cluster's ({kind}): it is not this node's to back up or restore", _HOW[kind])


def _form(made: Restored) -> dict[str, Any]:
    form: dict[str, Any] = {"epoch": epoch_form(made.epoch), "before": made.before or None}
    if made.taken is not None:
        told = made.taken.announced
        form |= {
            "bound": [str(address) for address in told.bound],
            "ended": [str(address) for address in told.ended],
            "lost": list(made.taken.lost),
        }
    return form


def _draw(screen: Screen, file: str, made: Restored) -> None:
    screen.line(f"{file} is in force, epoch {made.epoch.number}")
    if made.before:
        screen.line(f"the state before is kept: {made.before}")
    if made.taken is None:
        screen.line(Cell("no state before could be read: the node looks at its kernel first", "yellow"))
        return
    told = made.taken.announced
    bound, ended = (counted(len(some), "address", "addresses") for some in (told.bound, told.ended))
    screen.line(f"running pods: {bound} taken over, {ended} no longer theirs")
    for what in made.taken.lost:
        screen.line(Cell(f"not in the backup: {what}", "yellow"))
