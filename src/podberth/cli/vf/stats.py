"""`podberth vf stats`: what has gone through the functions that pods have."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from podberth.cli.failures import Misuse, NotFound
from podberth.cli.manual import EXITS, NODE, Page
from podberth.cli.options import POD, json_option
from podberth.cli.screen import Cell, Column, Screen
from podberth.cli.text import large
from podberth.cni.value import fields
from podberth.desk.form import names
from podberth.desk.vfs import held
from podberth.net.ops import MoveVf
from podberth.net.vf import Counters
from podberth.verbs.gone import is_gone

if TYPE_CHECKING:
    from podberth.cli.session import Session
    from podberth.cni.pod import PodRef
    from podberth.net.record import Record
    from podberth.net.vf import Vf
    from podberth.verbs.node import Node

    Counted = tuple[Vf, Record, Counters]

NUMBERS = tuple(name for name, _ in fields(Counters) if name != "counted_by")


@click.command(
    "stats",
    cls=Page,
    asks=NODE,
    short_help="Show what has gone through the pods' functions.",
    exits={3: EXITS[3]},
    examples=(
        ("vf stats", "Every pod's function: packets, bytes, drops."),
        ("vf stats payments/mysql-1 --watch 2", "Its rates, every two seconds, until Ctrl-C."),
    ),
)
@click.argument("pod", type=POD, required=False)
@click.option(
    "--watch", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Show rates per second, again and again."
)
@json_option
@click.pass_obj
def stats(session: Session, pod: PodRef | None, *, watch: float | None, as_json: bool) -> None:
    """Show the counters of the functions that pods have: as the pod sees it, rx is what it received.

    They are read from the interface in the pod's network namespace; of a function without one, from its PF, which not
    every driver counts for. Needs root.
    """
    if watch is not None and as_json:
        raise Misuse("--watch is for people", "call `podberth vf stats --json` again and again")
    node = session.node
    counted = _counted(node, pod)
    if pod is not None and not counted:
        raise NotFound(f"{pod} has no virtual function on this node", "`podberth vf list` shows who has which")
    if watch is None:
        session.show(as_json, {"vfs": [_form(*each) for each in counted]}, lambda screen: _table(screen, counted))
        return
    while True:
        time.sleep(watch)
        now = _counted(node, pod)
        _table(Screen(), [_rate(each, counted, watch) for each in now], per="/s")
        counted = now


def _counted(node: Node, pod: PodRef | None) -> list[Counted]:
    found: list[Counted] = []
    for vf, record in held(node):
        if record is None or (pod is not None and str(record.pod) != str(pod)):
            continue
        netns = None if is_gone(node, record) else record.netns
        found.append((vf, record, node.host.traffic(vf, netns, _ifname(record, vf))))
    return found


def _ifname(record: Record, vf: Vf) -> str:
    """Return the pod's name for the function's interface, which a member of a bond has of its own."""
    moved = (step.op for step in record.steps if isinstance(step.op, MoveVf))
    return next((op.ifname for op in moved if op.device == vf.address), record.attachment.ifname)


def _rate(now: Counted, before: list[Counted], seconds: float) -> Counted:
    vf, record, counters = now
    earlier = next((c for v, r, c in before if (v.address, r) == (vf.address, record)), counters)
    changed = {name: round((getattr(counters, name) - getattr(earlier, name)) / seconds) for name in NUMBERS}
    return vf, record, Counters(counted_by=counters.counted_by, **changed)


def _form(vf: Vf, record: Record, counters: Counters) -> dict[str, object]:
    numbers = {name: getattr(counters, name) for name in NUMBERS}
    attachment = names(record.attachment)
    return {
        "address": vf.address,
        "pod": str(record.pod) if record.pod is not None else None,
        "attachment": attachment,
        "counted_by": counters.counted_by,
        **numbers,
    }


def _table(screen: Screen, counted: list[Counted], per: str = "") -> None:
    if not counted:
        screen.line("no pod has a virtual function")
        return
    titles = ("RX packets", "TX packets", "RX bytes", "TX bytes", "RX drops", "TX drops", "Multicast")
    screen.table(
        [
            Column(title="Pod"),
            Column(title="Function"),
            *(Column(title=title + per, right=True) for title in titles),
            Column(title="Counted by"),
        ],
        [
            [
                Cell(str(record.pod or record.attachment.container_id), "bold"),
                vf.address,
                *(large(getattr(counters, name)) for name in NUMBERS),
                counters.counted_by,
            ]
            for vf, record, counters in counted
        ],
    )
