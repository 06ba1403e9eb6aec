"""Taps in a pod's namespace (linux/if_tun.h). One exists for as long as it is open, until it is told to stay.

So it gets all that it is to have first, the mark of podberth's own links too, and stays as the last of it: a kill in
between leaves nothing.
"""

from __future__ import annotations

import fcntl
import os
from struct import pack

from podberth.cni.errors import KernelRefused
from podberth.linux.effects.links import compared, delete_link, of_boot
from podberth.linux.ground import made_anew
from podberth.linux.netlink import links
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.net.facts import NetnsId
    from podberth.net.ops.taps import Op
    from podberth.net.step import Step


_DEVICE = "/dev/net/tun"
_SET_LINK, _STAY, _SET_OWNER, _SET_GROUP = 0x400454CA, 0x400454CB, 0x400454CC, 0x400454CE  # TUNSETIFF and on
_TAP, _MULTI_QUEUE, _NO_HEADER, _NEW = 0x2, 0x100, 0x1000, 0x8000  # IFF_TAP, .., IFF_NO_PI, IFF_TUN_EXCL
_REQUEST = "16sH22x"  # struct ifreq: name, flags


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield the boot, which no link outlives, and whether the link is there."""
    yield from of_boot()
    if at.namespaces.look(op.netns, op.ifname) is not None:
        yield "existed", "yes"


def do(at: Ground, op: Op) -> None:
    """Make the tap in the pod's namespace, with all that it is to have, or none. KernelRefused without its bridge."""
    opened = at.namespaces.opened(op.netns, lambda: _opened(op))
    try:
        _configure(at.namespaces, op)
        fcntl.ioctl(opened, _STAY, 1)
    finally:
        os.close(opened)
        at.namespaces.changed()


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Delete the tap; who has it open finds it gone."""
    if at.alive(step, netns):
        delete_link(at.namespaces, op.netns, at.own(step), "tun")


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare the tap with the op."""
    if moved := at.elsewhere(step, op.netns, op.ifname):
        return moved
    found = compared(at.namespaces, op.netns, op.ifname, "tun", op.mac, op.mtu)
    link = at.namespaces.link(op.netns, op.ifname)
    if link is None or op.bridge is None:
        return found
    bridge = at.namespaces.link(op.netns, op.bridge)
    if bridge is not None and link.master == bridge.index:
        return found
    return (*found, Drift(what=op.ifname, field="master", wanted=op.bridge, found=f"index {link.master}"))


repair = made_anew(undo, do)


def _opened(op: Op) -> int:
    """Return a descriptor of the new tap. OSError EBUSY or EINVAL if there is a link of that name."""
    descriptor = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        flags = _TAP | _NO_HEADER | _NEW | (_MULTI_QUEUE if op.multi_queue else 0)
        fcntl.ioctl(descriptor, _SET_LINK, pack(_REQUEST, op.ifname.encode(), flags))
        for request, number in ((_SET_OWNER, op.owner), (_SET_GROUP, op.group)):
            if number is not None:
                fcntl.ioctl(descriptor, request, number)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _configure(namespaces: Namespaces, op: Op) -> None:
    index, socket = namespaces.index(op.netns, op.ifname), namespaces.socket(op.netns)
    socket.do(links.SET, links.set_group(index, links.GROUP))
    if op.mac is not None:
        socket.do(links.SET, links.set_mac(index, op.mac))
    if op.mtu is not None:
        socket.do(links.SET, links.set_mtu(index, op.mtu))
    if op.bridge is not None:
        bridge = namespaces.link(op.netns, op.bridge)
        if bridge is None or bridge.kind != "bridge":
            raise KernelRefused(
                f"bridge: there is no bridge {op.bridge} in the pod's namespace", "a plugin before this one makes it"
            )
        socket.do(links.SET, links.set_master(index, bridge.index))
