"""`podberth reserve`: an address for a pod's name, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli.failures import NotFound
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import ADDRESS, IFNAME, OWNER, POOL, json_option, override_option, overriding
from podberth.cli.session import actor, asking
from podberth.cni.errors import Refused
from podberth.desk import rows
from podberth.desk.form import json_form
from podberth.ipam.lease import Keeping
from podberth.policy.operation import Operation
from podberth.policy.permit import OPERATOR, RESERVE, Reserving, permit
from podberth.policy.usable import around as pools_around

if TYPE_CHECKING:
    from podberth.cli.session import Session
    from podberth.cni.pod import PodRef
    from podberth.net.ops import Address
    from podberth.policy.store import Policies


@click.command(
    "reserve",
    cls=Page,
    short_help="Reserve an address for a pod's name.",
    exits={3: EXITS[3]},
    examples=(
        ("reserve payments/mysql-0 10.20.0.11", "The pod of that name gets this address, whenever it starts."),
        (
            'reserve web/a 10.20.0.12 --override "CHG-7"',
            "Though the pool is kept for others; the ledger says why.",
        ),
        ("reserve payments/mysql-0 fd00:20::11 --ifname net1 --pool db", ""),
    ),
)
@click.argument("pod", type=OWNER, metavar="NAMESPACE/POD")
@click.argument("address", type=ADDRESS)
@click.option("--ifname", type=IFNAME, default="eth0", show_default=True, help="The pod's interface.")
@click.option("--pool", type=POOL, help="The pool; without it, the one that has the address.")
@override_option
@json_option
@click.pass_obj
def reserve(
    session: Session, pod: PodRef, address: Address, ifname: str, pool: str | None, override: str, *, as_json: bool
) -> None:
    """Reserve an address for a pod's name, whether or not the pod exists.

    It is never given to another pod. A PodNetwork (`podberth apply`) does the same and more, and is what to prefer for
    what should be kept in files; a reservation by hand lasts until `podberth release`. An address that the pool's
    `allow` keeps for other namespaces is refused without --override.
    """
    node = session.node
    chosen = pool or around(node.policies, address)
    found = node.policies.pool(chosen)
    if found is None:
        raise NotFound(f"there is no pool {chosen}", "`podberth pool` lists the pools")
    change = Reserving(pool=found, namespace=pod.namespace, address=address, override=override)
    refusal = permit(asking(), OPERATOR, RESERVE, change)
    if refusal is not None:
        raise refusal
    wanted = Keeping(address=address, pool=chosen, pod=pod, ifname=ifname, only=True)
    by = actor(node, overriding(f"reserve {pod} {address}", override))
    (made,) = node.policies.operate(Operation(keep=(wanted,)), by, source=by.why).kept
    session.show(
        as_json,
        {"reservation": json_form(rows.Reservation.of(made))},
        lambda screen: screen.line(f"{made.address} of pool {made.pool} is reserved for {made.pod} {made.ifname}"),
    )


def around(policies: Policies, address: Address) -> str:
    """Return the name of the pool that has the address; Refused if none has. Pools that overlap are never in force."""
    name = next((pool.name for pool in pools_around(policies.pools(), address)), None)
    if name is None:
        raise Refused(f"no pool contains {address}", "`podberth pool` lists the pools")
    return name
