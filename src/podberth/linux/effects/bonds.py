"""Bonds of a pod's namespace: made without members, joined and left.

A member that has lost its carrier is none that is missing: going on without it is what a bond is for. A link that joins
is set down first, as the kernel wants it (drivers/net/bonding/bond_main.c, bond_enslave): its routes and IPv6 addresses
go with that. When it leaves, the kernel gives it the MAC and MTU back that it had.
"""

from __future__ import annotations

import errno

from podberth.cni.value import chosen
from podberth.linux.effects.links import compared, delete_link, of_boot
from podberth.linux.ground import made_anew
from podberth.linux.netlink import bonds, codec, links
from podberth.net.ops import CreateBond
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.facts import NetnsId
    from podberth.net.ops import JoinBond
    from podberth.net.ops.bonds import Op
    from podberth.net.step import Step


_NEW = codec.CREATE | codec.EXCL
_OPTIONS = ("mode", "miimon", "fail_over_mac", "xmit_hash_policy", "all_slaves_active", "tlb_dynamic_lb")


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield the boot and whether a link of the bond's name is there; or whether the link that joins is up, if it is
    there already.
    """
    if isinstance(op, CreateBond):
        yield from of_boot()
        if at.namespaces.look(op.netns, op.ifname) is not None:
            yield "existed", "yes"
        return
    link = at.namespaces.look(op.netns, op.link)
    if link is not None:
        yield "up", "yes" if link.up else "no"


def do(at: Ground, op: Op) -> None:
    """Make the bond; or have the link join it. OSError ENODEV without either, EBUSY for one that has a master."""
    if isinstance(op, CreateBond):
        at.namespaces.socket(op.netns).do(links.NEW, bonds.bond(op.ifname, op.mtu, _said(op)), _NEW)
    else:
        _join(at, op)
    at.namespaces.changed()


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Delete the bond, which lets go of its members; or take the link out of it, and set it up if it was."""
    if not at.alive(step, netns):
        return
    if isinstance(op, CreateBond):
        delete_link(at.namespaces, op.netns, at.own(step), bonds.KIND)
    else:
        link, bond = _link(at, op), _bond(at, op)
        if link is not None and bond is not None and link.master == bond.index:
            socket = at.namespaces.socket(op.netns)
            socket.do(links.SET, links.set_master(link.index, 0))
            if step.before_of("up") == "yes":
                socket.do(links.NEW, links.set_up(link.index))
    at.namespaces.changed()


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare the bond's options with the op; or whether the link is a member, and up. Its carrier may come and go."""
    if isinstance(op, CreateBond):
        return at.elsewhere(step, op.netns, op.ifname) or tuple(_differences(at, op))
    link, bond = _link(at, op), _bond(at, op)
    if link is None:
        return (Drift(what=op.bond, field="member", wanted=op.link, found="gone"),)
    if bond is None or link.master != bond.index:
        shown = f"index {link.master}" if link.master else "none"
        return (Drift(what=op.link, field="master", wanted=op.bond, found=shown),)
    return () if link.up else (Drift(what=op.link, field="state", wanted="up", found="down"),)


_anew = made_anew(undo, do)


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Make the bond anew; or have the link join it again, or set it up where it has not left."""
    if isinstance(op, CreateBond):
        _anew(at, op, step, netns)
        return
    link, bond = _link(at, op), _bond(at, op)
    if link is not None and bond is not None and link.master == bond.index:
        at.namespaces.socket(op.netns).do(links.NEW, links.set_up(link.index))
        at.namespaces.changed()
    else:
        do(at, op)


def _join(at: Ground, op: JoinBond) -> None:
    link, bond = _link(at, op), _bond(at, op)
    if link is None or bond is None:
        raise OSError(errno.ENODEV, f"there is no link {op.link if link is None else op.bond}")
    if bond.kind != bonds.KIND:
        raise OSError(errno.EINVAL, f"{op.bond} is no bond but a {bond.kind or 'physical'} link")
    if link.master:
        raise OSError(errno.EBUSY, f"{op.link} has a master already, the link with index {link.master}")
    socket = at.namespaces.socket(op.netns)
    if link.up:
        socket.do(links.NEW, links.set_down(link.index))
    try:
        socket.do(links.SET, links.set_master(link.index, bond.index))
    except OSError:
        if link.up:
            socket.do(links.NEW, links.set_up(link.index))
        raise


def _differences(at: Ground, op: CreateBond) -> Iterator[Drift]:
    found = compared(at.namespaces, op.netns, op.ifname, bonds.KIND, None, op.mtu)
    yield from found
    if any(drift.field in ("link", "kind") for drift in found):
        return
    body = at.namespaces.socket(op.netns).get(links.GET, links.by_name(op.ifname))
    live = bonds.parse(body or b"")
    for name, wanted in _said(op).items():
        now = getattr(live, name, None)
        if now != wanted:
            yield Drift(what=op.ifname, field=name, wanted=str(wanted), found=str(now))


def _said(op: CreateBond) -> dict[str, object]:
    """Return the options that the op says."""
    said = dict(chosen(op))
    return {name: said[name] for name in _OPTIONS if name in said}


def _link(at: Ground, op: JoinBond) -> LinkInfo | None:
    return at.namespaces.link(op.netns, op.link)


def _bond(at: Ground, op: JoinBond) -> LinkInfo | None:
    return at.namespaces.link(op.netns, op.bond)
