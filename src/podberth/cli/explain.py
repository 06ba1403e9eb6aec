"""`podberth explain` and `plan`: what a pod will get, where every value comes from, and what would be done for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from podberth.cli import forms, netconf_file, prospect
from podberth.cli.failures import OK, REFUSED
from podberth.cli.manual import CLUSTER, Page
from podberth.cli.options import IFNAME, POD, json_option
from podberth.cli.screen import Cell, columns
from podberth.cli.settings_text import form, spelled, text
from podberth.cni.errors import CniError, InvalidConfig
from podberth.cni.pod import Attachment
from podberth.entry import find_plugin
from podberth.ipam.refusals import same
from podberth.net.ops import describe
from podberth.policy.precedence import POOL, Share
from podberth.policy.standing import worded
from podberth.verbs.network import Role
from podberth.verbs.outdated import outdated
from podberth.verbs.serve import planner
from podberth.verbs.wish import endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.cli.prospect import Prospect
    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.cni.pod import PodRef
    from podberth.net.ops import Op
    from podberth.net.vf import Vf
    from podberth.policy.changes import Waiting
    from podberth.policy.precedence import Provenance
    from podberth.verbs.node import Node

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
    What a pod asks for itself is known only when it starts. Nothing is changed; a policyDir is read at the next ADD,
    not here.
    """
    node = session.node
    found = _foreseen(node, pod, config, ifname)
    older = {
        record.attachment.ifname: outdated(node, record, find_plugin)
        for record in node.attachments.all()
        if same(record.pod, pod)
    }
    waiting = [one for one in node.policies.waiting() if _is_about(one, pod)]
    refused = tuple(one for one in node.policies.standings() if one.concerns(pod))
    document = {
        "pod": str(pod),
        "interfaces": [{**_form(each), **_older(older.get(each.ifname, ()))} for each in found],
        **forms.waiting(waiting),
        **forms.refused(refused),
    }

    def draw(screen: Screen) -> None:
        _draw_all(screen, found)
        for ifname, values in older.items():
            for name, had, now in values:
                screen.line(Cell("running", "yellow"), f"  {ifname}: {name} {had}, until the pod restarts; then {now}")
        for one in waiting:
            screen.line(Cell("not in force", "red"), f"  {one.document} ({one.source}): {one}")
        for standing in refused:
            screen.line(Cell("declared", "red"), f"  by {standing.bundle}: {worded(standing)}")
            screen.line(Cell(f"  -> {standing.remedy}", "dim"))

    session.show(as_json, document, draw)
    return REFUSED if any(each.refusal for each in found) else OK


def _foreseen(node: Node, pod: PodRef, config: str | None, ifname: str | None) -> list[Prospect]:
    """Return what each interface of the pod gets, or the one of that name."""
    known = prospect.read(netconf_file.read(config), find_plugin)[:2] if config is not None else None
    wanted = prospect.interfaces(node, pod, known[0].name if known else None)
    if ifname is not None:
        wanted = tuple(pair for pair in wanted if pair[0] == ifname) or ((ifname, known[0].name if known else ""),)
    try:
        return [prospect.foresee(node, pod, name, *(known or (prospect.unnamed(net), None))) for name, net in wanted]
    except InvalidConfig as wrong:
        if known is not None:
            raise
        raise InvalidConfig(wrong.message, "a PodNetwork can say it, or the network configuration: --config") from None


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
    planned = make_plan(session.node, pod, netconf_file.read(config), attachment, netns)
    session.show(as_json, planned.document(), planned.draw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What an ADD would do: the attachment, what it leads to, the function it would get, and the ops in order."""

    attachment: Attachment
    foreseen: Prospect
    vf: Vf | None
    ops: tuple[Op, ...]

    def document(self) -> dict[str, object]:
        """Return the plan for `--json`."""
        return {
            "pod": str(self.foreseen.pod),
            "attachment": forms.attachment(self.attachment),
            "addresses": _addresses(self.foreseen),
            "function": self.vf.address if self.vf is not None else None,
            "ops": [{"op": type(op).__name__, "command": describe(op)} for op in self.ops],
        }

    def draw(self, screen: Screen) -> None:
        """Show it as a script, with what can't be known in comments."""
        for expected in self.foreseen.addresses:
            screen.line(f"# {expected.address}: {expected.why}")
        if self.vf is not None:
            screen.line(f"# {self.vf}: the one that would be chosen now")
        if self.foreseen.network.delegated:
            screen.line(f"# addresses: those that {self.foreseen.network.delegated} gives")
        if self.foreseen.network.role is Role.GIVE:
            screen.line("# called for addresses only: the main plugin makes the interface")
        for op in self.ops:
            screen.line(describe(op))


def make_plan(node: Node, pod: PodRef, config: bytes, attachment: Callable[..., Attachment], netns: str) -> Planned:
    """Return the plan of an ADD; `attachment` is told the network. CniError with what the ADD would be refused for."""
    network, conf, plugin = prospect.read(config, find_plugin)
    to_be = attachment(network=network.name)
    foreseen = prospect.foresee(node, pod, to_be.ifname, network, conf)
    if foreseen.refusal is not None:
        raise foreseen.refusal
    end = endpoint(foreseen.resolved, to_be, netns, [expected.address for expected in foreseen.addresses])
    end = prospect.with_function(node, foreseen, conf, end)
    ops = () if network.role is Role.GIVE else planner(node, network, plugin)(end).ops
    return Planned(attachment=to_be, foreseen=foreseen, vf=end.vf, ops=ops)


def _is_about(one: Waiting, pod: PodRef) -> bool:
    """Say whether a document that is not in force can matter to the pod: of PodNetworks, those of its namespace."""
    kind, _, name = one.document.partition(" ")
    return kind != "PodNetwork" or name.partition("/")[0] == pod.namespace


def _addresses(found: Prospect) -> list[dict[str, object]]:
    return [{"address": str(expected.address), "why": expected.why} for expected in found.addresses]


def _form(found: Prospect) -> dict[str, object]:
    return {
        "ifname": found.ifname,
        "network": found.network.name or None,
        "declared": found.resolved.declared,
        "refusal": _refusal(found.refusal),
        "addresses": _addresses(found),
        "effective": {name: form(name, value) for name, value in prospect.effective(found).items()},
        "values": [_value(origin) for origin in found.resolved.provenance],
    }


def _older(found: tuple[tuple[str, str, str], ...]) -> dict[str, object]:
    return {"outdated": forms.outdated(found)} if found else {}


def _refusal(error: CniError | None) -> dict[str, object] | None:
    return {"code": error.code, "msg": error.message, "details": error.details} if error is not None else None


def _value(origin: Provenance) -> dict[str, object]:
    overridden = [
        {"value": form(origin.field, other.value), "source": other.source, "detail": other.detail}
        for other in origin.overridden
    ]
    said = {"field": origin.field, "value": form(origin.field, origin.value)}
    return {**said, "source": origin.source, "detail": origin.detail, "overridden": overridden}


def _draw_all(screen: Screen, found: Sequence[Prospect]) -> None:
    for each in found:
        _draw(screen, each)


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
    if found.refusal is not None:
        screen.line(Cell("refused", "bold red"), f": {found.refusal.message}")
        screen.line(f"  {found.refusal.details}")


def _derived(origin: Provenance, effective: object) -> tuple[str, str, str]:
    """Return value, source and detail of what follows from the addresses: a MAC made of them, routes by the gateway."""
    if origin.value is None:
        return text(effective), POOL, "by the gateway of the subnet"
    return f"{text(origin.value)}: {text(effective)}", origin.source, origin.detail
