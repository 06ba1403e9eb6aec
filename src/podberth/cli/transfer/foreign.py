"""`podberth import host-local` and `import whereabouts`: the addresses that another IPAM plugin has given out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from podberth.cli.failures import OK, Misuse, NotFound, unread
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import IFNAME, NETWORK, POOL, dry_run_option, json_option, override_option, overriding
from podberth.cli.progress import progress
from podberth.cli.reading import MOST, contents
from podberth.cli.screen import UNCHANGED, Cell, columns
from podberth.cli.session import asking
from podberth.cli.text import counted
from podberth.cni import parsers, strictjson
from podberth.cni.errors import InvalidConfig
from podberth.ipam.lease import Actor
from podberth.ipam.pool import Pool
from podberth.ipam.pool_document import API_VERSION
from podberth.policy.documents import Document, parse_document
from podberth.policy.operation import Operation
from podberth.stores.transfer import host_local as files
from podberth.stores.transfer import whereabouts as objects
from podberth.stores.transfer.found import claims, keepings, placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.stores.transfer.found import Found, Placed
    from podberth.stores.transfer.whereabouts import Range
    from podberth.verbs.node import Node

SOURCE = "import whereabouts"


@click.command(
    "host-local",
    cls=Page,
    short_help="Take over what host-local has given out on this node.",
    exits={3: EXITS[3]},
    examples=(
        ("import host-local --dir /var/lib/cni/networks/banknet --pool bank --dry-run", "What is there?"),
        ("import host-local --dir /var/lib/cni/networks/banknet --pool bank", "Have it as leases."),
    ),
)
@click.option(
    "--dir", "directory", metavar="DIR", required=True, type=click.Path(file_okay=False),
    help="host-local's directory of one network.",
)  # fmt: skip
@click.option("--pool", type=POOL, help="The pool; without it, the one that has the address.")
@click.option("--network", type=NETWORK, help="The network's name; without it, the directory's.")
@click.option(
    "--ifname", type=IFNAME, default="eth0", show_default=True, help="The interface, where host-local wrote none."
)
@dry_run_option
@json_option
@click.pass_obj
def host_local(
    session: Session, directory: str, pool: str | None, network: str | None, ifname: str, *, dry_run: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Have each address that host-local has given out on this node as a lease of its container.

    Containers keep what they have: their DEL, by podberth as the network's plugin, ends the lease. host-local knows no
    pods. All of it is imported, or nothing: every address that is outside the pool, taken, or there twice is listed.
    """
    node = session.node
    name = network or _network(directory)
    try:
        Path(directory).stat()
    except OSError as wrong:
        raise unread(directory, wrong, "name the directory of host-local's network") from None
    found, complaints = files.read(directory, name, ifname)
    places = placed(found, _pools(node, pool), pool or "", node.ledger, complaints)
    by = Actor(who=asking(), why=f"import host-local {directory}", node=node.name)
    if not dry_run:
        with progress(len(places)) as told:
            node.policies.operate(Operation(bind=tuple(claims(places))), by, source=SOURCE, told=told)
    return _shown(session, places, (), dry_run=dry_run, reserve=False, as_json=as_json)


@click.command(
    "whereabouts",
    cls=Page,
    short_help="Take over what whereabouts has given out in a cluster.",
    exits={3: EXITS[3]},
    examples=(
        ("import whereabouts --kubeconfig admin.conf --network macnet --make-pool --dry-run", "What is there?"),
        ("import whereabouts -f pools.json --network macnet --pool bank --reserve", "Fixed by pod name from now on."),
    ),
)
@click.option(
    "-f", "--filename", "file", metavar="FILE|-", type=click.Path(allow_dash=True),
    help="What `kubectl get ippools,overlappingrangeipreservations -A -o json` printed.",
)  # fmt: skip
@click.option("--kubeconfig", metavar="FILE", type=click.Path(dir_okay=False), help="Ask this cluster instead.")
@click.option("--network", type=NETWORK, required=True, help="The network's name, which whereabouts does not keep.")
@click.option("--pool", type=POOL, help="The pool; without it, the one that has the address.")
@click.option("--ifname", type=IFNAME, default="net1", show_default=True, help="The interface, where none is kept.")
@click.option("--reserve", is_flag=True, help="Also reserve each address for its pod's name.")
@click.option("--make-pool", is_flag=True, help="Make --pool from all ranges, or without it a pool from each range.")
@override_option
@dry_run_option
@json_option
@click.pass_obj
def whereabouts(
    session: Session, file: str | None, kubeconfig: str | None, network: str, pool: str | None, ifname: str, *,
    reserve: bool, make_pool: bool, override: str, dry_run: bool, as_json: bool,
) -> int:  # fmt: skip
    """Have each address that whereabouts has given out as a lease of its pod, with --reserve also of the pod's name.

    whereabouts does not keep which node a pod is on: the leases have the node `unknown`. All of it is imported, or
    nothing: every address that is outside the pools, taken, there twice, or kept for other namespaces is listed.
    """
    if (file is None) == (kubeconfig is None):
        raise Misuse("expected either --filename or --kubeconfig", "see `podberth import whereabouts --help`")
    read = objects.read(_asked(kubeconfig) if kubeconfig else _read(str(file)), file or "cluster", network, ifname)
    node = session.made() if make_pool and not dry_run else session.node
    made = _documents(read.ranges, pool) if make_pool else ()
    bodies = tuple(document.body for document in made if isinstance(document.body, Pool))
    known = _pools(node, None if make_pool else pool)
    pools = (*(each for each in known if each.name not in {body.name for body in bodies}), *bodies)
    places = placed(read.found, pools, pool or "", node.ledger, read.complaints, who=asking(), override=override)
    by = Actor(who=asking(), why=overriding(SOURCE, override), node="unknown")
    if dry_run and made:
        node.policies.apply(made, by, source=SOURCE, dry_run=True)
    if not dry_run:
        kept = tuple(keepings(places)) if reserve else ()
        whole = Operation(documents=made, keep=kept, bind=tuple(claims(places)))
        with progress(len(places)) as told:
            node.policies.operate(whole, by, source=SOURCE, told=told)
    return _shown(session, places, made, dry_run=dry_run, reserve=reserve, as_json=as_json)


def _network(directory: str) -> str:
    try:
        return parsers.identifier(Path(directory).absolute().name)
    except ValueError as wrong:
        raise Misuse(f"--dir: {wrong}", "name the network with --network") from None


def _pools(node: Node, wanted: str | None) -> tuple[Pool, ...]:
    pools = node.policies.pools()
    if wanted is not None and wanted not in {pool.name for pool in pools}:
        raise NotFound(f"there is no pool {wanted}", "`podberth pool` lists the pools")
    return pools


def _read(file: str) -> object:
    return strictjson.loads(contents(file), "stdin" if file == "-" else file, InvalidConfig, most=MOST)


def _asked(kubeconfig: str) -> object:
    from podberth.kube.client import Client
    from podberth.kube.config import load
    from podberth.kube.resources import Resource

    client = Client(load(kubeconfig))
    items: list[object] = []
    try:
        for plural, kind in (
            ("ippools", "IPPool"),
            ("overlappingrangeipreservations", "OverlappingRangeIPReservation"),
        ):
            resource = Resource(
                group="whereabouts.cni.cncf.io", version="v1alpha1", plural=plural, kind=kind, namespaced=True
            )
            items += [{**item, "kind": kind} for item in client.list(resource).items]
    finally:
        client.close()
    return {"items": items}


def _documents(ranges: Sequence[Range], name: str | None) -> tuple[Document, ...]:
    """Return the pools that the ranges make: one of that name, or one of each range."""
    pools: dict[str, list[str]] = {}
    for each in ranges:
        subnets = pools.setdefault(name or each.name, [])
        if str(each.network) not in subnets:
            subnets.append(str(each.network))
    return tuple(
        parse_document(
            {
                "apiVersion": API_VERSION,
                "kind": "Pool",
                "metadata": {"name": own},
                "spec": {"subnets": [{"subnet": subnet} for subnet in subnets]},
            },
            SOURCE,
        )
        for own, subnets in pools.items()
    )


def _shown(
    session: Session, places: Sequence[Placed], made: Sequence[Document], *, dry_run: bool, reserve: bool,
    as_json: bool,
) -> int:  # fmt: skip
    form = {
        "dry_run": dry_run,
        "pools": [document.name for document in made],
        "imported": [_form(place.found, place.pool, reserve=reserve) for place in places],
    }

    def draw(screen: Screen) -> None:
        titles = ("Address", "Pod", "Ifname", "Network", "Container", "Pool")
        if places:
            screen.table(columns(*titles, breaks=("Network",)), [*map(_row, places)])
        for document in made:
            screen.line(f"{document} from whereabouts' range")
        screen.line(counted(len(places), "lease") + (" and their reservations" if reserve else ""))
        if dry_run:
            screen.line(UNCHANGED)

    session.show(as_json, form, draw)
    return OK


def _form(found: Found, pool: str, *, reserve: bool) -> dict[str, object]:
    own = found.attachment
    return {
        "address": str(found.address),
        "pool": pool,
        "pod": str(found.pod) if found.pod is not None else None,
        "attachment": {"network": own.network, "container_id": own.container_id, "ifname": own.ifname},
        "reserved": reserve and found.pod is not None,
        "from": found.where,
    }


def _row(place: Placed) -> list[str | Cell]:
    found = place.found
    own = found.attachment
    return [
        Cell(str(found.address), "bold"), str(found.pod or "-"), own.ifname, own.network, own.container_id[:12],
        place.pool,
    ]  # fmt: skip
