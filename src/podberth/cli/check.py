"""`podberth check`: is every attachment of this node as it was made?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli.failures import DRIFTED, OK
from podberth.cli.manual import NODE, Page
from podberth.cli.options import NETWORK, POD, json_option
from podberth.cli.screen import Cell, columns
from podberth.cli.session import actor
from podberth.cli.text import counted
from podberth.desk.check import DONE
from podberth.desk.check import check as desk_check

if TYPE_CHECKING:
    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.cni.pod import PodRef
    from podberth.desk.check import Check


@click.command(
    "check",
    cls=Page,
    asks=NODE,
    short_help="Find attachments that are not as they were made; put them right.",
    exits={4: "an attachment is not as it was made, and was not repaired; each difference is named"},
    examples=(
        ("check", "Every attachment of this node against the kernel and the ledger."),
        ("check --repair --pod payments/mysql-1", "Put back what somebody changed by hand; the ledger says so."),
        ("check --network banknet --json", "For a monitoring system: exit status 4 says that something drifted."),
    ),
)
@click.option("--network", type=NETWORK, help="Only this network.")
@click.option("--pod", type=POD, metavar="NAMESPACE/POD", help="Only this pod.")
@click.option("--repair", "repairs", is_flag=True, help="Bring every attachment back to what was recorded.")
@json_option
@click.pass_obj
def check(session: Session, network: str | None, pod: PodRef | None, *, repairs: bool, as_json: bool) -> int:
    """Compare every live attachment with what was recorded when it was made, and name each difference.

    What is compared: links, MACs, MTUs, addresses, routes, sysctls, VLANs, rate limits and every setting of a virtual
    function with the kernel's; addresses with the ledger's leases; the network namespace with the one there was.
    Without --repair nothing is changed. A pod that still runs with what was declared when it started, and would be told
    something else now, is named too: it is as it was made, and follows when it restarts.

    With --repair what is different is brought about again, and the ledger gets a Repaired event for each address. An
    attachment whose network namespace is gone, or whose ADD never ended, is taken back: its function, its links, its
    leases. Traffic of a pod may stop for a moment where its link has to be moved or set down. Needs root.
    """
    by = actor(session.node, "check --repair") if repairs else None
    found = desk_check(session.node, network=network, pod=pod, by=by)
    of = " ".join((f" of {pod}" if pod is not None else "", f"of network {network}" if network else "")).rstrip()
    session.show(as_json, found.document(), lambda screen: _draw(screen, found, of))
    return DRIFTED if found.wrong else OK


def _draw(screen: Screen, found: Check, of: str) -> None:
    rows: list[list[str | Cell]] = [
        [Cell(str(each.pod or each.named), "bold"), drift.what, drift.field, drift.expected, Cell(drift.found, "red")]
        for each in found.attachments
        for drift in each.drifts
    ]
    if rows:
        titles = ("Pod", "What", "Field", "Expected", "Found")
        screen.table(columns(*titles, breaks=("What", "Expected", "Found")), rows)
    for each in found.attachments:
        if each.repair not in (None, DONE):
            screen.line(Cell("not repaired", "red"), f"  {each.named}: {each.repair}")
    for each in found.attachments:
        for old in each.outdated:
            said = f"{old.field} {old.told}; a pod that starts now gets {old.now}"
            screen.line(Cell("older", "yellow"), f"  {each.pod or each.named}: {said}")
    told, tried = counted(found.checked, "attachment"), sum(each.repair is not None for each in found.attachments)
    if tried:
        screen.line(f"{found.repaired} repaired, {tried - found.repaired} not, of {told}")
    elif found.drifted:
        screen.line(
            Cell(f"{found.drifted} of {told} not as made", "bold red"), ": `podberth check --repair` puts them right"
        )
    else:
        none = f": no attachments{of} on this node"
        screen.line(Cell("ok", "green"), f": {told} checked, all as made" if found.checked else none)
    if unknown := len(found.unknown):
        screen.line(f"{counted(unknown, 'imported lease')} not looked at: which network namespace has it is not known")
