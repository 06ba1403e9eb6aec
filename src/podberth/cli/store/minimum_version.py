"""`podberth store upgrade` and `downgrade`: which podberths may write into the ledger, and the way back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from podberth.cli.agent.asking import listening
from podberth.cli.failures import Misuse, NotFound
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import NODE, Parsed, json_option, socket_option
from podberth.cni.errors import Refused, StoreFailed
from podberth.entry import is_a_member, join
from podberth.ipam.versions import HERE, Minimum, number
from podberth.kube.errors import Forbidden
from podberth.stores.clock import node_clock
from podberth.stores.replica.naming import Names
from podberth.stores.replica.versions import seen, unseen, upgrade
from podberth.stores.sqlite.database import Database

if TYPE_CHECKING:
    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.ipam.versions import AgentVersion, Older


def _version(text: str) -> str:
    try:
        number(text)
    except StoreFailed:
        raise ValueError(f"expected a version as {HERE}, got {text!a:.40}") from None
    return text


VERSION = Parsed("VERSION", _version)


def minimum_here(session: Session) -> Minimum:
    """Return the minimum version of a store that is this node's own."""
    from podberth.stores.sqlite.minimum import minimum

    if not session.store.is_file():
        return Minimum()
    with Database(session.state, readonly=True).look() as connection:
        return minimum(connection)


def asked(session: Session) -> tuple[str, tuple[AgentVersion, ...]]:
    """Return the ledger's minimum version, and what agents say of theirs, as far as this node may know."""
    if not is_a_member(session.state):
        return minimum_here(session).version, ()
    with closing(join(session.state, staying=False)) as member:
        minimum = member.cluster.minimum().version
        try:
            return minimum, member.cluster.agent_versions()
        except Forbidden:  # an agent's own rights in the Kubernetes API do not go so far
            return minimum, ()


@click.command(
    "upgrade",
    cls=Page,
    short_help="Let the ledger have what older podberths would misread.",
    exits={1: "an older podberth is seen", 3: EXITS[3]},
    examples=(
        ("store upgrade", "Every agent is of this version: use all of it."),
        ("store upgrade --dry-run", "Is an older agent seen?"),
        ("store upgrade --except worker-9", "That node is gone for good, with its addresses."),
    ),
)
@click.option(
    "--to",
    "version",
    metavar="VERSION",
    type=VERSION,
    default=HERE,
    show_default=True,
    help="For this and later versions.",
)
@click.option(
    "--except", "without", metavar="NODE", type=NODE, multiple=True, help="No older agent is there: you know."
)
@click.option("--dry-run", is_flag=True, help="Say what is seen, and change nothing.")
@json_option
@click.pass_obj
def upgrade_command(session: Session, version: str, without: tuple[str, ...], *, dry_run: bool, as_json: bool) -> int:
    """Let the ledger have what older podberths would misread: raise its minimum version.

    It is refused while an older agent is seen. Agents say their version to a cluster's ledger; one that says none is
    taken for 0.1.0 while its node holds addresses, or has changed something within a day. Older agents write nothing
    into the ledger from then on, and there is no way back to them (docs/upgrade.md).
    """
    _known(version)
    if not session.exists():
        raise NotFound(f"there is no store in {session.state}", "`podberth apply` makes it, or the first ADD")
    found: tuple[Older, ...] = ()
    if not is_a_member(session.state):
        if without:
            raise Misuse("--except: a node's own store has no other nodes", "see `podberth store upgrade --help`")
        after = _own(session, version, dry_run=dry_run)
    else:
        names = Names(session.cluster)
        without = tuple(map(names.inward_name, without))
        with closing(join(session.state, staying=False)) as member:
            _require_seen(frozenset(map(names.outward_name, unseen(member.proposer, without))))
            found = seen(member.proposer, version, without) if dry_run else found
            after = member.cluster.minimum() if dry_run else upgrade(member.proposer, version, without)
    form = {"minimumVersion": after.version, "older": [{"node": one.node, "why": one.why} for one in found]}
    session.show(as_json, form, lambda screen: _draw(screen, after, found, dry_run=dry_run))
    return 1 if found else 0


def _require_seen(missing: frozenset[str]) -> None:
    if missing:
        raise NotFound(
            f"--except: the ledger shows nothing of {', '.join(sorted(missing))}",
            "leave it out; `podberth store upgrade --dry-run` lists the nodes that are in the way",
        )


def _own(session: Session, version: str, *, dry_run: bool) -> Minimum:
    from podberth.stores.sqlite.minimum import keep, minimum

    with Database(session.state).write() as connection:
        if not dry_run and number(version) > number(minimum(connection).version):
            keep(connection, Minimum(version=version))
        return minimum(connection)


def _draw(screen: Screen, after: Minimum, found: tuple[Older, ...], *, dry_run: bool) -> None:
    for one in found:
        screen.line(f"node {one.node}: {one.why}")
    if dry_run and not found:
        screen.line("no older podberth is seen")
    screen.line(f"the ledger is for podberth {after.version} and later")


@click.command(
    "downgrade",
    cls=Page,
    short_help="Have this node's store be as an older podberth reads it.",
    exits={1: "the store has what that version would misread", 3: EXITS[3]},
    examples=(("store downgrade --to 0.1.0", "This node goes back to podberth 0.1.0."),),
)
@click.option(
    "--to", "version", metavar="VERSION", type=VERSION, required=True, help="The podberth that is installed next."
)
@socket_option("agent", "Where the agent would listen.")
@json_option
@click.pass_obj
def downgrade_command(session: Session, version: str, *, agent: Path, as_json: bool) -> None:
    """Have this node's store be as an older podberth reads it. End the agent before, and install that version next.

    Nothing that the older version knows is lost: no lease, no reservation, no event. It is refused once the ledger is
    for later versions alone, by `store upgrade` or by what it has. With a cluster's ledger it is done on each node that
    goes back; the ledger itself is readable by both versions until it is upgraded.
    """
    from podberth.stores.sqlite.downgrade import downgrade

    if not session.exists():
        raise NotFound(f"there is no store in {session.state}", "an older podberth makes its own")
    if listening(agent):
        todo = "end it first: systemctl stop podberth-agent.socket podberth-agent.service"
        raise Refused(f"an agent is listening at {agent}, and has the store open", todo)
    if is_a_member(session.state):
        _retreat(session, version)
    form: dict[str, Any] = {"store": str(session.store), "version": version}
    if Path(session.store).is_file():
        form["schema"] = downgrade(str(session.store), version, node_clock())

    def draw(screen: Screen) -> None:
        screen.line(f"{session.store} is as podberth {version} reads it")
        screen.line(f"install podberth {version} now: any command of this one brings it up to date again")

    session.show(as_json, form, draw)


def _retreat(session: Session, version: str) -> None:
    """Have the cluster's ledger be as the older podberth reads it. Refused if it is for later ones."""
    with closing(join(session.state, staying=False)) as member:
        minimum = member.cluster.minimum().version
        if number(minimum) > number(version):
            raise Refused(
                f"the ledger is for podberth {minimum} and later: this node can't work on it with {version}",
                "stay with this version; or let the state directory stand for another store: `podberth store use`",
            )
        member.cluster.retreat()


def _known(version: str) -> None:
    if number(version) > number(HERE):
        raise Refused(
            f"this is podberth {HERE}, and could not write into a ledger for {version} and later", "upgrade it"
        )
