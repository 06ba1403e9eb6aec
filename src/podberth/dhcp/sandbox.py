"""The pod's end: its namespace, which is known by more than its path, and its link."""

from __future__ import annotations

import os
from pathlib import Path

from podberth.cni.errors import InvalidNetns, KernelRefused
from podberth.cni.value import value
from podberth.dhcp.leases import Place
from podberth.linux import netns
from podberth.linux.netlink import links
from podberth.linux.netlink.socket import Rtnl


@value
class Link:
    """The pod's link as it was found."""

    place: Place
    mac: bytes


def link(prefix: str, path: str, ifname: str) -> Link:
    """Return the pod's link, set up. InvalidNetns without it or its namespace, else KernelRefused."""
    at = prefix + path
    descriptor = netns.open_at(at)
    try:
        number = netns.numbers(os.fstat(descriptor))
        rtnl = netns.opened_in(descriptor, Rtnl)
    finally:
        os.close(descriptor)
    try:
        body = rtnl.get(links.GET, links.by_name(ifname))
        if body is None:
            raise InvalidNetns(f"{path}: there is no link {ifname} to ask for a lease on", "see the main plugin")
        found = links.parse(body)
        if not found.up:
            rtnl.do(links.NEW, links.set_up(found.index))
        place = Place(netns=path, device=number.device, inode=number.inode, cookie=rtnl.cookie(), index=found.index)
        return Link(place=place, mac=bytes.fromhex(found.mac.replace(":", "")))
    except OSError as wrong:
        raise KernelRefused(
            f"{ifname} in {path} can't be set up: {wrong.strerror}", "see the main plugin's interface"
        ) from None
    finally:
        rtnl.close()


def is_there(prefix: str, place: Place) -> bool:
    """Say whether the pod's link is still there; one that can't be looked at is."""
    path = prefix + place.netns
    try:
        at = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    if (at.st_dev, at.st_ino) != (place.device, place.inode):
        return False
    try:
        descriptor = netns.open_at(path)
        try:
            rtnl = netns.opened_in(descriptor, Rtnl)
        finally:
            os.close(descriptor)
        try:
            found = rtnl.get(links.GET, links.by_index(place.index))
            return found is not None and rtnl.cookie() == place.cookie
        finally:
            rtnl.close()
    except (InvalidNetns, OSError):
        return True  # as without a descriptor left for it


def is_same(place: Place, descriptor: int) -> bool:
    """Say whether it is the very namespace: the kernel gives an inode's number to the next one at once."""
    rtnl = netns.opened_in(descriptor, Rtnl)
    try:
        return rtnl.cookie() == place.cookie
    finally:
        rtnl.close()
