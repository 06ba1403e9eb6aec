"""Links that podberth makes beside nothing else, veth pairs and dummies, and links that are set up."""

from __future__ import annotations

import errno

from podberth.linux.ground import made_anew
from podberth.linux.netlink import codec, links
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.ops import CreateDummy, CreateVeth, SetLinkUp, SetLoopbackUp
from podberth.net.step import Drift
from podberth.process import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.facts import NetnsId
    from podberth.net.ops.links import Op
    from podberth.net.step import Step

_LO = "lo"
_NEW = codec.CREATE | codec.EXCL


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield the boot, which no link outlives, and whether either end is there."""
    if isinstance(op, SetLinkUp):
        return
    if isinstance(op, SetLoopbackUp):
        lo = at.namespaces.look(op.netns, _LO)
        yield "up", "yes" if lo is not None and lo.up else "no"
        return
    yield from of_boot()
    if (isinstance(op, CreateVeth) and at.namespaces.look(None, op.name)) or at.namespaces.look(op.netns, op.ifname):
        yield "existed", "yes"


def do(at: Ground, op: Op) -> None:
    """Make both ends of a pair at once, the pod's right in its namespace; or a dummy there; or set a link up."""
    if isinstance(op, SetLinkUp):
        at.namespaces.set_up(op.netns, op.ifname)
        return
    if isinstance(op, SetLoopbackUp):
        at.namespaces.set_up(op.netns, _LO)
        return
    if isinstance(op, CreateVeth):
        made = links.veth(op.name, op.ifname, at.namespaces.descriptor(op.netns), op.mac, op.mtu)
        at.namespaces.socket(None).do(links.NEW, made, _NEW)
    else:
        # By the pod's own socket: before Linux 6.13 a name has to be free where it is asked for as well.
        at.namespaces.socket(op.netns).do(links.NEW, links.dummy(op.ifname), _NEW)
    at.namespaces.changed()


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Delete the pair, also when the pod's namespace is gone; a link that is up goes with whatever made it."""
    if isinstance(op, CreateVeth):
        delete(at.namespaces, None, op.name, "veth")
    elif isinstance(op, SetLoopbackUp):
        if step.before_of("up") == "no" and at.alive(step, netns):
            at.namespaces.socket(op.netns).do(links.NEW, links.set_down(at.namespaces.index(op.netns, _LO)))
    elif isinstance(op, CreateDummy) and at.alive(step, netns):
        delete_link(at.namespaces, op.netns, at.own(step), "dummy")


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare both ends, or the link's state, with the op."""
    if isinstance(op, SetLinkUp | SetLoopbackUp):
        name = op.ifname if isinstance(op, SetLinkUp) else _LO
        link = at.namespaces.link(op.netns, name)
        return () if link is None or link.up else (Drift(what=name, field="state", wanted="up", found="down"),)
    if moved := at.elsewhere(step, op.netns, op.ifname):
        return moved
    if isinstance(op, CreateDummy):
        return compared(at.namespaces, op.netns, op.ifname, "dummy", None, None)
    if at.namespaces.link(None, op.name) is None:
        return (Drift(what=op.name, field="link", wanted="there", found="gone"),)
    return compared(at.namespaces, op.netns, op.ifname, "veth", op.mac, op.mtu)


_anew = made_anew(undo, do)


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Give the pod's end its MTU and MAC again, where the pair is there; else make it anew."""
    there = at.namespaces.link(op.netns, op.ifname) if isinstance(op, CreateVeth) else None
    if not isinstance(op, CreateVeth) or there is None or at.namespaces.link(None, op.name) is None:
        _anew(at, op, step, netns)
        return
    socket = at.namespaces.socket(op.netns)
    if op.mtu is not None and there.mtu != op.mtu:
        socket.do(links.SET, links.set_mtu(there.index, op.mtu))
    if op.mac is not None and there.mac != op.mac:
        socket.do(links.SET, links.set_mac(there.index, op.mac))
    at.namespaces.changed()


def of_boot() -> Iterator[tuple[str, str]]:
    """Yield which boot this is, if the kernel says so."""
    if boot := machine.boot_id():
        yield "boot", boot


def delete(namespaces: Namespaces, netns: str | None, name: str, *kinds: str) -> None:
    """Delete the link if it is there, of that kind, and podberth's own."""
    delete_link(namespaces, netns, namespaces.link(netns, name), *kinds)


def delete_link(namespaces: Namespaces, netns: str | None, found: LinkInfo | None, *kinds: str) -> None:
    """Delete the link that was found, if any was, of that kind, and podberth's own."""
    if found is None or not found.ours or found.kind not in kinds:
        return
    try:
        namespaces.socket(netns).do(links.DEL, links.delete(found.index))
    except NetlinkError as refused:
        # The kernel takes a namespace apart in its own time, and with it the other end of each pair.
        if refused.errno != errno.ENODEV:
            raise


def compared(
    namespaces: Namespaces, netns: str, ifname: str, kind: str, mac: str | None, mtu: int | None
) -> tuple[Drift, ...]:
    """Compare the pod's link with what it was given."""
    link = namespaces.link(netns, ifname)
    if link is None:
        return (Drift(what=ifname, field="link", wanted="there", found="gone"),)
    compared = (("kind", kind, link.kind), ("mac", mac, link.mac), ("mtu", mtu, link.mtu))
    return tuple(
        Drift(what=ifname, field=field, wanted=str(wanted), found=str(found))
        for field, wanted, found in compared
        if wanted is not None and wanted != found
    )
