"""Which addresses interfaces have in the network namespaces of this node. Asked when a ledger was put back."""

from __future__ import annotations

import os

from podberth.cni.errors import InvalidNetns, KernelRefused
from podberth.ipam.epoch import SeenAddress
from podberth.linux import netns
from podberth.linux.netlink import addresses, links
from podberth.linux.netlink.socket import Rtnl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.net.ops import Address


def inside(folders: Sequence[str]) -> Iterator[SeenAddress]:
    """Yield every address in the namespaces whose files are in the folders, this process's own namespace apart.

    KernelRefused if one that is there can't be looked into: it may have any address.
    """
    seen = {netns.own()}
    for path in (f"{folder}/{name}" for folder in folders for name in _names(folder)):
        found = netns.identity(path)
        if found is None or found in seen:
            continue
        seen.add(found)
        try:
            here = tuple(_addresses(path))
        except (OSError, InvalidNetns) as failure:
            if netns.identity(path) != found:
                continue  # it is gone meanwhile
            raise KernelRefused(
                f"the addresses in {path} can't be read: {failure}", "do it again; the agent has to be root"
            ) from failure
        yield from (SeenAddress(netns=path, netns_id=found, ifname=name, address=address) for name, address in here)


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _addresses(path: str) -> Iterator[tuple[str, Address]]:
    descriptor = netns.open_at(path)
    try:
        socket = netns.opened_in(descriptor, Rtnl)
    finally:
        os.close(descriptor)
    try:
        names = {link.index: link.name for link in map(links.parse, socket.dump(links.GET, links.all_links()))}
        for family in (4, 6):
            for index, found in map(addresses.parse, socket.dump(addresses.GET, addresses.every(family))):
                if not (found.is_loopback or found.is_link_local):
                    yield names.get(index, str(index)), found.ip
    finally:
        socket.close()
