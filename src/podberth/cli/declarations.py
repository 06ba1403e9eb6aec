"""`podberth apply` and `delete`: what is declared, from files to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.catalogue import find_plugin
from podberth.cli import sources
from podberth.cli.failures import OK, REFUSED, Misuse, NotFound
from podberth.cli.following import PoolsBefore, follow
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import json_option
from podberth.cli.screen import UNCHANGED, Cell, Column
from podberth.cli.session import actor
from podberth.cli.text import counted
from podberth.cni import parsers
from podberth.cni.fields import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.policy.changes import Applied

    Key = tuple[str, str, str]

KINDS = {"pool": "Pool", "pools": "Pool", "podnetwork": "PodNetwork", "podnetworks": "PodNetwork"}
STYLES = {"created": "green", "changed": "yellow", "unchanged": "dim", "deleted": "red"}


@click.command(
    "apply",
    cls=Page,
    short_help="Put documents in force: pools, PodNetworks.",
    examples=(
        ("apply -f mysql.yaml --dry-run", "Check the whole file against what is in force; change nothing."),
        ("apply -f /etc/podberth/policies --prune", "What is no longer in the directory is deleted."),
        ("get -o yaml | podberth apply -f -", ""),
    ),
    exits={3: EXITS[3]},
)
@click.option(
    "-f", "--filename", "paths", multiple=True, required=True, metavar="FILE|DIR|-", type=click.Path(allow_dash=True),
    help="A file of documents, a directory of such files, or - for stdin. May be given several times.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--prune", is_flag=True, help="Delete documents that came from the same -f before and are gone from it.")
@json_option
@click.pass_obj
def apply(session: Session, paths: tuple[str, ...], *, dry_run: bool, prune: bool, as_json: bool) -> int:
    """Put documents of kinds Pool and PodNetwork in force, with the reservations they declare.

    All of them or none: they are checked together, against each other and against what is reserved and leased, before
    anything changes. Every conflict is listed and names both parties. Applying the same again changes nothing.

    Pods that run on virtual functions of this node follow at once in their rates, VLAN priority, trust, spoof checking
    and link state, and the ledger gets an Adjusted event. All else waits for a pod's next start: pods that keep what
    they were told are named, and counted on all nodes where a pool changes. A former gateway or DNS server is nobody's
    address until they are gone.
    """
    if prune and sources.STDIN in paths:
        raise Misuse("--prune can't tell what came from stdin before", "name files or a directory")
    documents = sources.documents(paths)
    node = session.made()
    before = PoolsBefore(node, documents)
    applied = node.policies.apply(
        documents,
        actor(node, "apply " + " ".join(paths)),
        source=sources.source(paths),
        prune=prune,
        dry_run=dry_run,
    )
    followed = () if dry_run else follow(node, find_plugin, actor(node, "apply " + " ".join(paths)))
    form = {
        **_form(applied, dry_run=dry_run),
        "adjusted": [each.form() for each in followed if each.adjustment is not None or each.refusal],
        "outdated": [each.outdated_form() for each in followed if each.outdated],
        "started_before": before.pods(node),
    }

    def draw(screen: Screen) -> None:
        _draw(screen, applied, dry_run=dry_run)
        for each in followed:
            each.draw(screen)
        for name, pods in before.pods(node).items():
            started = f"{counted(pods, 'pod has', 'pods have')} started before: {', '.join(before.kinds(name))} may be"
            screen.line(Cell(name, "yellow"), f"  {started} as then, until a restart; `podberth check` says whose")
        if dry_run:
            screen.line(UNCHANGED)

    session.show(as_json, form, draw)
    return REFUSED if any(each.refusal for each in followed) else OK


@click.command(
    "delete",
    cls=Page,
    short_help="Delete documents and the reservations they declared.",
    exits={3: EXITS[3]},
    examples=(
        ("delete podnetwork payments/mysql", "Its reservations end with it."),
        ("delete pool db", "Refused while an address of it is leased, or a PodNetwork names it."),
        ("delete -f mysql.yaml", "Every document of the file, by name."),
    ),
)
@click.argument("kind", required=False, metavar="[KIND")
@click.argument("name", required=False, metavar="NAME]")
@click.option(
    "-f", "--filename", "paths", multiple=True, metavar="FILE|DIR|-", type=click.Path(allow_dash=True),
    help="Delete the documents named in there.",
)  # fmt: skip
@json_option
@click.pass_obj
def delete(session: Session, kind: str | None, name: str | None, paths: tuple[str, ...], *, as_json: bool) -> None:
    """Delete documents, and the reservations they declared.

    KIND is pool or podnetwork, NAME a pool's name or a PodNetwork's NAMESPACE/NAME.
    """
    if bool(paths) == bool(kind or name) or bool(kind) != bool(name):
        raise Misuse("expected KIND and NAME, or -f", "see `podberth delete --help`")
    keys = _of_files(paths) if paths else (_key(str(kind), str(name)),)
    node = session.node
    by = actor(node, "delete " + (" ".join(f"-f {path}" for path in paths) or f"{kind} {name}"))
    deleted: list[str] = []
    missing: list[str] = []
    for key in keys:
        (deleted if node.policies.delete(*key, by) else missing).append(_spoken(key))

    def draw(screen: Screen) -> None:
        for spoken in deleted:
            screen.line(Cell("deleted", STYLES["deleted"]), f"  {spoken}")

    if missing:
        done = f"; deleted: {', '.join(deleted)}" if deleted else ""
        raise NotFound(f"there is no {', no '.join(missing)}{done}", "`podberth get` lists the documents")
    session.show(as_json, {"deleted": deleted}, draw)


def _of_files(paths: Sequence[str]) -> tuple[Key, ...]:
    """Return what the files name; PodNetworks first, because a pool that one names stays."""
    keys = [document.key for document in sources.documents(paths)]
    return tuple(sorted(keys, key=lambda key: key[0] == "Pool"))


def _key(kind: str, name: str) -> Key:
    known = KINDS.get(kind.lower())
    if known is None:
        raise Misuse(f"expected a KIND of pool or podnetwork, got {shown(kind)}")
    namespace, _, rest = name.partition("/")
    try:
        if known == "Pool":
            return known, "", parsers.name(name)
        return known, parsers.label(namespace), parsers.name(rest)
    except ValueError:
        form = "NAME of a pool" if known == "Pool" else "NAMESPACE/NAME of a PodNetwork"
        raise Misuse(f"expected the {form}, got {shown(name)}") from None


def _spoken(key: Key) -> str:
    kind, namespace, name = key
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _form(applied: Applied, *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        **{verb: list(getattr(applied, verb)) for verb in STYLES},
        "reserved": [str(address) for address in applied.reserved],
        "released": [str(address) for address in applied.released],
    }


def _draw(screen: Screen, applied: Applied, *, dry_run: bool) -> None:
    rows = [(verb, document) for verb in STYLES for document in getattr(applied, verb)]
    screen.table(
        [Column(title="Would be" if dry_run else "Done"), Column(title="Kind"), Column(title="Name")],
        [[Cell(verb, STYLES[verb]), *document.split(" ", 1)] for verb, document in rows],
    )
    _draw_addresses(screen, "reserved", applied.reserved)
    _draw_addresses(screen, "released", applied.released)


def _draw_addresses(screen: Screen, what: str, addresses: Iterable[object]) -> None:
    texts = [str(address) for address in addresses]
    if texts:
        more = f" and {len(texts) - 8} more" if len(texts) > 8 else ""
        screen.line(f"{counted(len(texts), 'address', 'addresses')} {what}: {', '.join(texts[:8])}{more}")
