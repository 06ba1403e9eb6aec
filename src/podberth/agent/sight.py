"""Whether the agent sees the network namespaces that the runtime makes, as the node itself does.

An agent in a container without the node's /run/netns takes live pods for gone. It can't know that by itself: an empty
folder looks the same where no pod runs. The shim is on the node, and sends a descriptor of the folder with STATUS.
"""

from __future__ import annotations

import os

from podberth.cni.errors import NotAvailable
from podberth.linux import netns

FOLDER = "/run/netns"  # where containerd and CRI-O have the namespaces of pods; the shim opens the same path


def require_sight(folder: int, path: str = FOLDER) -> None:
    """Raise NotAvailable if `path` is not, here too, the folder that is open as `folder`, with all its namespaces."""
    if netns.inode(path) != netns.numbers(os.fstat(folder)):
        raise NotAvailable(f"the agent does not see the node's {path}", f"mount {path} of the host at {path} there")
    for name in os.listdir(folder):
        there = _identity(name, folder)
        here = netns.identity(f"{path}/{name}")
        if there is not None and here != there and _identity(name, folder) == there:  # it has not gone meanwhile
            raise NotAvailable(
                f"the agent does not see the network namespace {path}/{name}",
                f"mount {path} of the host there with mountPropagation: HostToContainer",
            )


def _identity(name: str, folder: int) -> object:
    try:
        descriptor = os.open(name, netns.LOOKING, dir_fd=folder)
    except OSError:
        return None
    try:
        return netns.identity_of(descriptor)
    finally:
        os.close(descriptor)
