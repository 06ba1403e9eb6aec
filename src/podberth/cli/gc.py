"""`podberth gc`: take back attachments whose pods are gone, as CNI's GC does, by hand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from podberth.cli.failures import OK, REFUSED, Misuse, Undecided
from podberth.cli.manual import NODE, Page
from podberth.cli.options import NETWORK, json_option
from podberth.cli.reading import beginning
from podberth.cli.screen import Cell, Screen, columns
from podberth.cli.session import asking
from podberth.cli.text import counted
from podberth.cni import parsers, strictjson
from podberth.cni.errors import CniError
from podberth.cni.fields import Fields
from podberth.desk.form import names
from podberth.verbs.collect import stale
from podberth.verbs.delete import delete
from podberth.verbs.gone import attachment_is_gone, fenced, fenced_off, is_unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.session import Session
    from podberth.cni.pod import Attachment
    from podberth.verbs.node import Node

MAX_BYTES = 16 << 20


@click.command(
    "gc",
    cls=Page,
    asks=NODE,
    short_help="Take back attachments whose pods are gone.",
    examples=(
        ("gc --gone --dry-run", "Which attachments have lost their network namespace?"),
        ("gc --gone --network banknet --yes", "Take them back without asking: links, addresses, leases."),
        ("gc --network banknet --keep-file valid.json", "All of the network but those in the file."),
    ),
)
@click.option("--network", type=NETWORK, help="Only this network; required with --keep-file.")
@click.option("--gone", is_flag=True, help="Attachments whose network namespace is gone, and all of fenced nodes.")
@click.option(
    "--keep-file", "keep", type=click.Path(allow_dash=True), metavar="FILE",
    help='Attachments that are not in FILE: JSON, a list of {"containerID": ..., "ifname": ...}, as '
    "cni.dev/valid-attachments has it.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only say what would be taken back.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@json_option
@click.pass_obj
def gc(
    session: Session, network: str | None, keep: str | None, *, gone: bool, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Take back attachments that no pod uses: undo what was done for them, end their leases.

    With --gone so are the leases of other nodes that `podberth fence` has declared dead: on any node, once for all.
    Exactly what was shown is taken back, nothing that came after the question. Reservations stay: they belong to the
    pod's name. An imported lease whose network namespace nobody knows is never taken for gone.
    Needs root, and must see the node's network namespaces: run it on the node, not in a container.
    """
    if gone == (keep is not None):
        raise Misuse("expected either --gone or --keep-file", "see `podberth gc --help`")
    if keep is not None and network is None:
        raise Misuse("--keep-file needs --network", "a list of valid attachments is one network's")
    node = session.node
    unknown = _unknown(node, network) if keep is None else 0
    found = _gone(node, network) if keep is None else stale(node, str(network), _valid(keep))
    if not dry_run and found:
        _ask(node, found, yes=yes, as_json=as_json)
    rows = {attachment: _row(node, attachment) for attachment in found}  # its pod is forgotten with it
    taken, failures = _take(node, () if dry_run else found, recheck=gone)
    listed = found if dry_run else taken
    form = {
        "dry_run": dry_run,
        "collected": [names(attachment) for attachment in listed],
        **({"unknown": unknown} if unknown else {}),
        "failed": [{"attachment": names(at), "msg": error.message} for at, error in failures],
    }

    def draw(screen: Screen) -> None:
        if dry_run or yes:
            _table(screen, [rows[attachment] for attachment in listed])
        for attachment, error in failures:
            screen.line(Cell("failed", "red"), f"  {attachment}: {error.message}")
        verb = "would be taken back" if dry_run else "taken back"
        screen.line(f"{counted(len(listed), 'attachment')} {verb}" if found else "nothing to take back")
        if unknown:
            screen.line(
                f"{counted(unknown, 'imported lease')} left alone: which network namespace has it is not known."
                " DEL ends it, or --keep-file"
            )

    session.show(as_json, form, draw)
    return REFUSED if failures else OK


def _gone(node: Node, network: str | None) -> tuple[Attachment, ...]:
    """Return this node's attachments, recorded or leased, whose namespace is gone, and all of nodes that are fenced."""
    recorded = [record.attachment for record in node.attachments.all(network)]
    leases, dead = node.ledger.leases(network=network), fenced(node)
    leased = [lease.attachment for lease in leases if lease.node == node.name]
    here = tuple(known for known in dict.fromkeys((*recorded, *leased)) if attachment_is_gone(node, known))
    return tuple(dict.fromkeys((*here, *(lease.attachment for lease in leases if lease.node in dead))))


def _unknown(node: Node, network: str | None) -> int:
    """Return how many leases on this node may be a running container's, for all that is known: imported ones."""
    leases = [lease for lease in node.ledger.leases(network=network) if lease.node == node.name and is_unknown(lease)]
    return sum(not node.attachments.of(lease.attachment) for lease in leases)


def _valid(path: str) -> frozenset[tuple[str, str]]:
    """Read the attachments to keep. A malformed file is refused: what is lost there would be taken for gone."""
    listed = strictjson.loads(beginning(path, MAX_BYTES + 1), path, most=MAX_BYTES)
    members = Fields({"attachments": listed}).children("attachments", most=1 << 20)
    return frozenset(
        (member.required("containerID", parsers.identifier), member.required("ifname", parsers.ifname))
        for member in members
    )


def _ask(node: Node, found: Sequence[Attachment], *, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise Undecided(
            f"{counted(len(found), 'attachment')} would be taken back, and there is nobody to ask", "--yes or --dry-run"
        )
    _table(Screen(), [_row(node, attachment) for attachment in found])
    if not click.confirm(f"Take back {counted(len(found), 'attachment')}?"):
        raise Undecided("nothing was taken back", "--dry-run shows what would be")


def _take(
    node: Node, found: Sequence[Attachment], *, recheck: bool
) -> tuple[list[Attachment], list[tuple[Attachment, CniError]]]:
    """Delete each; one that fails does not keep the others. `recheck`: only if it is still known to be over."""
    taken: list[Attachment] = []
    failures: list[tuple[Attachment, CniError]] = []
    for attachment in found:
        try:
            why = "podberth gc"
            if recheck and not attachment_is_gone(node, attachment):
                if not (said := fenced_off(node, attachment)):
                    continue
                why = f"{why}: {said}"
            delete(node, attachment, why, asking())
            taken.append(attachment)
        except CniError as failure:
            failures.append((attachment, failure))
    return taken, failures


def _row(node: Node, attachment: Attachment) -> list[str | Cell]:
    records, leases = node.attachments.of(attachment), node.ledger.of(attachment)
    pod = records[0].pod if records else leases[0].pod if leases else None
    addresses = ", ".join(str(lease.address) for lease in leases) or "-"
    return [Cell(str(pod or "-"), "bold"), addresses, attachment.network, attachment.ifname, attachment.container_id]


def _table(screen: Screen, rows: Sequence[list[str | Cell]]) -> None:
    if not rows:
        return
    titles = ("Pod", "Addresses", "Network", "Ifname", "Container")
    screen.table(columns(*titles, breaks=("Container",)), rows)
