"""What ops are made of: the types of their fields, and how these read on a command line."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
    from typing import TypeAlias

    Address: TypeAlias = IPv4Address | IPv6Address
    Interface: TypeAlias = IPv4Interface | IPv6Interface
    Network: TypeAlias = IPv4Network | IPv6Network


def vlan_name(parent: str, vlan: int) -> str:
    """Return the name of a VLAN's device on a link."""
    return f"{parent}.{vlan}"


def inside(netns: str | None) -> str:
    """Return the option of a command for a pod's namespace; '' for the node's own."""
    return f" -n {netns}" if netns is not None else ""


def mac(mac: str | None) -> str:
    """Return the words for a MAC, if there is one."""
    return f" address {mac}" if mac is not None else ""


def mtu(mtu: int | None) -> str:
    """Return the words for an MTU, if there is one."""
    return f" mtu {mtu}" if mtu is not None else ""
