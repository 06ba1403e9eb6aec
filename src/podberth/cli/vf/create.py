"""`podberth vf create`: so many virtual functions on a PF, unless somebody would lose one."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

import click

from podberth.cli.failures import Misuse, Undecided
from podberth.cli.manual import Page
from podberth.cli.options import json_option
from podberth.cli.screen import UNCHANGED, Cell
from podberth.cli.text import counted
from podberth.cli.vf.names import PF, pf_named
from podberth.cni.errors import KernelRefused, Refused
from podberth.desk.vfs import held
from podberth.linux import vf_creation
from podberth.verbs.devices import unusable

if TYPE_CHECKING:
    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.verbs.node import Node

HINTS = {
    errno.EPERM: "run it as root",
    errno.EACCES: "run it as root, where sysfs is writable",
    errno.EBUSY: "something uses a function, or the driver has VFs of its own: see `dmesg`",
    errno.ENOMEM: "the firmware has left too little address space: pci=realloc on the kernel's command line may help",
    errno.ENODEV: "the PF has no driver that knows SR-IOV",
    errno.ENOENT: "the PF has no driver that knows SR-IOV",
}


@click.command(
    "create",
    cls=Page,
    short_help="Make virtual functions on a PF.",
    examples=(
        ("vf create ens1f0 8", "Eight, where there are none."),
        ("vf create ens1f0 16 --yes", "Sixteen in place of eight: those are destroyed first."),
        ("vf create ens1f0 0 --dry-run", "Would anybody lose one?"),
    ),
)
@click.argument("pf", type=PF)
@click.argument("count", type=click.IntRange(0, 65535), metavar="N")
@click.option("--dry-run", is_flag=True, help="Only check, and say what would be done.")
@click.option("--yes", is_flag=True, help="Don't ask before functions are destroyed.")
@json_option
@click.pass_obj
def create(session: Session, pf: str, count: int, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Have PF, a link's name or a PCI address, offer exactly N virtual functions (sriov_numvfs).

    The kernel changes the number only by destroying all there are, so this is refused while a pod holds one, while the
    node itself uses one, and while one is in a network namespace podberth knows nothing of. Some drivers reset the PF,
    too: its link may be gone for a second or two. If the kernel can't make as many, the former number is made again.

    The number does not survive a reboot: call this from a unit that runs before kubelet. Needs root.
    """
    address, link, now, total = pf_named(pf)
    name = link or address
    if count > total:
        raise Misuse(f"{name} can have {total} virtual functions, not {count}", f"name a number of 0..{total}")
    node = session.made()
    if now != count:
        _refuse_losses(node, address, name)
        if not dry_run:
            _ask(name, now, count, yes=yes, as_json=as_json)
            _make(address, name, now, count)
    form = {"pf": name, "address": address, "count": count, "before": now, "total": total, "dry_run": dry_run}
    told = counted(count, "virtual function")

    def draw(screen: Screen) -> None:
        if now == count:
            screen.line(Cell("ok", "green"), f": {name} has {told} already")
        elif dry_run:
            screen.line(f"{name} would have {told}, it has {now} now")
            screen.line(UNCHANGED)
        else:
            screen.line(Cell("done", "green"), f": {name} has {told}, of {total} it can have: `podberth vf list`")

    session.show(as_json, form, draw)


def _refuse_losses(node: Node, pf_address: str, name: str) -> None:
    lost = [(vf, record) for vf, record in held(node) if vf.pf_address == pf_address]
    pods = [f"{vf.address} is held by {record.pod or record.attachment}" for vf, record in lost if record is not None]
    used = [f"{vf.address}: {why}" for vf, record in lost if record is None and vf.driver and (why := unusable(vf))]
    if pods or used:
        raise Refused(
            f"{name}: to change the number destroys all its virtual functions: {'; '.join((*pods, *used))}",
            "stop those pods first (drain the node)" if pods else "take it from whoever uses it first",
        )


def _ask(name: str, now: int, count: int, *, yes: bool, as_json: bool) -> None:
    warning = vf_creation.warning(name)
    if yes or (not now and not warning):
        return
    what = f"destroys the {counted(now, 'virtual function')} of {name} and makes {count}" if now else f"makes {count}"
    question = f"This {what}." + (f" {name} {warning}: some drivers reset it." if warning else "")
    if as_json or not sys.stdin.isatty():
        raise Undecided(f"{question} There is nobody to ask.", "--yes or --dry-run")
    if not click.confirm(f"{question} Go on?"):
        raise Undecided("nothing was changed", "do it when no pod needs them")


def _make(address: str, name: str, now: int, count: int) -> None:
    try:
        vf_creation.change(address, now, count)
    except OSError as refused:
        code = refused.errno or 0
        raise KernelRefused(
            f"{name}: {count} virtual functions can't be made: {os.strerror(code)} ({errno.errorcode.get(code, code)})",
            HINTS.get(code, "see `dmesg`"),
        ) from refused
