"""Options of DHCPv4 (RFC 2132, RFC 3397, RFC 3442): their names, and what those of a lease mean for a result. Pure.

A server may send anything: an option that can't be read counts as one that is not there.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from podberth.cni.fields import shown
from podberth.cni.result import Dns, Route
from podberth.cni.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MASK, ROUTERS, SERVERS, HOST_NAME, DOMAIN, MTU, STATIC_ROUTES = 1, 3, 6, 12, 15, 26, 33
CLIENT, SEARCH, CLASSLESS_ROUTES = 61, 119, 121
# As dhcp-options(5) has them; the first six are all that the CNI project's plugin knows by name.
NAMES: Mapping[str, int] = {
    "dhcp-client-identifier": CLIENT,
    "subnet-mask": MASK,
    "routers": ROUTERS,
    "host-name": HOST_NAME,
    "user-class": 77,
    "vendor-class-identifier": 60,
    "domain-name-servers": SERVERS,
    "domain-name": DOMAIN,
    "interface-mtu": MTU,
    "broadcast-address": 28,
    "static-routes": STATIC_ROUTES,
    "ntp-servers": 42,
    "domain-search": SEARCH,
    "rfc3442-classless-static-routes": CLASSLESS_ROUTES,
}
# What the exchange itself stands on: pad, address, overload, kind, server, list of options, largest message, end.
OWN = frozenset((0, 50, 52, 53, 54, 55, 57, 255))
_LINK = 253  # RT_SCOPE_LINK
_LEAST_MTU = 68  # RFC 2132 section 5.1
_MOST = 64  # names of a search list


def option(raw: object) -> int:
    """Return the number of an option that is said by its name, or by its number as text."""
    if not isinstance(raw, str):
        raise ValueError(f"expected the name of an option, got {shown(raw)}")  # noqa: TRY004 - a parser
    if raw in NAMES:
        return NAMES[raw]
    if not (raw.isascii() and raw.isdecimal() and len(raw) <= 3 and 0 < int(raw) < 255):
        raise ValueError(f"expected a number 1..254, or one of {', '.join(NAMES)}, got {shown(raw)}")
    return int(raw)


def own(raw: object) -> int:
    """Return the number of an option that a configuration may give a value to."""
    found = option(raw)
    if found in OWN:
        raise ValueError(f"option {found} is said by the plugin itself")
    return found


def prefix(said: Mapping[int, bytes]) -> int | None:
    """Return the prefix length that the subnet mask stands for; None if there is none, or one with holes."""
    mask = said.get(MASK, b"")
    ones = int.from_bytes(mask, "big")
    length = ones.bit_count()
    return length if len(mask) == 4 and ones == (1 << 32) - (1 << 32 - length) else None


def gateway(said: Mapping[int, bytes]) -> IPv4Address | None:
    """Return the first router."""
    return next(_hosts(said.get(ROUTERS, b"")), None)


def routes(said: Mapping[int, bytes], priority: int) -> tuple[Route, ...]:
    """Return the routes: the classless ones alone if there are any (RFC 3442), else static ones and the default."""
    found = tuple(_classless(said.get(CLASSLESS_ROUTES, b"")))
    if not found:
        way = gateway(said)
        found = tuple(_static(said.get(STATIC_ROUTES, b"")))
        found += (Route(dst=IPv4Network("0.0.0.0/0"), gw=way),) if way is not None else ()
    size = int.from_bytes(said.get(MTU, b"")[:2], "big") if len(said.get(MTU, b"")) == 2 else 0
    more = {"priority": priority or None, "mtu": size if size >= _LEAST_MTU else None}
    return tuple(replace(route, **more) for route in found)


def dns(said: Mapping[int, bytes]) -> Dns:
    """Return resolver settings."""
    domain = said.get(DOMAIN, b"").rstrip(b"\0").decode("ascii", "replace")
    return Dns(
        nameservers=tuple(map(str, _hosts(said.get(SERVERS, b"")))),
        domain=domain if _is_name(domain) else "",
        search=_names(said.get(SEARCH, b"")),
    )


def _addresses(content: bytes) -> Iterator[IPv4Address]:
    for at in range(0, len(content) - 3, 4):
        yield IPv4Address(content[at : at + 4])


def _hosts(content: bytes) -> Iterator[IPv4Address]:
    """Yield the addresses that a host can have."""
    for found in _addresses(content):
        if not (found.is_unspecified or found.is_multicast or found.is_loopback or int(found) == 0xFFFFFFFF):
            yield found


def _classless(content: bytes) -> Iterator[Route]:
    at = 0
    while at < len(content):
        length = content[at]
        size = (length + 7) // 8
        part = content[at + 1 : at + 5 + size]
        if length > 32 or len(part) != size + 4:
            return
        network = IPv4Network((int.from_bytes(part[:size].ljust(4, b"\0"), "big"), length), strict=False)
        way = IPv4Address(part[size:])
        # A router of zeros is none: the destination is on the link. The project's plugin says it in these words.
        yield Route(dst=network, gw=way, scope=None if int(way) else _LINK)
        at += 5 + size


def _static(content: bytes) -> Iterator[Route]:
    """Yield static routes; how long their prefixes are is said by the class of the destination."""
    pairs = list(_addresses(content))
    for to, way in zip(pairs[::2], pairs[1::2], strict=False):
        first = to.packed[0]
        length = 8 if first < 128 else 16 if first < 192 else 24 if first < 224 else None
        if length is not None:
            yield Route(dst=IPv4Network((int(to), length), strict=False), gw=way)


def _names(content: bytes) -> tuple[str, ...]:
    """Return the names of a search list, compressed as in DNS (RFC 1035 section 4.1.4); none if one is malformed."""
    found: list[str] = []
    at = 0
    while at < len(content) and len(found) < _MOST:
        name, at = _name(content, at)
        if not _is_name(name):
            return ()
        found.append(name)
    return tuple(found)


def _name(content: bytes, at: int) -> tuple[str, int]:
    """Return one name, '' for a malformed one, and where the next begins. A pointer has to point backwards."""
    labels: list[str] = []
    after, bound = -1, len(content)
    while at < bound:
        size = content[at]
        if size >= 0xC0:
            to = (size & 0x3F) << 8 | (content[at + 1] if at + 1 < len(content) else 0)
            after = at + 2 if after < 0 else after
            if to >= at:
                break
            bound, at = at, to
        elif size > 63:
            break
        elif size == 0:
            return ".".join(labels), after if after >= 0 else at + 1
        else:
            labels.append(content[at + 1 : at + 1 + size].decode("ascii", "replace"))
            at += 1 + size
    return "", len(content)


def _is_name(text: str) -> bool:
    parts = text.removesuffix(".").split(".")
    return (
        len(text) <= 253
        and all(part and part.replace("-", "").replace("_", "").isalnum() for part in parts)
        and (text.isascii())
    )
