"""A link of the node: into a pod's namespace under the pod's name for it, and back as it was found.

It is known by the device behind it, and by its alias, which is its name on the node: neither changes when it is
renamed. A virtual link has no device, and is gone with the namespace it is in; a physical one comes back to the node.
"""

from __future__ import annotations

import errno
import os

from podberth.cni.errors import TryAgainLater
from podberth.linux.effects import vf_links
from podberth.linux.netlink import addresses, codec, links
from podberth.linux.netlink.socket import NetlinkError
from podberth.linux.patience import awaited
from podberth.net.step import INDEX, Drift
from podberth.process import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.facts import NetnsId
    from podberth.net.ops import Interface
    from podberth.net.ops.moving import Op
    from podberth.net.step import Step


_RETURN_SECONDS = 5.0  # the kernel takes a namespace apart in its own time, and only then gives the link back
_PAUSE = 0.01
_STANDING = ("vlan", "macvlan", "macvtap", "ipvlan", "ipvtap")  # kinds of what a pod may have put on it


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield everything the link has now that is to be given back. OSError ENODEV if it is not there."""
    link = at.namespaces.look(None, op.link)
    if link is None:
        raise OSError(errno.ENODEV, f"there is no link {op.link}")
    if at.namespaces.look(op.netns, op.ifname) is not None:
        yield "existed", "yes"
    yield "boot", machine.boot_id()
    yield "name", link.name
    yield "node_index", str(link.index)
    yield "below", str(link.below)
    yield "kind", link.kind
    yield "device", link.device
    yield "altnames", " ".join(link.altnames)
    yield "alias", link.alias
    yield "mac", link.mac
    yield "mtu", str(link.mtu)
    yield "queue", str(link.queue)
    yield "flags", str(link.sticky)
    yield "up", "yes" if link.up else ""
    if link.master:
        yield "master", _name_of(at.namespaces, link.master)
    yield "addresses", " ".join(map(str, _addresses(at.namespaces, link)))


def do(at: Ground, op: Op) -> None:
    """Bring the link into the pod's namespace, under the pod's name for it and no other; the kernel sets it down.

    It does so once it knows that the link may go: one that may not, as a bridge, keeps its state.
    """
    link, socket = at.namespaces.link(None, op.link), at.namespaces.socket(None)
    if link is None:
        raise OSError(errno.ENODEV, f"there is no link {op.link}")
    for name in link.altnames:  # the node's names for it are not the pod's business, and could be in use there
        socket.do(links.DEL_NAME, links.altname(link.index, name))
    socket.do(links.NEW, links.set_alias(link.index, op.link))
    socket.do(links.NEW, links.move(link.index, at.namespaces.descriptor(op.netns), op.ifname))
    at.namespaces.changed()


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Have the link on the node as it was, with nothing of the pod's on it. One that is gone is gone.

    So is one that another pod has: of two that wanted it at the same time only one got it. TryAgainLater while a
    device's link is where nobody can see it: in a namespace that processes keep.
    """
    found = dict(step.before)
    if found["boot"] != machine.boot_id():
        return
    namespaces, alive = at.namespaces, at.alive(step, netns)
    held = _held(at, op, step) if alive else None
    if held is not None:
        _take_down(namespaces, op.netns, held)
        namespaces.socket(op.netns).do(links.NEW, links.set_alias(held.index, op.link))
        vf_links.out(namespaces, op.netns, held, op.link)
    namespaces.changed()
    link = _on_node(namespaces, op, found)
    if link is None and not alive and found["device"] and _is_there(found["device"]):
        awaited(lambda: _on_node(namespaces, op, found) is not None, _RETURN_SECONDS, _PAUSE)
        link = _on_node(namespaces, op, found)
        if link is None and not vf_links.elsewhere(namespaces, found["device"]):
            raise TryAgainLater(
                f"the link of {found['device']}, {op.link} on the node, is in no network namespace known",
                "processes of the pod may still run (`lsns -t net`): it comes back when they end",
            )
    if link is not None:
        _give_back(namespaces, link, found)
        namespaces.changed()


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare where the link is, and its name, with the op."""
    if moved := at.elsewhere(step, op.netns, op.ifname):
        return moved
    link = _held(at, op, step)
    if link is None:
        return (Drift(what=op.ifname, field="link", wanted=f"{op.link} of the node", found="gone"),)
    if link.name != op.ifname:
        return (Drift(what=op.ifname, field="name", wanted=op.ifname, found=link.name),)
    return ()


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Have the link in the pod's namespace again, down, under the pod's name for it."""
    del netns
    link = _held(at, op, step)
    if link is None:
        do(at, op)
    elif link.name != op.ifname:
        socket = at.namespaces.socket(op.netns)
        socket.do(links.NEW, links.set_down(link.index))
        socket.do(links.NEW, links.rename(link.index, op.ifname))
        at.namespaces.changed()


def _held(at: Ground, op: Op, step: Step) -> LinkInfo | None:
    """Return the link where it is the pod's: by its index there, once that is recorded."""
    found = dict(step.before)
    if INDEX not in found:
        return _in_pod(at.namespaces, op, found)
    link = at.own(step)
    return link if link is not None and _may_be(link, found) else None


def _in_pod(namespaces: Namespaces, op: Op, found: Mapping[str, str]) -> LinkInfo | None:
    like = [link for link in namespaces.links(op.netns) if _may_be(link, found)]
    return (
        next((link for link in like if link.alias == op.link), None)
        or next((link for link in like if link.device), None)
        or next((link for link in like if link.name == op.ifname and _is_like(link, found)), None)
    )


def _on_node(namespaces: Namespaces, op: Op, found: Mapping[str, str]) -> LinkInfo | None:
    like = [link for link in namespaces.links(None) if _may_be(link, found)]
    return (
        next((link for link in like if link.alias == op.link), None)
        or next((link for link in like if link.name == op.link and (link.device or link.mac == found["mac"])), None)
        or next((link for link in like if link.device), None)
    )


def _may_be(link: LinkInfo, found: Mapping[str, str]) -> bool:
    return (link.kind, link.device) == (found["kind"], found["device"]) and not link.ours


def _is_like(link: LinkInfo, found: Mapping[str, str]) -> bool:
    """Say whether a virtual link is the one: a pod may give it another MAC, or be given a link of the same index."""
    known = (("mac", link.mac), ("below", str(link.below or "")), ("node_index", str(link.index)))
    return any(found[key] == now for key, now in known)


def _take_down(namespaces: Namespaces, netns: str, link: LinkInfo) -> None:
    """Delete what the pod has put on the link: it would send and receive on it for ever."""
    for other in namespaces.links(netns):
        if other.below == link.index and other.kind in _STANDING:
            try:
                namespaces.socket(netns).do(links.DEL, links.delete(other.index))
            except NetlinkError as refused:
                if refused.errno != errno.ENODEV:
                    raise


def _give_back(namespaces: Namespaces, link: LinkInfo, found: dict[str, str]) -> None:
    socket = namespaces.socket(None)
    vf_links.restore(namespaces, link, found)
    if link.mac != found["mac"]:
        socket.do(links.NEW, links.set_down(link.index))
        socket.do(links.NEW, links.set_mac(link.index, found["mac"]))
    if link.alias != found["alias"]:
        socket.do(links.NEW, links.set_alias(link.index, found["alias"]))
    socket.do(links.NEW, (links.set_up if found["up"] else links.set_down)(link.index))
    master = namespaces.link(None, found["master"]) if "master" in found else None
    if master is not None and link.master != master.index:
        socket.do(links.SET, links.set_master(link.index, master.index))
    for text in found["addresses"].split():
        try:
            socket.do(addresses.NEW, addresses.add(link.index, _interface(text)), codec.CREATE | codec.EXCL)
        except NetlinkError as refused:
            if refused.errno != errno.EEXIST:
                raise


def _addresses(namespaces: Namespaces, link: LinkInfo) -> Iterator[Interface]:
    """Yield the addresses that somebody has given it; the kernel makes link-local ones itself."""
    for family in (4, 6):
        bodies = namespaces.socket(None).dump(addresses.GET, addresses.of_link(link.index, family))
        for index, found in map(addresses.parse, bodies):
            if index == link.index and not (found.version == 6 and found.is_link_local):
                yield found


def _name_of(namespaces: Namespaces, index: int) -> str:
    body = namespaces.socket(None).get(links.GET, links.by_index(index))
    return links.parse(body).name if body is not None else ""


def _interface(text: str) -> Interface:
    from ipaddress import ip_interface

    return ip_interface(text)


def _is_there(device: str) -> bool:
    return any(os.path.exists(f"/sys/bus/{bus}/devices/{device}") for bus in os.listdir("/sys/bus"))
