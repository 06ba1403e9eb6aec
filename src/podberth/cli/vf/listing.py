"""`podberth vf list`: every virtual function, and who has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli import forms
from podberth.cli.manual import NODE, Page
from podberth.cli.options import json_option
from podberth.cli.screen import Cell, columns
from podberth.cli.vf.names import PF
from podberth.linux import pci
from podberth.verbs.devices import labelled, unusable
from podberth.verbs.gone import is_gone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.net.record import Record
    from podberth.net.vf import Vf
    from podberth.verbs.node import Node

    Row = tuple[Vf, Record | None]

BREAKING = ("Labels", "Holder")


@click.command(
    "list",
    cls=Page,
    asks=NODE,
    short_help="List the virtual functions, and who has them.",
    examples=(("vf list --free --json", "Those a pod could have now, for a program."),),
)
@click.option("--pf", type=PF, help="Only those of this PF.")
@click.option("--free", "only_free", is_flag=True, help="Only those that a pod could have now.")
@json_option
@click.pass_obj
def list_(session: Session, pf: str | None, *, only_free: bool, as_json: bool) -> None:
    """List the virtual functions of this node: where they are, what drives them, and who has them.

    A function is free, held by a pod, held by a pod that is gone (the next one takes it back), or unusable: used by the
    node itself, without a driver, or in a network namespace that podberth knows nothing of.
    """
    show_all(session, pf=pf, only_free=only_free, as_json=as_json)


def show_all(session: Session, *, pf: str | None, only_free: bool, as_json: bool) -> None:
    """Show what `vf list` shows."""
    node = session.node
    rows = [(vf, record) for vf, record in held(node) if pf in (None, vf.pf, vf.pf_address)]
    if only_free:
        rows = [(vf, record) for vf, record in rows if record is None and not unusable(vf)]
    empty = [(address, link, total) for address, link, count, total in pci.pfs() if not count]
    form = {
        "vfs": [_form(node, vf, record) for vf, record in rows],
        "pfs_without_vfs": [{"address": address, "link": link, "total": total} for address, link, total in empty],
    }

    def draw(screen: Screen) -> None:
        if rows:
            _table(screen, node, rows)
        else:
            screen.line("no virtual functions" + (" that fit" if pf or only_free else " on this node"))
        for address, link, total in empty:
            screen.line(Cell(link or address, "bold"), f" could have {total}: `podberth vf create {link or address} N`")

    session.show(as_json, form, draw)


def held(node: Node) -> tuple[Row, ...]:
    """Return every function of the node with the record of who has it."""
    records = {record.device: record for record in node.attachments.all() if record.device}
    return tuple((vf, records.get(vf.address)) for vf in labelled(node, node.host.vfs()))


def _state(node: Node, vf: Vf, record: Record | None) -> tuple[str, str]:
    if record is not None:
        return ("gone", "yellow") if is_gone(node, record) else ("held", "green")
    return ("unusable", "red") if unusable(vf) else ("free", "")


def _form(node: Node, vf: Vf, record: Record | None) -> dict[str, object]:
    state, _ = _state(node, vf, record)
    return {
        "address": vf.address,
        "pf": vf.pf,
        "pf_address": vf.pf_address,
        "index": vf.index,
        "vendor": vf.vendor,
        "device": vf.device,
        "driver": vf.driver or None,
        "numa": vf.numa if vf.numa >= 0 else None,
        "link": vf.link or None,
        "mac": vf.mac or None,
        "up": vf.up,
        "rdma": vf.rdma,
        "mode": "switchdev" if vf.switchdev else "legacy",
        "representor": vf.representor or None,
        "labels": list(vf.labels),
        "state": state,
        "reason": unusable(vf) or None if record is None else None,
        "pod": forms.pod(record.pod) if record is not None else None,
        "attachment": forms.attachment(record.attachment) if record is not None else None,
    }


def _table(screen: Screen, node: Node, rows: Sequence[Row]) -> None:
    special = any(vf.rdma or vf.switchdev for vf, _ in rows)
    labels = any(vf.labels for vf, _ in rows)
    titles = ["Function", "PF", "VF", "Driver", "Link", "MAC", "NUMA"]
    titles += (["Features"] if special else []) + (["Labels"] if labels else []) + ["State", "Holder"]
    cells: list[list[str | Cell]] = []
    for vf, record in rows:
        state, style = _state(node, vf, record)
        line: list[str | Cell] = [Cell(vf.address, "bold"), vf.pf or vf.pf_address, str(vf.index), vf.driver or "-"]
        line += [f"{vf.link} {'up' if vf.up else 'down'}" if vf.link else "-", vf.mac or "-"]
        line += [str(vf.numa) if vf.numa >= 0 else "-"]
        line += [_features(vf)] if special else []
        line += [" ".join(vf.labels) or "-"] if labels else []
        line += [Cell(state, style), _holder(record) if record is not None else unusable(vf) or "-"]
        cells.append(line)
    screen.table(columns(*titles, breaks=BREAKING, right=("VF",)), cells)


def _features(vf: Vf) -> str:
    switch = f"switchdev {vf.representor}".rstrip() if vf.switchdev else ""
    return ", ".join(found for found in ("rdma" if vf.rdma else "", switch) if found) or "-"


def _holder(record: Record) -> str:
    of = record.attachment
    return f"{record.pod or of.container_id} {of.ifname} ({of.network})"
