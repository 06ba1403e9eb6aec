"""What the kernel knows a network namespace and a link by, as values."""

from __future__ import annotations

from podberth.cni.value import value


@value
class NetnsId:
    """A network namespace's identity: device and inode of its nsfs file."""

    device: int
    inode: int


@value
class Link:
    """A link: `kind` is its rtnetlink kind ('bridge', 'veth', '' for a physical device)."""

    name: str
    index: int
    kind: str
    mac: str
    mtu: int
    up: bool
    ours: bool
    vlan_filtering: bool = False


@value
class HostDevice:
    """A device of the node: its link there, '' if it has none, and whether a driver gives it to processes instead."""

    link: str
    userspace: bool = False
