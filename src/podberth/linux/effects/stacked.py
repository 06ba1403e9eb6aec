"""Links that stand on a parent: macvlans, ipvlans and VLAN devices, and the VLAN devices below the first two."""

from __future__ import annotations

import errno

from podberth.cni.errors import KernelRefused
from podberth.linux.effects import departing
from podberth.linux.effects.links import compared, delete_link, of_boot
from podberth.linux.ground import made_anew
from podberth.linux.netlink import codec, links
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.ops import CreateIpvlan, CreateMacvlan, CreateVlan, vlan_device
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.facts import NetnsId
    from podberth.net.ops.stacked import Op
    from podberth.net.step import Step


_NEW = codec.CREATE | codec.EXCL
_KINDS: dict[type, str] = {CreateMacvlan: "macvlan", CreateIpvlan: "ipvlan", CreateVlan: "vlan"}
_ON_THE_WAY = "pbnew"  # the name of a link in the pod that is about to get its own


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield the boot, which no link outlives, and whether the link is there. Its parent is as it was planned for."""
    yield from of_boot()
    if at.namespaces.look(op.netns, op.ifname) is not None:
        yield "existed", "yes"


def do(at: Ground, op: Op) -> None:
    """Make the link in the pod's namespace, and the VLAN device below unless it is there, under that one's lock.

    KernelRefused if there is no parent.
    """
    with at.locked(f"link:{vlan_device(op) or op.parent}"):
        _create(at.namespaces, op)
    at.namespaces.changed()


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Delete the link. The VLAN device below may have others on it: who knows of all of them takes it away."""
    if at.alive(step, netns):
        delete_link(at.namespaces, op.netns, at.own(step), "macvlan", "ipvlan", "vlan")
        departing.delete_going(at.namespaces, op.netns)  # a DEL that was answered has taken its name


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare the pod's link, its mode and the link below with the op."""
    return at.elsewhere(step, op.netns, op.ifname) or _check(at.namespaces, op)


repair = made_anew(undo, do)


def _create(namespaces: Namespaces, op: Op) -> None:
    side = op.netns if op.in_pod else None
    below = namespaces.look(side, op.parent) if op.in_pod else namespaces.seen(None, op.parent)
    if below is None:
        raise KernelRefused(f"there is no link {op.parent} to put a {_kind(op)} on", "see `ip link`")
    if not isinstance(op, CreateVlan) and op.vlan is not None:
        below = _on_vlan(namespaces, below, op.vlan)
    index, inside, data = below.index, namespaces.descriptor(op.netns), _data(op)
    mac, socket = op.mac if isinstance(op, CreateMacvlan) else None, namespaces.socket(side)
    try:
        socket.do(links.NEW, links.stacked(op.ifname, index, inside, data, mac, op.mtu), _NEW)
    except NetlinkError as refused:
        if refused.errno != errno.EEXIST or side is not None or namespaces.link(None, op.ifname) is None:
            raise
    else:
        return
    # Before Linux 6.13 a name has to be free where it is asked for as well. A kill in between leaves what is going.
    socket.do(links.NEW, links.stacked(_ON_THE_WAY, index, inside, data, mac, op.mtu, links.GOING), _NEW)
    named = links.put_away(namespaces.index(op.netns, _ON_THE_WAY), op.ifname, links.GROUP)
    namespaces.socket(op.netns).do(links.SET, named)


def _data(op: Op) -> bytes:
    if isinstance(op, CreateVlan):
        return links.vlan_data(op.tag)
    if isinstance(op, CreateMacvlan):
        return links.macvlan_data(op.mode, op.bcqueuelen)
    return links.ipvlan_data(op.mode)


def _check(namespaces: Namespaces, op: Op) -> tuple[Drift, ...]:
    mac = op.mac if isinstance(op, CreateMacvlan) else None
    found = list(compared(namespaces, op.netns, op.ifname, _kind(op), mac, op.mtu))
    link = namespaces.link(op.netns, op.ifname)
    below = namespaces.link(op.netns if op.in_pod else None, vlan_device(op) or op.parent)
    if link is not None and link.kind == _kind(op):
        found += _compared_mode(op, link)
    if link is not None and (below is None or link.below != below.index):
        found.append(
            Drift(what=op.ifname, field="parent", wanted=vlan_device(op) or op.parent, found=f"index {link.below}")
        )
    return tuple(found)


def _compared_mode(op: Op, link: LinkInfo) -> tuple[Drift, ...]:
    if isinstance(op, CreateVlan):
        same = link.tag == op.tag
        return () if same else (Drift(what=op.ifname, field="VLAN", wanted=str(op.tag), found=str(link.tag)),)
    modes = links.MACVLAN_MODES if isinstance(op, CreateMacvlan) else links.IPVLAN_MODES
    if link.mode == modes[op.mode]:
        return ()
    mode = next((name for name, code in modes.items() if code == link.mode), str(link.mode))
    return (Drift(what=op.ifname, field="mode", wanted=op.mode, found=mode),)


def _on_vlan(namespaces: Namespaces, below: LinkInfo, tag: int) -> LinkInfo:
    name = f"{below.name}.{tag}"
    if namespaces.link(None, name) is None:
        namespaces.socket(None).do(links.NEW, links.vlan(name, below.index, tag), _NEW)
    found = namespaces.link(None, name)
    if found is None or found.kind != "vlan":
        raise KernelRefused(f"{name} is no VLAN device", "take that link away, or choose another parent")
    if (found.tag, found.below) != (tag, below.index):
        # Its name is the operator's to choose, and what it does decides which wire the pod is on.
        raise KernelRefused(
            f"{name} is not VLAN {tag} of {below.name} but VLAN {found.tag} of the link with index {found.below}",
            "rename that link, or choose another parent",
        )
    return found


def _kind(op: Op) -> str:
    return _KINDS[type(op)]
