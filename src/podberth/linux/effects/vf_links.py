"""The interface of a virtual function: into a pod's namespace under the pod's name for it, and back as it was.

It is known by its PCI address, never by a name: it comes back from a namespace that died under whatever name was free.
"""

from __future__ import annotations

import errno
import os
import time

from podberth.cni.errors import KernelRefused, TryAgainLater
from podberth.cni.value import replace
from podberth.linux import netns as namespace
from podberth.linux import pci
from podberth.linux.netlink import links
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.step import Drift
from podberth.process import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.ops import MoveVf
    from podberth.net.step import Step

_RETURN_SECONDS = 5.0  # the kernel takes a namespace apart in its own time, and only then gives the interface back
_PAUSE = 0.01


def on_node(namespaces: Namespaces, device: str) -> LinkInfo | None:
    """Return the function's interface, if it is in the node's namespace."""
    name = pci.link(device)
    link = namespaces.link(None, name) if name else None
    return link if link is not None and link.device in (device, "") else None


def inside(namespaces: Namespaces, netns: str, device: str, ifname: str) -> LinkInfo | None:
    """Return the function's interface, if it is in the namespace; by name where the kernel names no devices."""
    found = namespaces.links(netns)
    own = next((link for link in found if link.device == device), None)
    if own is not None or any(link.device for link in found):
        return own
    return next((link for link in found if link.name == ifname and not link.kind), None)


def before(namespaces: Namespaces, op: MoveVf) -> Iterator[tuple[str, str]]:
    """Yield everything the interface has now that is to be given back."""
    link = on_node(namespaces, op.device)
    if link is None:
        raise OSError(errno.ENODEV, f"{op.device} has no interface on the node")
    yield "boot", machine.boot_id()
    yield "driver", pci.driver(op.device)
    yield "name", link.name
    yield "altnames", " ".join(link.altnames)
    yield "mtu", str(link.mtu)
    yield "queue", str(link.queue)
    yield "flags", str(link.sticky)


def move(namespaces: Namespaces, op: MoveVf) -> None:
    """Bring the interface into the pod's namespace, down, under the pod's name for it and no other."""
    link = on_node(namespaces, op.device)
    if link is None:
        raise OSError(errno.ENODEV, f"{op.device} has no interface on the node")
    socket = namespaces.socket(None)
    if link.up:
        socket.do(links.NEW, links.set_down(link.index))
    for name in link.altnames:  # the node's names for it are not the pod's business, and could be in use there
        socket.do(links.DEL_NAME, links.altname(link.index, name))
    if op.mtu is not None and op.mtu != link.mtu:
        socket.do(links.NEW, links.set_mtu(link.index, op.mtu))
    socket.do(links.NEW, links.move(link.index, namespaces.descriptor(op.netns), op.ifname))


def bring_back(namespaces: Namespaces, step: Step, op: MoveVf, *, alive: bool) -> None:
    """Have the interface on the node as it was. `alive`: the pod's namespace is still there.

    Where it can't be found it is another process that keeps its namespace: TryAgainLater, until that has ended.
    """
    found = dict(step.before)
    if found.get("boot") != machine.boot_id() or not pci.exists(op.device):
        return
    drive(op.device, found["driver"])
    restore(namespaces, fetched(namespaces, op, found["name"], alive=alive), found)


def fetched(namespaces: Namespaces, op: MoveVf, name: str, *, alive: bool) -> LinkInfo:
    """Have the interface on the node, under the name if it is in the pod; return it. TryAgainLater as `bring_back`."""
    link = on_node(namespaces, op.device)
    if link is None and alive:
        held = inside(namespaces, op.netns, op.device, op.ifname)
        if held is not None:
            out(namespaces, op.netns, held, name)
    link = _awaited(namespaces, op.device)
    if link is None:
        where = elsewhere(namespaces, op.device)
        raise TryAgainLater(
            f"the interface of {op.device} is in {where or 'a network namespace without a name'}",
            f"`ip -n {where} link set IFNAME netns 1` gives it back"
            if where
            else "processes of the pod may still run (`lsns -t net`): it comes back when they end",
        )
    return link


def bring_home(namespaces: Namespaces, op: MoveVf) -> None:
    """Have the interface on the node, from whatever namespace with a name it was moved to by hand. TryAgainLater."""
    if on_node(namespaces, op.device) is not None:
        return
    for path in (op.netns, *_named()):
        held = inside(namespaces, path, op.device, op.ifname) if namespace.identity(path) is not None else None
        if held is not None:
            out(namespaces, path, held, op.link)
            return
    raise TryAgainLater(f"the interface of {op.device} is in no network namespace that has a name", "see `lsns -t net`")


def check(namespaces: Namespaces, op: MoveVf) -> tuple[Drift, ...]:
    """Compare where the interface is, its name, MAC and MTU with the op."""
    link = inside(namespaces, op.netns, op.device, op.ifname)
    if link is None:
        here = on_node(namespaces, op.device)
        where = f"on the node, as {here.name}" if here else elsewhere(namespaces, op.device) or "in no namespace known"
        return (Drift(what=f"{op.ifname} ({op.device})", field="netns", wanted=op.netns, found=where),)
    compared = (("name", op.ifname, link.name), ("mac", op.mac, link.mac), ("mtu", op.mtu, link.mtu))
    return tuple(
        Drift(what=f"{op.ifname} ({op.device})", field=field, wanted=str(wanted), found=str(found))
        for field, wanted, found in compared
        if wanted is not None and wanted != found
    )


def repair(namespaces: Namespaces, op: MoveVf) -> None:
    """Have the interface in the pod's namespace again, down, as the op has it; its MAC is the PF's to change."""
    link = inside(namespaces, op.netns, op.device, op.ifname)
    socket = namespaces.socket(op.netns)
    if link is None:
        bring_home(namespaces, op)
        move(namespaces, op)
        return
    if link.up:
        socket.do(links.NEW, links.set_down(link.index))
    if link.name != op.ifname:
        socket.do(links.NEW, links.rename(link.index, op.ifname))
    if op.mtu is not None and link.mtu != op.mtu:
        socket.do(links.NEW, links.set_mtu(link.index, op.mtu))
    _repair_mac(namespaces, op, link)


def _repair_mac(namespaces: Namespaces, op: MoveVf, link: LinkInfo) -> None:
    """Have the MAC of the op; the PF has been told of it again before, a driver may take it with a reset only."""
    socket = namespaces.socket(op.netns)
    down = replace(link, name=op.ifname, up=False)
    for attempt in range(2):
        now = namespaces.link(op.netns, op.ifname)
        if op.mac is None or now is None or now.mac == op.mac:
            return
        try:
            socket.do(links.NEW, links.set_mac(link.index, op.mac))
        except NetlinkError:
            if attempt:
                raise
            cycle(namespaces, op.netns, down)


def elsewhere(namespaces: Namespaces, device: str) -> str:
    """Return the name of the namespace below /run/netns that the interface is in; '' if it is in none of them."""
    for path in _named():
        try:
            if any(link.device == device for link in namespaces.links(path)):
                return os.path.basename(path)
        except (KernelRefused, OSError):
            continue  # it went meanwhile
    return ""


def drive(device: str, driver: str) -> None:
    """Give the function its driver again, if a kill came between taking it and giving it back."""
    if driver and not pci.driver(device):
        pci.bind(device, driver)


def cycle(namespaces: Namespaces, netns: str | None, link: LinkInfo) -> None:
    """Set the interface up and down, or down and up, so that its driver resets the function."""
    socket = namespaces.socket(netns)
    changes = (links.set_down, links.set_up) if link.up else (links.set_up, links.set_down)
    for change in changes:
        socket.do(links.NEW, change(link.index))


def rebind(namespaces: Namespaces, device: str) -> None:
    """Take the function from its driver and give it back: it has a new interface then, with the old one's names."""
    old, driver = on_node(namespaces, device), pci.driver(device)
    pci.unbind(device)
    pci.bind(device, driver)
    link = _awaited(namespaces, device)
    if old is not None and link is not None:
        found = {"name": old.name, "altnames": " ".join(old.altnames), "mtu": str(old.mtu)}
        restore(namespaces, link, {**found, "queue": str(old.queue), "flags": str(old.sticky)})


def out(namespaces: Namespaces, netns: str, link: LinkInfo, name: str) -> None:
    """Move the interface to the node, under its name there unless somebody has that; then under one of its own."""
    socket = namespaces.socket(netns)
    take_down(namespaces, netns, link.index)
    if link.up:
        socket.do(links.NEW, links.set_down(link.index))
    if namespaces.link(None, name) is not None:
        name = f"pbvf{link.index}"
    own = namespace.open_own()
    try:
        for alternative in link.altnames:
            socket.do(links.DEL_NAME, links.altname(link.index, alternative))
        socket.do(links.NEW, links.move(link.index, own, name))
    finally:
        os.close(own)


def take_down(namespaces: Namespaces, netns: str, index: int) -> None:
    """Delete what the pod has stacked on the interface: it would go on sending and receiving through the next pod's.

    What stands on that in turn goes with it.
    """
    socket = namespaces.socket(netns)
    for body in socket.dump(links.GET, links.all_links()):
        if links.stands_on(body, index):
            try:
                socket.do(links.DEL, links.delete(links.parse(body).index))
            except NetlinkError as refused:
                if refused.errno != errno.ENODEV:  # it stood on another one that is deleted
                    raise


def _awaited(namespaces: Namespaces, device: str) -> LinkInfo | None:
    end = time.monotonic() + _RETURN_SECONDS
    while (link := on_node(namespaces, device)) is None and time.monotonic() < end:
        time.sleep(_PAUSE)
    return link


def restore(namespaces: Namespaces, link: LinkInfo, found: dict[str, str]) -> None:
    """Give the interface its names, MTU, queue and flags again. OSError EEXIST if another link has its name by now."""
    wanted = tuple(found["altnames"].split())
    mtu, queue, flags = (int(found[key]) for key in ("mtu", "queue", "flags"))
    if (link.name, link.altnames, link.mtu, link.queue, link.sticky) == (found["name"], wanted, mtu, queue, flags):
        return  # it never went, or is back already: its carrier stays
    socket = namespaces.socket(None)
    if link.up:
        socket.do(links.NEW, links.set_down(link.index))
    # The kernel keeps them in the order in which they came; those that are right stay, so that every call gets further.
    right = next(count for count in range(len(wanted), -1, -1) if link.altnames[:count] == wanted[:count])
    for name in link.altnames[right:]:
        socket.do(links.DEL_NAME, links.altname(link.index, name))
    if link.name != found["name"]:
        try:
            socket.do(links.NEW, links.rename(link.index, found["name"]))
        except NetlinkError as refused:
            if refused.errno != errno.EEXIST:
                raise
            raise KernelRefused(
                f"{link.name}{pci_of(link)} can't have its name {found['name']} back: another link has it by now",
                f"rename that one: `ip link set {found['name']} name OTHER`",
            ) from refused
    for name in wanted[right:]:
        socket.do(links.NEW_NAME, links.altname(link.index, name))
    socket.do(links.NEW, links.restore(link.index, mtu, queue, flags))


def pci_of(link: LinkInfo) -> str:
    """Return the name of the device behind the link, in brackets, as far as there is one and the kernel says it."""
    return f" ({link.device})" if link.device else ""


def _named() -> tuple[str, ...]:
    try:
        return tuple(f"/run/netns/{name}" for name in sorted(os.listdir("/run/netns")))
    except OSError:
        return ()
