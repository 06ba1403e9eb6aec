"""`podberth vf list`: every virtual function, and who has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli.manual import NODE, Page
from podberth.cli.options import json_option
from podberth.cli.screen import Cell, columns
from podberth.cli.vf.names import PF
from podberth.desk.vfs import PfWithout, vfs
from podberth.linux import pci

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.desk.vfs import Function

BREAKING = ("Labels", "Holder", "By")
SWITCHDEV = "switchdev"
STYLES = {"gone": "yellow", "held": "green", "unusable": "red"}


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

    The last column says by which way a pod has it: podberth's own choice, for a network or a PodNetwork; a deviceID
    that the plugin's caller has named; or a device plugin, with the resource that the kubelet has given it of.
    """
    show_all(session, pf=pf, only_free=only_free, as_json=as_json)


def show_all(session: Session, *, pf: str | None, only_free: bool, as_json: bool) -> None:
    """Show what `vf list` shows."""
    pfs = pci.pfs()
    empty = [PfWithout(address=address, link=link, total=total) for address, link, count, total in pfs if not count]
    found = vfs(session.node, empty, pf=pf, only_free=only_free)

    def draw(screen: Screen) -> None:
        if found.vfs:
            _table(screen, found.vfs)
        else:
            screen.line("no virtual functions" + (" that fit" if pf or only_free else " on this node"))
        for each in found.pfs_without_vfs:
            name = each.link or each.address
            screen.line(Cell(name, "bold"), f" could have {each.total}: `podberth vf create {name} N`")

    session.show(as_json, found.document(), draw)


def _table(screen: Screen, found: Sequence[Function]) -> None:
    special = any(vf.rdma or vf.mode == SWITCHDEV for vf in found)
    labels = any(vf.labels for vf in found)
    titles = ["Function", "PF", "VF", "Driver", "Link", "MAC", "NUMA"]
    titles += (["Features"] if special else []) + (["Labels"] if labels else []) + ["State", "Holder", "By"]
    cells: list[list[str | Cell]] = []
    for vf in found:
        line: list[str | Cell] = [Cell(vf.address, "bold"), vf.pf or vf.pf_address, str(vf.index), vf.driver or "-"]
        line += [f"{vf.link} {'up' if vf.up else 'down'}" if vf.link else "-", vf.mac or "-"]
        line += [str(vf.numa) if vf.numa is not None else "-"]
        line += [_features(vf)] if special else []
        line += [" ".join(vf.labels) or "-"] if labels else []
        line += [Cell(vf.state, STYLES.get(vf.state, "")), _holder(vf), _way(vf)]
        cells.append(line)
    screen.table(columns(*titles, breaks=BREAKING, right=("VF",)), cells)


def _features(vf: Function) -> str:
    switch = f"{SWITCHDEV} {vf.representor or ''}".rstrip() if vf.mode == SWITCHDEV else ""
    return ", ".join(found for found in ("rdma" if vf.rdma else "", switch) if found) or "-"


def _holder(vf: Function) -> str:
    of = vf.attachment
    return f"{vf.pod or of.container_id} {of.ifname} ({of.network})" if of is not None else vf.reason or "-"


def _way(vf: Function) -> str:
    """Return by which way it is held, with the kubelet's resource."""
    return f"{vf.way}: {vf.resource}" if vf.resource else vf.way or "-"
