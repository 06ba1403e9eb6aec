"""`podberth addresses`: the list for a firewall's ticket."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

import click

from podberth.cli.manual import CLUSTER, Page
from podberth.cli.options import NAMESPACE, POOL, Parsed, json_option
from podberth.cli.screen import Cell, Screen, columns
from podberth.cli.text import counted
from podberth.cni import parsers
from podberth.desk import addresses as desk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.session import Session

APP = Parsed("NAME", parsers.name)
_KEPT = ("address", "namespace", "pod", "ifname", "pool", "vlan", "origin")
_PREFIXES = ("prefix", "pool", "vlan", "addresses")


@click.command(
    "addresses",
    cls=Page,
    asks=CLUSTER,
    short_help="List the addresses an application keeps.",
    exits={3: "nothing is kept for that name and nothing of it runs, or there is no such pool"},
    examples=(
        ("addresses --app mysql", "All addresses of the StatefulSet, for a firewall's ticket."),
        ("addresses --app mysql --namespace bank --cidr", "The same as prefixes that have no other address."),
        ("addresses --namespace bank -o csv", "A sheet of all that a namespace keeps."),
    ),
)
@click.option("--app", type=APP, help="A pod, StatefulSet, Deployment or PodNetwork of that name.")
@click.option("--namespace", type=NAMESPACE, help="Only this namespace.")
@click.option("--pool", type=POOL, help="Only this pool.")
@click.option("--cidr", is_flag=True, help="As prefixes: the fewest that have these addresses and no other.")
@click.option(
    "-o", "--output", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="The form."
)
@json_option
@click.pass_obj
def addresses(
    session: Session,
    app: str | None,
    namespace: str | None,
    pool: str | None,
    output: str,
    *,
    cidr: bool,
    as_json: bool,
) -> None:
    """List the addresses that are kept for an application, whether or not its pods run: a list that stays.

    Each is a reservation: declared by a PodNetwork, made by hand, or sticky. What the application's pods have beside
    them may change at their next start; that is named too, and is no part of the list. VLANs are those that Pools and
    PodNetworks say.
    """
    found = desk.addresses(session.node, app=app, namespace=namespace, pool=pool)
    if output == "csv" and not as_json:
        _write(found, cidr=cidr)
        _remark(found, session)
        return
    session.show(as_json or output == "json", found.document(), lambda screen: _draw(screen, found, cidr=cidr))


def _rows(found: desk.Addresses, *, cidr: bool) -> list[tuple[str, ...]]:
    if cidr:
        return [(str(one.prefix), one.pool, _vlan(one.vlan), str(one.addresses)) for one in found.prefixes]
    return [
        (str(one.address), one.pod.namespace, one.pod.name, one.ifname, one.pool, _vlan(one.vlan), one.origin)
        for one in found.items
    ]


def _vlan(vlan: int | None) -> str:
    return str(vlan) if vlan else ""


def _write(found: desk.Addresses, *, cidr: bool) -> None:
    sheet = csv.writer(sys.stdout, lineterminator="\n")
    sheet.writerow(_PREFIXES if cidr else _KEPT)
    sheet.writerows(_rows(found, cidr=cidr))


def _remark(found: desk.Addresses, session: Session) -> None:
    """Say on stderr what a sheet has no place for."""
    for remark in filter(None, (session.reservation(), *_remarks(found))):
        sys.stderr.write(f"{remark}\n")


def _draw(screen: Screen, found: desk.Addresses, *, cidr: bool) -> None:
    rows = _rows(found, cidr=cidr)
    if rows:
        titles = [title.capitalize() for title in (_PREFIXES if cidr else _KEPT)]
        screen.table(columns(*titles), [[Cell(row[0], "bold"), *(cell or "-" for cell in row[1:])] for row in rows])
    else:
        screen.line("no address is kept")
    for remark in _remarks(found):
        screen.line(Cell(remark, "yellow"))


def _remarks(found: desk.Addresses) -> Sequence[str]:
    changing = [f"{one.address} of {one.pod}" for one in found.changing]
    may = f"not in the list, as nothing keeps {'it' if len(changing) == 1 else 'them'}: {', '.join(changing)}"
    told = [f"{counted(len(changing), 'address', 'addresses')} in use may change, and {may}"] if changing else []
    return (*told, *(f"{one.document} is not in force: {one}" for one in found.waiting))
