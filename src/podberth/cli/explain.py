"""`podberth explain` and `plan`: what a pod will get, where every value comes from, and what would be done for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from podberth.cli import netconf_file
from podberth.cli.failures import OK, REFUSED
from podberth.cli.manual import CLUSTER, Page
from podberth.cli.options import IFNAME, POD, json_option
from podberth.cli.screen import Cell, columns
from podberth.cli.settings_text import spelled, text
from podberth.cni.fields import joined
from podberth.cni.pod import Attachment
from podberth.desk import prospect
from podberth.desk.explain import explain as desk_explain
from podberth.desk.plan import plan as desk_plan
from podberth.desk.policies import ANY
from podberth.policy.layer import Share
from podberth.policy.precedence import POOL
from podberth.policy.standing import worded
from podberth.verbs.role import Role

if TYPE_CHECKING:
    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.cni.pod import PodRef
    from podberth.desk.explain import Explained
    from podberth.desk.plan import Plan
    from podberth.desk.policies import Allowed, Policed
    from podberth.desk.prospect import Prospect
    from podberth.policy.layer import Provenance

config_help = "The network configuration: a plugin's own, or a runtime's .conflist."


@click.command(
    "explain",
    cls=Page,
    asks=CLUSTER,
    short_help="Say what a pod gets, and where each value comes from.",
    exits={1: "an ADD would be refused; the reason is told"},
    examples=(
        ("explain payments/mysql-1", "Every interface declared for the pod, value by value."),
        ("explain payments/mysql-1 --config /etc/cni/net.d/10-bank.conflist", "With the network's own defaults."),
        (
            "explain payments/mysql-1 --config /etc/cni/net.d/00-networks.conflist",
            "All networks that the pod selects, where podberth-networks calls them.",
        ),
    ),
)
@click.argument("pod", type=POD, metavar="NAMESPACE/POD")
@click.option("--config", type=click.Path(allow_dash=True), metavar="NETCONF", help=config_help)
@click.option("--ifname", type=IFNAME, help="Only this interface; without it: all that are declared, or eth0.")
@json_option
@click.pass_obj
def explain(session: Session, pod: PodRef, config: str | None, ifname: str | None, *, as_json: bool) -> int:
    """Say what a pod gets and which declaration each value comes from, with those it overrides.

    The order, highest first: PodNetwork for the pod's name, PodNetwork for its StatefulSet, PodNetwork for its
    Deployment, the pod's annotation, the runtime's request, the pool, the network configuration, the built-in default.
    With the configuration of podberth-networks the pod is asked of the API server: a table has all its networks, and
    those whose addresses are podberth's follow.
    What a pod asks for itself is known only when it starts. Nothing is changed; a policyDir is read at the next ADD,
    not here.
    """
    conf = netconf_file.read(config) if config is not None else None
    found = desk_explain(session.node, pod, conf, ifname)
    session.show(as_json, found.document(), lambda screen: _draw_all(screen, found))
    return REFUSED if found.would_be_refused else OK


@click.command(
    "plan",
    cls=Page,
    asks=CLUSTER,
    short_help="Show what an ADD would do, without doing it.",
    examples=(("plan payments/mysql-1 --config /etc/cni/net.d/10-bank.conflist", ""),),
)
@click.argument("pod", type=POD, metavar="NAMESPACE/POD")
@click.option("--config", type=click.Path(allow_dash=True), metavar="NETCONF", required=True, help=config_help)
@click.option("--ifname", type=IFNAME, default="eth0", show_default=True, help="The interface.")
@click.option(
    "--netns", default="/var/run/netns/POD", show_default=True, help="The pod's network namespace, for the text."
)
@click.option("--container-id", default="CONTAINER", show_default=True, help="The container; link names depend on it.")
@json_option
@click.pass_obj
def plan(
    session: Session, pod: PodRef, config: str, ifname: str, netns: str, container_id: str, *, as_json: bool
) -> None:
    """Show what an ADD of the pod would do to this node, op by op, as the commands of iproute2 that do the same.

    Nothing is done. The plan is made for the node as it is now; an address that is not fixed by a declaration or a
    reservation is an example, and so is a virtual function that the caller does not name (deviceID).
    """
    attachment = partial(Attachment, container_id=container_id, ifname=ifname)
    found = desk_plan(session.node, pod, netconf_file.read(config), attachment, netns)
    session.show(as_json, found.document(), lambda screen: draw_plan(screen, found))


def draw_plan(screen: Screen, found: Plan) -> None:
    """Show it as a script, with what can't be known in comments."""
    for passed in found.prospect.passed if found.prospect is not None else ():
        screen.line(f"# passed over: {passed.why}")
    for expected in found.addresses:
        screen.line(f"# {expected.address}: {expected.why}")
    for vf in found.vfs:
        screen.line(f"# {vf}: {'one of those' if len(found.vfs) > 1 else 'the one'} that would be chosen now")
    network = found.prospect.network if found.prospect is not None else None
    if network is not None and network.delegated:
        screen.line(f"# addresses: those that {network.delegated} gives")
    if network is not None and network.role is Role.GIVE:
        screen.line("# called for addresses only: the main plugin makes the interface")
    for op in found.ops:
        screen.line(op.command)


def _draw_all(screen: Screen, found: Explained) -> None:
    if found.legs:
        titles = ("Interface", "Name", "Network", "Plugins", "Addresses by")
        rows = [[leg.ifname, leg.name, leg.network, ", ".join(leg.plugins), leg.addresses_by] for leg in found.legs]
        screen.table(columns(*titles, breaks=("Plugins",)), rows)
    if found.policed is not None:
        _draw_policed(screen, found.policed)
    for each in found.interfaces:
        _draw(screen, each.prospect)
    for ifname, old in found.running:
        said = f"{old.field} {old.told}, until the pod restarts; then {old.now}"
        screen.line(Cell("running", "yellow"), f"  {ifname}: {said}")
    for one in found.waiting:
        screen.line(Cell("not in force", "red"), f"  {one.document} ({one.source}): {one}")
    for standing in found.standings:
        screen.line(Cell("declared", "red"), f"  by {standing.bundle}: {worded(standing)}")
        screen.line(Cell(f"  -> {standing.remedy}", "dim"))


def _draw_policed(screen: Screen, found: Policed) -> None:
    rows: list[list[str | Cell]] = []
    for one in found.passing:
        where = [one.ifname, one.direction]
        if one.open:
            rows.append([*where, Cell("everything", "green"), ANY, "no policy speaks of it"])
        elif not one.allowed:
            rows.append([*where, Cell("nothing", "red"), "", ""])
        rows += [[*where, _peers(allowed), allowed.ports, allowed.policy] for allowed in one.allowed]
    doubts = dict.fromkeys(each for one in found.passing for allowed in one.allowed for each in allowed.uncounted)
    if rows:
        screen.table(columns("Interface", "Direction", "Lets pass", "Ports", "Policy", breaks=("Lets pass",)), rows)
    for doubt in doubts:
        screen.line(Cell("not counted", "yellow"), f"  {doubt}")
    for each in found.policies:
        if each.mistakes:
            screen.line(Cell("policy", "yellow"), f"  {each.policy}: {each.state}: {joined(each.mistakes)}")
    if found.why:
        screen.line(Cell("policies", "red"), f"  {found.why}")


def _peers(allowed: Allowed) -> str:
    """Return who may, and their addresses just now."""
    more = f", and {allowed.more} more" if allowed.more else ""
    if allowed.addresses is None:
        return f"{allowed.peers}{more}"
    return f"{allowed.peers}: {', '.join(allowed.addresses) or 'nobody now'}{more}"


def _draw(screen: Screen, found: Prospect) -> None:
    where = f" on network {found.network.name}" if found.network.name else ""
    screen.line(Cell(f"{found.pod} {found.ifname}", "bold"), where)
    rows: list[list[str | Cell]] = []
    effective = prospect.effective(found)
    for origin in found.resolved.provenance:
        value, source, detail = text(origin.value), origin.source, origin.detail
        expected = next((e for e in found.addresses if origin.field == f"ipv{e.address.version}"), None)
        if origin.value is None and expected is not None:
            value, source = str(expected.address), expected.why
        elif origin.field == "retention" and isinstance(origin.value, int):
            value += " s"
        elif isinstance(origin.value, Share) and expected is not None:
            value, detail = str(expected.address), f"{detail}: {expected.why} ({origin.value})"
        elif origin.field in effective and effective[origin.field] != origin.value:
            value, source, detail = _derived(origin, effective[origin.field])
        rows.append([spelled(origin.field), Cell(value, "" if value == "-" else "green"), source, detail])
        rows += [
            ["", Cell(text(o.value), "dim"), Cell(f"overridden: {o.source}", "dim"), o.detail]
            for o in origin.overridden
        ]
    titles = ("Field", "Value", "Source", "Detail")
    screen.table(columns(*titles, breaks=("Value", "Detail")), rows)
    for passed in found.passed:
        screen.line(Cell("passed over", "yellow"), f": {passed.why}")
    if found.refusal is not None:
        screen.line(Cell("refused", "bold red"), f": {found.refusal.message}")
        screen.line(f"  {found.refusal.details}")


def _derived(origin: Provenance, effective: object) -> tuple[str, str, str]:
    """Return value, source and detail of what follows from the addresses: a MAC made of them, routes by the gateway."""
    if origin.value is None:
        return text(effective), POOL, "by the gateway of the subnet"
    return f"{text(origin.value)}: {text(effective)}", origin.source, origin.detail
