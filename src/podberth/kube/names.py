"""The names that objects of ours have: an address as the name of a Kubernetes object (RFC 1123), and back."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from podberth.cni.fields import shown


def address_name(address: IPv4Address | IPv6Address) -> str:
    """Return an IPv4 address as it is, an IPv6 address as eight groups of four digits with dashes."""
    return str(address) if address.version == 4 else address.exploded.replace(":", "-")


def named_address(name: str) -> IPv4Address | IPv6Address:
    """Return the address of a name. Raises ValueError for any that `address_name` does not make."""
    try:
        found = IPv6Address(name.replace("-", ":")) if "-" in name else IPv4Address(name)
    except ValueError:
        found = None
    if found is None or address_name(found) != name:
        raise ValueError(f"expected an address as a name, '10.20.0.1' or eight groups with dashes, got {shown(name)}")
    return found
