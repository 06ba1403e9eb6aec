"""`podberth check`: is every attachment of this node as it was made?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli import forms
from podberth.cli.failures import DRIFTED, OK
from podberth.cli.manual import NODE, Page
from podberth.cli.options import NETWORK, POD, json_option
from podberth.cli.screen import Cell, columns
from podberth.cli.session import actor
from podberth.cli.text import counted
from podberth.cni.errors import CniError
from podberth.entry import find_plugin
from podberth.net.step import Drift
from podberth.verbs.check import differences as compare
from podberth.verbs.gone import holder_is_gone, is_unknown
from podberth.verbs.outdated import outdated
from podberth.verbs.repair import lost, repair

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.lease import Lease
    from podberth.net.record import Record
    from podberth.verbs.node import Node

    Outdated = tuple[tuple[str, str, str], ...]
    Checked = tuple[Attachment, PodRef | None, tuple[Drift, ...]]


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
    node = session.node
    named = (str(pod),) if pod is not None else None
    checked = [of for of in differences(node, network) if named is None or str(of[1]) in named]
    older = {record.attachment: outdated(node, record, find_plugin) for record in node.attachments.all(network)}
    wrong = [of for of in checked if of[2]]
    outcome = _outcome(node, network, [at for at, _, _ in wrong]) if repairs else {}
    unknown = _unknown(node, network, named)
    form: dict[str, object] = {
        "checked": len(checked),
        "drifted": len(wrong),
        "repaired": sum(not failure for failure in outcome.values()),
        "attachments": [
            {
                **(forms.attachment(at) or {}),
                "pod": forms.pod(of),
                "drifts": [forms.drift(d) for d in found],
                "outdated": forms.outdated(older.get(at, ())),
                "repair": None if at not in outcome else outcome[at] or "done",
            }
            for at, of, found in checked
        ],
    }
    of = " ".join((f" of {pod}" if pod is not None else "", f"of network {network}" if network else "")).rstrip()
    if unknown:
        form["unknown"] = [forms.attachment(at) for at in unknown]
    session.show(as_json, form, lambda screen: _draw(screen, checked, outcome, older, len(unknown), of))
    return DRIFTED if any(outcome.get(at, "not tried") for at, _, _ in wrong) else OK


def _outcome(node: Node, network: str | None, wrong: list[Attachment]) -> dict[Attachment, str]:
    """Repair them; return of each what is left to do, '' if it was looked at again and is as made."""
    failures = {at: _repaired(node, at) for at in wrong}
    left = {at: "; ".join(map(str, found)) for at, _, found in differences(node, network)}
    return {at: failure or left.get(at, "") for at, failure in failures.items()}


def _repaired(node: Node, attachment: Attachment) -> str:
    """Repair one attachment; return what kept it from that, '' if nothing did."""
    try:
        repair(node, attachment, actor(node, "check --repair"))
    except CniError as refused:
        return refused.message
    return ""


def differences(node: Node, network: str | None = None) -> Iterator[Checked]:
    """Yield every attachment of this node, recorded or only leased, with what is different about it."""
    leases: dict[Attachment, list[Lease]] = {}
    for lease in node.ledger.leases(network=network):
        if lease.node == node.name:
            leases.setdefault(lease.attachment, []).append(lease)
    for record in node.attachments.all(network):
        yield record.attachment, record.pod, tuple(_of_record(node, record, leases.pop(record.attachment, ())))
    for attachment, held in leases.items():
        # An IPAM plugin's leases: another plugin made the interface, the namespace is all that can be looked at.
        if not is_unknown(held[0]):
            yield attachment, held[0].pod, (lost(held[0]),) if holder_is_gone(node, held[0]) else ()


def _unknown(node: Node, network: str | None, named: tuple[str, ...] | None) -> tuple[Attachment, ...]:
    """Return the imported attachments of which nothing can be looked at: not even their namespace is known."""
    leases = [lease for lease in node.ledger.leases(network=network) if lease.node == node.name and is_unknown(lease)]
    found = (lease.attachment for lease in leases if named is None or str(lease.pod) in named)
    return tuple(at for at in dict.fromkeys(found) if node.attachments.find(at) is None)


def _of_record(node: Node, record: Record, leases: Iterable[Lease]) -> Iterator[Drift]:
    try:
        yield from compare(node, record, {lease.address for lease in leases})
    except CniError as refused:
        yield Drift(what=str(record.attachment), field="host", wanted="an answer", found=refused.message)


def _draw(
    screen: Screen,
    checked: list[Checked],
    outcome: Mapping[Attachment, str],
    older: Mapping[Attachment, Outdated],
    unknown: int,
    of: str,
) -> None:
    rows: list[list[str | Cell]] = [
        [Cell(str(pod or attachment), "bold"), found.what, found.field, found.wanted, Cell(found.found, "red")]
        for attachment, pod, drifted in checked
        for found in drifted
    ]
    wrong = sum(1 for _, _, found in checked if found)
    if rows:
        titles = ("Pod", "What", "Field", "Expected", "Found")
        screen.table(columns(*titles, breaks=("What", "Expected", "Found")), rows)
    for attachment, failure in outcome.items():
        if failure:
            screen.line(Cell("not repaired", "red"), f"  {attachment}: {failure}")
    for at, pod, _ in checked:
        for name, had, now in older.get(at, ()):
            screen.line(Cell("older", "yellow"), f"  {pod or at}: {name} {had}; a pod that starts now gets {now}")
    told, left = counted(len(checked), "attachment"), sum(bool(failure) for failure in outcome.values())
    if outcome:
        screen.line(f"{len(outcome) - left} repaired, {left} not, of {told}")
    elif wrong:
        screen.line(Cell(f"{wrong} of {told} not as made", "bold red"), ": `podberth check --repair` puts them right")
    else:
        screen.line(
            Cell("ok", "green"), f": {told} checked, all as made" if checked else f": no attachments{of} on this node"
        )
    if unknown:
        screen.line(f"{counted(unknown, 'imported lease')} not looked at: which network namespace has it is not known")
