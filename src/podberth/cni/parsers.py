"""Parsers of single values for `Fields`: each takes what JSON or YAML gave, and returns the value or raises ValueError.

A message is "expected ..., got ..."; `Fields` puts the path in front. `string(max=64)`, `integer(0, 7)` and
`choice("a", "b")` make a parser, the other names are one. Nothing here reads a file, an environment or a clock, and
nothing compiles a pattern: that would cost every ADD a tenth of a millisecond each.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from podberth.cni.fields import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Address: TypeAlias = IPv4Address | IPv6Address
    Interface: TypeAlias = IPv4Interface | IPv6Interface
    Network: TypeAlias = IPv4Network | IPv6Network

IFNAMSIZ = 15  # bytes of an interface name without the final NUL (linux/if.h)
MAX_STRING = 1024
MAX_NAME = 253  # of a Kubernetes object (RFC 1123 subdomain) and of a DNS name, in characters
MAX_PATH = 4095  # PATH_MAX without the final NUL (linux/limits.h)

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_ALNUM = _LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_MOST_DEVICES = 8  # of one interface: as many as a bond can have
_HEX = frozenset("0123456789abcdef")
# What dev_valid_name() of net/core/dev.c refuses (its isspace() counts 0xA0), and '%', which dev_alloc_name() expands.
_NOT_IN_IFNAME = frozenset(b"/:% \t\n\v\f\r\xa0")
# Two that are no file names, and two that sysctl_dev_name_is_allowed() of net/ipv4/devinet.c keeps for itself.
_NO_IFNAMES = (".", "..", "all", "default")


def text(raw: object, what: str = "a string") -> str:
    """Return a string of any length without control characters, lone surrogates or whatever else has no glyph."""
    found = _string(raw, what)
    if not found.isprintable():
        raise ValueError(f"expected {what} of printable characters, got {shown(found)}")
    return found


def any_text(raw: object) -> str:
    """Return a string of any characters and lines, as of a document inside another."""
    return _string(raw, "a string")


def string(*, min: int = 1, max: int = MAX_STRING) -> Callable[[object], str]:  # noqa: A002 - read at call sites
    """Make a parser of strings of `min` to `max` characters, none of them a control character."""

    def parse(raw: object) -> str:
        found = text(raw)
        if not min <= len(found) <= max:
            raise ValueError(f"expected a string of {min}..{max} characters, got {shown(found)}")
        return found

    return parse


class integer:  # noqa: N801 - it stands among the makers of parsers
    """Make a parser of whole numbers `lo`..`hi`; booleans, floats and strings are refused.

    `zero` is what a program in Go writes where nobody set the number; None where 0 is one of the numbers.
    """

    __slots__ = ("hi", "lo", "zero")

    def __init__(self, lo: int, hi: int) -> None:
        self.lo, self.hi = lo, hi
        self.zero = None if lo <= 0 <= hi else 0

    def __call__(self, raw: object) -> int:
        """Return the number."""
        if not isinstance(raw, int) or isinstance(raw, bool) or not self.lo <= raw <= self.hi:
            raise ValueError(f"expected a whole number {self.lo}..{self.hi}, got {shown(raw)}")
        return raw


def number(raw: object) -> float:
    """Return a finite number, whole or not; booleans, strings, NaN and infinities are refused."""
    if not isinstance(raw, int | float) or isinstance(raw, bool) or not abs(raw) < float("inf"):
        raise ValueError(f"expected a number, got {shown(raw)}")
    return raw


def boolean(raw: object) -> bool:
    """Return a boolean; the strings "true" and "false" are taken too, as other implementations do."""
    if isinstance(raw, bool):
        return raw
    if raw in ("true", "false"):
        return raw == "true"
    raise ValueError(f"expected true or false, got {shown(raw)}")


def on_off(raw: object) -> bool:
    """Return a switch as `ip link` has it: "on" or "off", or a boolean."""
    if raw in ("on", "off"):
        return raw == "on"
    try:
        return boolean(raw)
    except ValueError:
        raise ValueError(f"expected 'on' or 'off', got {shown(raw)}") from None


def choice(*names: str) -> Callable[[object], str]:
    """Make a parser that takes exactly one of the names."""

    def parse(raw: object) -> str:
        if not isinstance(raw, str) or raw not in names:
            raise ValueError(f"expected one of {', '.join(map(repr, names))}, got {shown(raw)}")
        return raw

    return parse


def ip_address(raw: object) -> Address:
    """Return an IPv4 or IPv6 address, without prefix length or zone; an IPv4-mapped one must be written as IPv4."""
    return _address(raw, raw, "an IP address")


def ip_request(raw: object) -> Address:
    """Return an address that a caller asks for; a prefix length may follow and is dropped: the pool's counts."""
    return _with_prefix(raw, "an IP address")[0] if isinstance(raw, str) and "/" in raw else ip_address(raw)


def ip_interface(raw: object) -> Interface:
    """Return an address with its prefix length, as '10.1.0.5/16'."""
    address, prefix = _with_prefix(raw, "an IP address with prefix length")
    made: Interface = (IPv4Interface if address.version == 4 else IPv6Interface)((address, prefix))
    return made


def ip_network(raw: object) -> Network:
    """Return a network in CIDR notation; host bits must be zero."""
    found = ip_prefix(raw)
    address, _ = _with_prefix(raw, "a network")
    if address != found.network_address:
        raise ValueError(f"expected a network, got {shown(raw)}, which has host bits set; did you mean '{found}'?")
    return found


def ip_prefix(raw: object) -> Network:
    """Return a network in CIDR notation, its host bits cleared if there are any."""
    address, prefix = _with_prefix(raw, "a network in CIDR notation")
    made: Network = (IPv4Network if address.version == 4 else IPv6Network)((address, prefix), strict=False)
    return made


def mac(raw: object) -> str:
    """Return a 48-bit MAC of one host, lower-case with colons; '-' as separator and capitals are taken."""
    found = raw.lower() if isinstance(raw, str) else ""
    parts = found.split("-" if "-" in found else ":")
    if len(parts) != 6 or not all(len(part) == 2 and _HEX.issuperset(part) for part in parts):
        raise ValueError(f"expected a MAC address as '02:00:00:00:00:11', got {shown(raw)}")
    found = ":".join(parts)
    if int(parts[0], 16) & 1:
        raise ValueError(f"expected the MAC address of one host, got the multicast address {found!r}")
    if found == "00:00:00:00:00:00":
        raise ValueError(f"expected a MAC address, got {found!r}")
    return found


def ifname(raw: object) -> str:
    """Return a network interface's name that the kernel takes literally: 1..15 bytes, no '/', ':', '%', white space."""
    found = text(raw, "an interface name")
    as_bytes = found.encode()
    if not 1 <= len(as_bytes) <= IFNAMSIZ:
        raise ValueError(f"expected an interface name of 1..{IFNAMSIZ} bytes, got {shown(found)}")
    if found in _NO_IFNAMES or not _NOT_IN_IFNAME.isdisjoint(as_bytes):
        names = ", ".join(map(repr, _NO_IFNAMES))
        raise ValueError(f"expected an interface name (no '/', ':', '%', space; not {names}), got {shown(found)}")
    return found


def pci_address(raw: object) -> str:
    """Return a PCI device's address as sysfs names it, '0000:03:02.1': domain, bus, device, function; lower case."""
    found = raw.lower() if isinstance(raw, str) and len(raw) <= 16 else ""
    domain, _, rest = found.partition(":")
    bus, _, slot = rest.partition(":")
    device, _, function = slot.partition(".")
    widths = ((domain, 4, 8), (bus, 2, 2), (device, 2, 2), (function, 1, 1))
    if not all(least <= len(part) <= most and _HEX.issuperset(part) for part, least, most in widths):
        raise ValueError(f"expected a PCI address as '0000:03:02.1', got {shown(raw)}")
    return found


def pci_addresses(raw: object) -> tuple[str, ...]:
    """Read the addresses of an interface's PCI devices, with commas between, as device plugins write them for pods."""
    parts = raw.split(",", _MOST_DEVICES) if isinstance(raw, str) else [raw]
    found = tuple(map(pci_address, parts))
    if len(found) > _MOST_DEVICES or len(set(found)) < len(found):
        raise ValueError(f"expected at most {_MOST_DEVICES} devices, each once, got {shown(raw)}")
    return found


def name(raw: object) -> str:
    """Return a Kubernetes object's name: a DNS subdomain as of RFC 1123 (lower case, digits, '-', '.')."""
    found = _name(raw, "a name")
    if not all(_is_label(part, _LOWER) for part in found.split(".")):
        raise ValueError(f"expected a name of lower-case letters, digits, '-' and '.', got {shown(found)}")
    return found


def label(raw: object) -> str:
    """Return a Kubernetes namespace's name: a DNS label as of RFC 1123, except for its length (253, not 63)."""
    found = _name(raw, "a name")
    if not _is_label(found, _LOWER):
        raise ValueError(f"expected a name of lower-case letters, digits and '-', got {shown(found)}")
    return found


def identifier(raw: object) -> str:
    """Return a network's name or a container's ID (SPEC.md sections 1 and 2), which are also parts of file names."""
    found = _name(raw, "a name")
    if found[0] not in _ALNUM or not _ALNUM.issuperset(found.translate({ord(c): None for c in "_.-"})):
        raise ValueError(f"expected a letter or digit, then letters, digits, '_', '.' and '-', got {shown(found)}")
    return found


def dns_name(raw: object) -> str:
    """Return a domain name: labels of letters, digits, '-' and '_', at most 63 characters each."""
    found = _name(raw, "a domain name")
    labels = found.removesuffix(".").split(".")
    if not all(1 <= len(part) <= 63 and _ALNUM.issuperset(part.replace("-", "").replace("_", "")) for part in labels):
        raise ValueError(f"expected a domain name, got {shown(found)}")
    return found


def sysctl_key(raw: object) -> str:
    """Return a sysctl's key below 'net', in either notation ('net.ipv4.ip_forward', 'net/ipv4/conf/eth0.5/rp_filter').

    Only 'net': entering a network namespace changes nothing of 'kernel', 'vm' and 'fs', which would stay the node's.
    """
    found = _name(raw, "a sysctl key")
    parts = found.replace("/", ".").split(".")
    if not all(part and _ALNUM.issuperset(part.replace("-", "").replace("_", "")) for part in parts):
        raise ValueError(f"expected a sysctl key as 'net.ipv4.ip_forward', got {shown(found)}")
    if parts[0] != "net" or len(parts) < 2:
        raise ValueError(f"expected a sysctl key that begins with 'net.', got {shown(found)}")
    return found


def sysctl_value(raw: object) -> str:
    """Return a sysctl's value as it is written: a line of text, or a whole number."""
    if isinstance(raw, int) and not isinstance(raw, bool) and -(2**63) <= raw < 2**64:
        return str(raw)
    found = text(raw, "a string or a whole number")
    if not 1 <= len(found) <= MAX_STRING:
        raise ValueError(f"expected a sysctl value of 1..{MAX_STRING} characters, got {shown(found)}")
    return found


def members(raw: object) -> tuple[object, ...]:
    """Return the members of a list, as they are."""
    if not isinstance(raw, list):
        raise ValueError(f"expected a list, got {shown(raw)}")  # noqa: TRY004 - as all parsers
    return tuple(raw)


def mapping(raw: object) -> dict[str, object]:
    """Return an object, as it is."""
    if not isinstance(raw, dict):
        raise ValueError(f"expected an object, got {shown(raw)}")  # noqa: TRY004 - as all parsers
    return raw


def absolute_path(raw: object) -> str:
    """Return an absolute path without '..' components."""
    found = text(raw, "an absolute path")
    if not found.startswith("/") or len(found) > MAX_PATH or ".." in found.split("/"):
        raise ValueError(f"expected an absolute path without '..', got {shown(found)}")
    return found


def _string(raw: object, what: str) -> str:
    if isinstance(raw, str):
        return raw
    raise ValueError(f"expected {what}, got {shown(raw)}")


def _name(raw: object, what: str) -> str:
    found = _string(raw, what)
    if not 1 <= len(found) <= MAX_NAME:
        raise ValueError(f"expected {what} of 1..{MAX_NAME} characters, got {shown(found)}")
    return found


def _is_label(part: str, letters: frozenset[str]) -> bool:
    return bool(part) and "-" not in (part[0], part[-1]) and letters.issuperset(part.replace("-", ""))


def _address(part: object, raw: object, what: str) -> Address:
    if not isinstance(part, str) or "%" in part:
        raise ValueError(f"expected {what}, got {shown(raw)}")
    try:
        found: Address = IPv6Address(part) if ":" in part else IPv4Address(part)
    except ValueError:
        raise ValueError(f"expected {what}, got {shown(raw)}") from None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        raise ValueError(f"expected {what}, got {shown(raw)}; write it as IPv4: {found.ipv4_mapped}")
    return found


def _with_prefix(raw: object, what: str) -> tuple[Address, int]:
    host, slash, prefix = raw.partition("/") if isinstance(raw, str) else ("", "", "")
    if not slash:
        raise ValueError(f"expected {what}, got {shown(raw)}")
    address = _address(host, raw, what)
    if not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 3 and int(prefix) <= address.max_prefixlen):
        raise ValueError(f"expected {what}, got {shown(raw)}")
    return address, int(prefix)
