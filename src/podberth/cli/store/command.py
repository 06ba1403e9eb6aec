"""`podberth store`: which store the state directory stands for, and whether it answers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from podberth.cli.failures import OK, REFUSED
from podberth.cli.manual import CLUSTER, Book, Page
from podberth.cli.options import json_option, socket_option
from podberth.cli.screen import Cell
from podberth.cli.store import changeover
from podberth.cli.store.changeover import Behind
from podberth.cli.store.history import history
from podberth.cli.store.minimum_version import downgrade_command, minimum_here, upgrade_command
from podberth.cli.store.operations import operations
from podberth.cli.store.restore import backup, epoch_form, restore, restored
from podberth.cli.text import counted
from podberth.cni.errors import InvalidConfig
from podberth.entry import join
from podberth.process.whole import sync, write_whole
from podberth.stores import chosen as choice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.stores.chosen import Chosen


@click.group(
    "store",
    cls=Book,
    asks=CLUSTER,
    short_help="Use a store of this node's own, etcd, or the Kubernetes API.",
    invoke_without_command=True,
    examples=(
        ("store", "Which store is used, and does it answer?"),
        ("store use kubernetes", "The ledger and the declarations are a cluster's from now on."),
    ),
)
@json_option
@click.pass_context
def store(context: click.Context, *, as_json: bool) -> None:
    """Say which store the state directory stands for: its own (SQLite), etcd, or the Kubernetes API.

    Every other command, the plugin and the agent read it there. An agent that runs begins anew with it by itself.
    Without a subcommand: show which store it is, and whether it answers; exit code 6 if it does not, 1 if it never did.
    """
    if context.invoked_subcommand is None:
        _show(context.obj, as_json=as_json)


store.add_command(history)


def _show(session: Session, *, as_json: bool) -> None:
    found = choice.chosen(session.state)
    about: dict[str, Any] = {"store": found.store, "node": found.node, "state": session.state}
    about |= {"cluster": found.cluster} if found.cluster else {}
    if found.store != choice.SQLITE:
        about |= {"whenAway": found.when_away, **_about(found)}
        about |= _answer(session)
    else:
        about["minimumVersion"] = minimum_here(session).version
    epoch = session.node.ledger.epoch() if session.exists() and not session.away else None
    if epoch is not None:
        about["epoch"] = epoch_form(epoch)

    def draw(screen: Screen) -> None:
        shown = tuple(rows(about))
        width = max(12, *(len(key) + 2 for key, _ in shown))
        for key, said in shown:
            screen.line(f"{key:<{width}}{said}")

    session.show(as_json, about, draw)


def rows(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what people read: each setting by its path, what nobody has set left out."""
    for key, said in about.items():
        if isinstance(said, dict):
            yield from ((f"{key}.{below}", text) for below, text in rows(said))
        elif isinstance(said, list | tuple):
            yield key, ", ".join(map(str, said))
        elif said not in (None, ""):
            yield key, str(said)


store.add_command(operations)


@store.command(
    "use",
    cls=Page,
    short_help="Have the state directory stand for another store.",
    examples=(
        ("store use etcd --endpoint https://10.0.0.5:2379 --ca /etc/podberth/ca.crt", "A ledger in etcd."),
        ("store use kubernetes", "The Kubernetes API, found as kubectl finds it."),
        ("store use sqlite", "This node's own store again."),
    ),
)
@click.argument("kind", type=click.Choice((choice.SQLITE, choice.ETCD, choice.KUBERNETES)))
@click.option("--node", metavar="NAME", default=None, help="How leases name this node; its host name if not said.")
@click.option(
    "--when-away", type=click.Choice((choice.REFUSE, choice.LAST_KNOWN)), default=choice.REFUSE, show_default=True,
    help="What an ADD does while the store can't be reached (docs/cluster.md).",
)  # fmt: skip
@click.option(
    "--cluster", metavar="NAME", help="etcd: of several clusters on one ledger, which; not said by the first."
)
@click.option("--endpoint", "endpoints", metavar="URL", multiple=True, help="etcd: where it is; repeat it for each.")
@click.option("--ca", metavar="FILE", help="etcd: the authority's certificate.")
@click.option("--cert", metavar="FILE", help="etcd: this client's certificate.")
@click.option("--key", metavar="FILE", help="etcd: its key.")
@click.option("--user", metavar="NAME", help="etcd: who asks; needs --password-file.")
@click.option("--password-file", metavar="FILE", help="etcd: a file that has the password alone.")
@click.option("--prefix", metavar="PREFIX", help="etcd: what all keys begin with.")
@click.option("--kubeconfig", metavar="FILE", help="kubernetes: the kubeconfig to be used.")
@click.option("--context", metavar="NAME", help="kubernetes: the kubeconfig's context.")
@click.option("--namespace", metavar="NAME", help="kubernetes: where podberth's own objects are.")
@click.option(
    "--nodes", type=click.Choice((choice.REQUIRED, choice.NONE)),
    help="kubernetes: is this machine a Node of the cluster (required, if not said), or none? See docs/identity.md.",
)  # fmt: skip
@click.option(
    "--force", is_flag=True, help="Also while an agent runs that would not notice, or answers are on their way."
)
@socket_option("agent", "Where the agent would listen.")
@json_option
@click.pass_obj
def use(
    session: Session, /, kind: str, *, node: str | None, when_away: str, cluster: str | None, agent: Path, force: bool,
    as_json: bool, **given: Any,
) -> int:  # fmt: skip
    """Have the state directory stand for another store. What is in a store stays there: see `podberth migrate`.

    How many leases and reservations are out of sight from then on is told. An agent that runs ends what it has begun
    and begins anew with the other store; one of an older release would not, and the change is refused.
    """
    if kind == choice.SQLITE:
        _only(kind, given, ())
        document: dict[str, Any] = {"store": kind}
    else:
        document = document_of(kind, node or os.uname().nodename, when_away, given)
    if cluster:
        document["cluster"] = cluster
    data = (json.dumps(document, indent=2) + "\n").encode()
    new, path = choice.read(data, "store"), Path(choice.path_of(session.state))
    if (path.read_bytes() if path.is_file() else None) == (None if kind == choice.SQLITE else data):
        _told(session, document, Behind(), "", as_json=as_json)
        return OK
    left = changeover.behind(session, new)
    if not force:
        changeover.require_told(session, new)
        changeover.require_no_pods(session, new)
    followed = changeover.require_following(agent) if not force else False
    _write(path, None if kind == choice.SQLITE else data)
    trouble = changeover.follow(agent, session.state, kind) if followed else ""
    _told(session, document, left, trouble, as_json=as_json)
    return REFUSED if trouble else OK


store.add_command(upgrade_command, "upgrade")
store.add_command(downgrade_command, "downgrade")
for _command in (backup, restore, restored):
    store.add_command(_command)


def _write(path: Path, data: bytes | None) -> None:
    """Have the file be there with these bytes, whole, or not be there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if data is None:
        path.unlink(missing_ok=True)
        sync(str(path.parent))
    else:
        write_whole(str(path), data, 0o600)


def _answer(session: Session) -> dict[str, Any]:
    """Return what the cluster's store says of itself, or how far what is known of it goes."""
    member = join(session.state, staying=False)
    member.outlook.tolerant = True
    try:
        member.proposer.see()
        if not member.outlook.away:
            about = {"identity": member.cluster.identity(), "position": member.proposer.replica.position}
            return {**about, "minimumVersion": member.cluster.minimum().version}
        session.missed(member.outlook.away, member.outlook.as_of)
        return {"position": member.proposer.replica.position}
    finally:
        member.close()


def _told(session: Session, document: dict[str, Any], left: Behind, trouble: str, *, as_json: bool) -> None:
    form = dict(document)
    if not left.nothing:
        about = {"leases": left.leases, "reservations": left.reservations}
        form["outOfSight"] = {"unknown": left.unknown} if left.unknown else about
    if trouble:
        form["agent"] = trouble

    def draw(screen: Screen) -> None:
        screen.line(f"{session.state} stands for {document['store']}")
        if left.unknown:
            screen.line(
                f"what the store of before has is out of sight, and how much that is is unknown: {left.unknown}"
            )
        elif not left.nothing:
            counts = f"{counted(left.leases, 'lease')} and {counted(left.reservations, 'reservation')}"
            screen.line(f"{counts} of the store of before are out of sight: `podberth migrate` takes them along")
        if trouble:
            screen.line(Cell("the agent does not use it yet", "red"), f": {trouble}")

    session.show(as_json, form, draw)


_ETCD = {
    "endpoints": "endpoints", "ca": "caFile", "cert": "certFile", "key": "keyFile", "user": "username",
    "password_file": "passwordFile", "prefix": "prefix",
}  # fmt: skip
_KUBERNETES = {"kubeconfig": "kubeconfig", "context": "context", "namespace": "namespace", "nodes": "nodes"}


def document_of(kind: str, node: str, when_away: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return what is written into the state directory. InvalidConfig names an option that is another store's."""
    keys = _ETCD if kind == choice.ETCD else _KUBERNETES
    _only(kind, given, keys)
    said = {
        keys[option]: list(value) if isinstance(value, tuple) else value for option, value in given.items() if value
    }
    return {"store": kind, "node": node, "whenAway": when_away, kind: said}


def _only(kind: str, given: dict[str, Any], keys: object) -> None:
    for option, value in given.items():
        if value and option not in keys:  # type: ignore[operator]
            name = option.replace("_", "-") if option == "nodes" else option.replace("_", "-").removesuffix("s")
            raise InvalidConfig(f"--{name}: says nothing of the store {kind}", "see `podberth store use --help`")


def _about(found: Chosen) -> dict[str, Any]:
    if found.etcd is not None:
        return {"etcd": dict(found.etcd.raw)}
    at = found.kubernetes
    keys = ("kubeconfig", "context", "namespace", "nodes")
    return {"kubernetes": {key: getattr(at, key) for key in keys}}
