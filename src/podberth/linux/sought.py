"""A device of the node that somebody speaks of by its link's name or MAC, or by its place in sysfs."""

from __future__ import annotations

import os

from podberth.linux import pci
from podberth.net.facts import HostDevice
from podberth.net.vf import USERSPACE_DRIVERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.linux.namespaces import Namespaces
    from podberth.net.seen import DeviceSought

AUXILIARY = "/sys/bus/auxiliary/devices"


def device(namespaces: Namespaces, sought: DeviceSought) -> HostDevice | None:
    """Return the device, with its link in the node's namespace; None if there is none."""
    if sought.link:
        found = namespaces.look(None, sought.link)
        return HostDevice(link=found.name) if found is not None else None
    if sought.mac:
        return _of_mac(namespaces, sought.mac)
    if sought.path:
        return _at(sought.path)
    name = sought.pci or sought.any
    if pci.exists(name):
        return _at(f"{pci.DEVICES}/{name}", userspace=pci.driver(name) in USERSPACE_DRIVERS)
    return _at(f"{AUXILIARY}/{name}") if sought.any else None


def _of_mac(namespaces: Namespaces, mac: str) -> HostDevice | None:
    """Return the link that has the MAC; before those that stand on it, and have it from there."""
    found = [link for link in namespaces.links(None) if link.mac == mac]
    found.sort(key=lambda link: link.kind in ("vlan", "ipvlan", "bridge", "bond", "team"))
    return HostDevice(link=found[0].name) if found else None


def _at(path: str, *, userspace: bool = False) -> HostDevice | None:
    """Return the device at a path of sysfs, whose link may be that of a virtio device below it."""
    if not os.path.isdir(path):
        return None
    below = sorted(name for name in os.listdir(path) if name.startswith("virtio"))
    for folder in (path, *(f"{path}/{name}" for name in below)):
        if os.path.isdir(f"{folder}/net"):
            return HostDevice(link=next(iter(sorted(os.listdir(f"{folder}/net"))), ""), userspace=userspace)
    return HostDevice(link="", userspace=userspace)
