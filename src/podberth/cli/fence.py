"""`podberth fence` and `unfence`: an operator's word that nothing runs on a node, so its addresses may move."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from podberth.cli import when
from podberth.cli.failures import LAST_KNOWN, OK, Misuse, NotFound
from podberth.cli.listening import LISTENING, listen
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import NODE, given, json_option, why_option
from podberth.cli.screen import Cell, columns
from podberth.cli.session import actor
from podberth.cli.text import counted
from podberth.cni.errors import Refused
from podberth.desk import rows
from podberth.desk.form import json_form
from podberth.ipam.elsewhere import Fence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.verbs.node import Node

_HOW_KNOWN = "say how you know: it is in the ledger with what moves"


@click.command(
    "fence",
    cls=Page,
    short_help="Say that nothing runs on a node any more.",
    exits={3: EXITS[3], 6: EXITS[6]},
    examples=(
        (
            "fence worker-3 --why 'burnt, and switched off'",
            "Its pods' addresses may move to their successors.",
        ),
        (
            "fence worker-3 --why 'switched off by its BMC' --cut-running-pods",
            "For whoever has made sure: the node is not asked.",
        ),
        ("fence", "Which nodes are fenced, by whom and why?"),
    ),
)
@click.argument("name", type=NODE, metavar="[NODE]", required=False)
@why_option
@click.option(
    "--cut-running-pods", "cutting", is_flag=True,
    help="Also if the node lives: pods that run there lose their addresses. It is not asked, so nothing is waited for.",
)  # fmt: skip
@json_option
@click.pass_obj
def fence(session: Session, name: str | None, why: str | None, *, cutting: bool, as_json: bool) -> int:
    """Say that nothing runs on a node any more; without NODE, show which nodes that was said of.

    An address that a pod there holds moves to the pod of the same name once that is started elsewhere. Make sure first
    that the node is off, or cut off from the network. The node is asked whether it lives, through the store, for a
    minute by this machine's uptime. If it is heard of, the fence is refused. What is not heard of may still run. With a
    ledger in the Kubernetes API, delete the Node object or taint it node.kubernetes.io/out-of-service instead; machines
    that are no Nodes are fenced here. See docs/identity.md.
    """
    if name is None:
        if why is not None or cutting:
            raise Misuse("NODE is required: --why and --cut-running-pods speak of one")
        session.tolerant = True  # the list is answered by the last that is known
        said = session.node.elsewhere.fences()
        session.show(
            as_json, {"fences": [json_form(rows.Fence.of(one)) for one in said]}, lambda screen: _draw(screen, said)
        )
        return LAST_KNOWN if session.away else OK
    node, why = session.node, given(why, _HOW_KNOWN)
    if name == node.name:
        raise Refused(f"node {name} is this one, and it is running", "fence it from another node")
    node.elsewhere.require_fenceable(name)
    held = [lease for lease in node.ledger.leases() if lease.node == name]
    if not held and not node.elsewhere.machines(name):
        raise NotFound(
            f"no address is held on node {name}, and no machine is registered as that",
            "`podberth leases` shows which node has which",
        )
    before = node.elsewhere.fences(name)
    if not cutting and (not before or before[-1].lifted):
        _require_silence(node, name)
    said_now = _say(node, name, why, lifted=False)
    session.show(
        as_json,
        {"fence": json_form(rows.Fence.of(said_now)), "leases": [json_form(rows.Lease.of(lease)) for lease in held]},
        lambda screen: screen.line(
            f"node {name} is fenced: {counted(len(held), 'address', 'addresses')} may move to other nodes"
        ),
    )
    return OK


def _require_silence(node: Node, name: str) -> None:
    """Listen for the node; raise Refused if it is heard of."""
    if sys.stderr.isatty():
        sys.stderr.write(f"asking node {name} whether it lives; silence takes {LISTENING:.0f} s\n")
    heard = listen(node, name)
    if heard:
        raise Refused(
            f"node {name} lives: {heard}",
            "end what runs there and stop its agent, or switch it off; or say --cut-running-pods: then pods that run"
            " there lose their addresses",
        )


@click.command(
    "unfence",
    cls=Page,
    short_help="Take back what `fence` said.",
    exits={3: EXITS[3]},
    examples=(("unfence worker-3 --why 'repaired, its agent is up'", "What runs there holds its addresses again."),),
)
@click.argument("name", type=NODE, metavar="NODE")
@why_option
@json_option
@click.pass_obj
def unfence(session: Session, name: str, why: str | None, *, as_json: bool) -> None:
    """Take back what `fence` said, before a node is used again.

    What has moved meanwhile stays where it is: the node's agent takes such addresses from the pods that it still finds.
    """
    said = _say(session.node, name, given(why, _HOW_KNOWN), lifted=True)
    session.show(
        as_json,
        {"fence": json_form(rows.Fence.of(said))},
        lambda screen: screen.line(f"node {name} is no longer fenced"),
    )


def _say(node: Node, name: str, why: str, *, lifted: bool) -> Fence:
    said = Fence(node=name, actor=actor(node, why), time=node.clock(), lifted=lifted)
    if not node.elsewhere.fence(said):
        if lifted:
            raise NotFound(f"node {name} is not fenced", "`podberth fence` shows which nodes are")
        raise Refused(f"node {name} is fenced already", "`podberth fence` shows by whom, and why")
    return said


def _draw(screen: Screen, said: Sequence[Fence]) -> None:
    last = {one.node: one for one in said}
    fenced = [one for one in last.values() if not one.lifted]
    if fenced:
        screen.table(
            columns("Node", "Since", "Who", "Why", breaks=("Who", "Why")),
            [[Cell(one.node, "bold"), when.local(one.time), one.actor.who, one.actor.why] for one in fenced],
        )
    screen.line(Cell(f"{counted(len(fenced), 'node')} fenced", "dim"))
