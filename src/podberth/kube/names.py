"""The names that objects of ours have: an address as the name of a Kubernetes object (RFC 1123)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address


def address_name(address: IPv4Address | IPv6Address) -> str:
    """Return an IPv4 address as it is, an IPv6 address as eight groups of four digits with dashes."""
    return str(address) if address.version == 4 else address.exploded.replace(":", "-")
