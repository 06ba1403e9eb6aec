"""Links that stand on a parent of the node's, macvlans and ipvlans, and the VLAN devices these may stand on."""

from __future__ import annotations

from podberth.cni.errors import KernelRefused
from podberth.linux.effects import departing
from podberth.linux.effects.links import compared, delete, of_boot
from podberth.linux.ground import made_anew
from podberth.linux.netlink import codec, links
from podberth.net.ops import CreateMacvlan, vlan_device
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
        delete(at.namespaces, op.netns, op.ifname, "macvlan", "ipvlan")
        departing.delete_going(at.namespaces, op.netns)  # a DEL that was answered has taken its name


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare the pod's link, its mode and the link below with the op."""
    return at.elsewhere(step, op.netns, op.ifname) or _check(at.namespaces, op)


repair = made_anew(undo, do)


def _create(namespaces: Namespaces, op: Op) -> None:
    below = namespaces.seen(None, op.parent)
    if below is None:
        raise KernelRefused(f"there is no link {op.parent} to put a {_kind(op)} on", "see `ip link`")
    if op.vlan is not None:
        below = _on_vlan(namespaces, below, op.vlan)
    descriptor = namespaces.descriptor(op.netns)
    if isinstance(op, CreateMacvlan):
        made = links.macvlan(op.ifname, below.index, descriptor, op.mode, op.mac, op.mtu)
    else:
        made = links.ipvlan(op.ifname, below.index, descriptor, op.mode, op.mtu)
    namespaces.socket(None).do(links.NEW, made, _NEW)


def _check(namespaces: Namespaces, op: Op) -> tuple[Drift, ...]:
    mac = op.mac if isinstance(op, CreateMacvlan) else None
    found = list(compared(namespaces, op.netns, op.ifname, _kind(op), mac, op.mtu))
    link, below = namespaces.link(op.netns, op.ifname), namespaces.link(None, vlan_device(op) or op.parent)
    modes = links.MACVLAN_MODES if isinstance(op, CreateMacvlan) else links.IPVLAN_MODES
    if link is not None and link.kind == _kind(op) and link.mode != modes[op.mode]:
        mode = next((name for name, code in modes.items() if code == link.mode), str(link.mode))
        found.append(Drift(what=op.ifname, field="mode", wanted=op.mode, found=mode))
    if link is not None and (below is None or link.below != below.index):
        found.append(
            Drift(what=op.ifname, field="parent", wanted=vlan_device(op) or op.parent, found=f"index {link.below}")
        )
    return tuple(found)


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
    return "macvlan" if isinstance(op, CreateMacvlan) else "ipvlan"
