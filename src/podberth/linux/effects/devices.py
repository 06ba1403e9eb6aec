"""Links that podberth makes: veth pairs, macvlans and ipvlans, and the VLAN devices these may stand on."""

from __future__ import annotations

import errno

from podberth.cni.errors import KernelRefused
from podberth.linux.netlink import codec, links
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.ops import CreateMacvlan, vlan_device
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.ops import CreateIpvlan, CreateVeth

_NEW = codec.CREATE | codec.EXCL


def create_veth(namespaces: Namespaces, op: CreateVeth) -> None:
    """Make both ends at once, the pod's right in its namespace."""
    made = links.veth(op.name, op.ifname, namespaces.descriptor(op.netns), op.mac, op.mtu)
    namespaces.socket(None).do(links.NEW, made, _NEW)


def create_on_parent(namespaces: Namespaces, op: CreateMacvlan | CreateIpvlan) -> None:
    """Make the link in the pod's namespace; the VLAN device below unless it is there. The caller holds its lock.

    KernelRefused if there is no parent.
    """
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


def delete(namespaces: Namespaces, netns: str | None, name: str, *kinds: str) -> None:
    """Delete the link if it is there, of that kind, and podberth's own."""
    found = namespaces.link(netns, name)
    if found is None or not found.ours or found.kind not in kinds:
        return
    try:
        namespaces.socket(netns).do(links.DEL, links.delete(found.index))
    except NetlinkError as refused:
        # The kernel takes a namespace apart in its own time, and with it the other end of each pair.
        if refused.errno != errno.ENODEV:
            raise


def check_veth(namespaces: Namespaces, op: CreateVeth) -> tuple[Drift, ...]:
    """Compare both ends with the op."""
    outside = namespaces.link(None, op.name)
    if outside is None:
        return (Drift(what=op.name, field="link", wanted="there", found="gone"),)
    return _common(namespaces, op.netns, op.ifname, "veth", op.mac, op.mtu)


def check_on_parent(namespaces: Namespaces, op: CreateMacvlan | CreateIpvlan) -> tuple[Drift, ...]:
    """Compare the pod's link, its mode and the link below with the op."""
    mac = op.mac if isinstance(op, CreateMacvlan) else None
    found = list(_common(namespaces, op.netns, op.ifname, _kind(op), mac, op.mtu))
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


def _common(
    namespaces: Namespaces, netns: str, ifname: str, kind: str, mac: str | None, mtu: int | None
) -> tuple[Drift, ...]:
    link = namespaces.link(netns, ifname)
    if link is None:
        return (Drift(what=ifname, field="link", wanted="there", found="gone"),)
    compared = (("kind", kind, link.kind), ("mac", mac, link.mac), ("mtu", mtu, link.mtu))
    return tuple(
        Drift(what=ifname, field=field, wanted=str(wanted), found=str(found))
        for field, wanted, found in compared
        if wanted is not None and wanted != found
    )


def _kind(op: CreateMacvlan | CreateIpvlan) -> str:
    return "macvlan" if isinstance(op, CreateMacvlan) else "ipvlan"
