"""`podberth get`: documents, reservations and attachments as they are, for people, programs and `apply`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import click

from podberth.cli import when
from podberth.cli.failures import Misuse, NotFound
from podberth.cli.manual import CLUSTER, EXITS, Page
from podberth.cli.options import json_option
from podberth.cli.screen import Cell, Screen, columns
from podberth.cli.text import counted
from podberth.cni.fields import shown
from podberth.desk.attachments import attachments
from podberth.desk.form import json_form
from podberth.desk.reservations import reservations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.cli.session import Session
    from podberth.policy.documents import Document
    from podberth.policy.podnetwork import PodNetwork

    Row = list[str | Cell]

KINDS = ("all", "pools", "podnetworks", "reservations", "claims", "attachments")
SHORT = {kind.removesuffix("s"): kind for kind in KINDS[1:]}
SHOWN = 3  # addresses of a StatefulSet for people; -o yaml has them all


class Listing:
    """What was found: the head of its table, and a row and a JSON form for each item.

    `documents`: it can be applied, and says so itself. Anything else is an answer of that `schema`.
    """

    def __init__(self, titles: Sequence[str], *, documents: bool = False, schema: str = "") -> None:
        self.schema = schema
        self.columns = columns(*titles, breaks=("Source", "Declares", "Netns"))
        self.documents = documents
        self.names: list[str] = []
        self.rows: list[Row] = []
        self.items: list[dict[str, object]] = []

    def add(self, name: str, row: Row, item: dict[str, object]) -> None:
        """Add an item that `get KIND NAME` finds by `name`."""
        self.names.append(name)
        self.rows.append(row)
        self.items.append(item)

    def only(self, kind: str, name: str) -> None:
        """Keep what is named so, or is of that namespace ('payments/'). NotFound if nothing is."""
        kept = [i for i, own in enumerate(self.names) if own == name or (name.endswith("/") and own.startswith(name))]
        if not kept:
            raise NotFound(f"there is no {kind.removesuffix('s')} {shown(name)}", f"`podberth get {kind}` lists them")
        self.names = [self.names[i] for i in kept]
        self.rows = [self.rows[i] for i in kept]
        self.items = [self.items[i] for i in kept]

    def form(self, *, one: bool) -> dict[str, object]:
        """Return the JSON document: the one item, or a list that `apply` reads where they are documents."""
        if one and len(self.items) == 1:
            return self.items[0]
        head = {"apiVersion": "v1", "kind": "List"} if self.documents else {"schema": self.schema}
        return {**head, "items": self.items}

    def draw(self, screen: Screen) -> None:
        """Write the table."""
        if self.rows:
            screen.table(self.columns, self.rows)
        else:
            screen.line("none")


@click.command(
    "get",
    cls=Page,
    asks=CLUSTER,
    short_help="Show documents, reservations, attachments.",
    exits={3: EXITS[3]},
    examples=(
        ("get", "Every document in force."),
        ("get podnetworks payments/mysql -o yaml", "One document, as `apply` takes it."),
        ("get podnetworks payments/", "Those of one namespace."),
        ("get reservations --json", ""),
        ("get claims -o yaml", "Reservations as IPAMClaims, for programs that read those."),
        ("get -o yaml > backup.yaml", "All that is declared."),
    ),
)
@click.argument("kind", default="all", metavar="[pools|podnetworks|reservations|claims|attachments]")
@click.argument("name", required=False)
@click.option(
    "-o", "--output", type=click.Choice(["table", "yaml", "json"]), default="table", show_default=True, help="The form."
)
@json_option
@click.pass_obj
def get(session: Session, kind: str, name: str | None, output: str, *, as_json: bool) -> None:
    """Show what is declared and what is there: pools, PodNetworks, reservations, this node's attachments.

    Claims are reservations as IPAMClaims (k8s.cni.cncf.io), where their network is known. Without a kind: all
    documents. NAME is a pool's name, a PodNetwork's NAMESPACE/NAME, a reserved address, or an
    attachment's NETWORK/CONTAINER/IFNAME; one that ends in `/` stands for all below it.
    """
    kind = SHORT.get(kind.lower(), kind.lower())
    if kind not in KINDS:
        raise Misuse(f"expected a kind of {', '.join(KINDS[1:])}, got {shown(kind)}", "see `podberth get --help`")
    listing = _LISTINGS[kind](session)
    if name is not None:
        listing.only(kind, name)
    one = name is not None and not name.endswith("/")
    if output == "yaml" and not as_json:
        from podberth.cli.yamltext import dump

        if lacks := session.reservation():
            sys.stdout.write(f"# {lacks}\n")
        sys.stdout.write(dump(*listing.items) if listing.documents else dump(listing.form(one=one)))
        return
    session.show(as_json or output == "json", listing.form(one=one), listing.draw)


def _documents(session: Session) -> list[Document]:
    from podberth.policy.documents import document_of

    policies = session.node.policies
    pools = [document_of(pool, pool.source) for pool in policies.pools()]
    return [*pools, *(document_of(found, found.source) for found in policies.pod_networks())]


def _all(session: Session) -> Listing:
    from podberth.policy.documents import raw_document

    listing = Listing(("Kind", "Name", "Source"), documents=True)
    for document in _documents(session):
        name = str(document).split(" ", 1)[1]
        listing.add(name, [document.kind, Cell(name, "bold"), document.source or "-"], raw_document(document))
    return listing


def _pools(session: Session) -> Listing:
    from podberth.policy.documents import document_of, raw_document

    listing = Listing(("Name", "Subnets", "Gateways", "Allocation", "VLAN", "Source"), documents=True)
    for pool in session.node.policies.pools():
        vlan = pool.settings.vlan
        row: Row = [
            Cell(pool.name, "bold"),
            ", ".join(str(subnet.network) for subnet in pool.subnets),
            ", ".join(str(subnet.gateway) for subnet in pool.subnets if subnet.gateway is not None) or "-",
            pool.allocation,
            str(vlan.id) if vlan is not None and vlan.id else "-",
            pool.source or "-",
        ]
        listing.add(pool.name, row, raw_document(document_of(pool, pool.source)))
    return listing


def _pod_networks(session: Session) -> Listing:
    from podberth.policy.documents import document_of, raw_document

    listing = Listing(("Name", "For", "Declares", "Source"), documents=True)
    for found in session.node.policies.pod_networks():
        name = f"{found.namespace}/{found.name}"
        row: Row = [Cell(name, "bold"), found.target, _declares(found), found.source or "-"]
        listing.add(name, row, raw_document(document_of(found, found.source)))
    return listing


def _declares(found: PodNetwork) -> str:
    from podberth.policy.attachment_document import runs

    told = []
    for policy in found.attachments:
        addresses = [str(address) for address in policy.addresses]
        for ordinals in policy.ordinals:
            first, last = ordinals.addresses[0], ordinals.addresses[-1]
            few = len(ordinals.addresses) <= SHOWN
            addresses.append(", ".join(map(str, ordinals.addresses)) if few else f"{first} ... {last}")
        addresses += [str(first) if first == last else f"{first} ... {last}" for first, last in runs(policy.shared)]
        told.append(f"{policy.ifname}: {', '.join(addresses) or policy.pool or 'settings'}")
    return "; ".join(told)


def _reservations(session: Session) -> Listing:
    found = reservations(session.node)
    listing = Listing(("Address", "For", "Ifname", "Pool", "Origin", "Since"), schema=found.SCHEMA)
    for each in found.items:
        row: Row = [
            Cell(str(each.address), "bold"),
            str(each.pod),
            each.ifname,
            each.pool,
            each.origin,
            when.local(each.since),
        ]
        listing.add(str(each.address), row, json_form(each))
    return listing


def _claims(session: Session) -> Listing:
    from podberth.desk.claims import claims

    found, left = claims(session.node)
    if left:
        sys.stderr.write(f"{counted(left, 'reservation')} of no known network, or of a Deployment: no claim\n")
    listing = Listing(("Name", "Network", "Interface", "IPs", "Pod"), documents=True)
    for document in found:
        metadata, spec, status = (cast("dict[str, Any]", document[part]) for part in ("metadata", "spec", "status"))
        name = f"{metadata['namespace']}/{metadata['name']}"
        row: Row = [
            Cell(name, "bold"),
            spec["network"],
            spec["interface"],
            ", ".join(status["ips"]),
            status["ownerPod"] or "-",
        ]
        listing.add(name, row, document)
    return listing


def _attachments(session: Session) -> Listing:
    found = attachments(session.node)
    listing = Listing(("Attachment", "Pod", "Addresses", "Netns", "State", "Since"), schema=found.SCHEMA)
    for each in found.items:
        row: Row = [
            Cell(str(each.named), "bold"),
            str(each.pod or "-"),
            ", ".join(map(str, each.addresses)) or "-",
            each.netns,
            "complete" if each.complete else Cell("removing" if each.removing else "unfinished", "red"),
            when.local(each.since),
        ]
        listing.add(str(each.named), row, json_form(each))
    return listing


_LISTINGS: dict[str, Callable[[Session], Listing]] = {
    "all": _all,
    "pools": _pools,
    "podnetworks": _pod_networks,
    "reservations": _reservations,
    "claims": _claims,
    "attachments": _attachments,
}
