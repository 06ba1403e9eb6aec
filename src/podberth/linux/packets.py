"""Ethernet frames that ask who has an address, say who has it, or claim it: ARP and IPv6 neighbour discovery.

Bytes and values only; `probe.py` owns the sockets. What arrives is from anyone on the wire: a parser returns None for
whatever is malformed, and raises nothing. MACs are strings, lower-case with colons.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.ops import Address

ETH_P_ARP = 0x0806  # linux/if_ether.h
ETH_P_IPV6 = 0x86DD

REQUEST = 1  # RFC 826, ares_op$REQUEST
REPLY = 2
SOLICITATION = 135  # RFC 4861 section 4.3
ADVERTISEMENT = 136  # RFC 4861 section 4.4

_BROADCAST = "ff:ff:ff:ff:ff:ff"
_NO_MAC = "00:00:00:00:00:00"
_UNSPECIFIED = IPv6Address("::")
_ALL_NODES = IPv6Address("ff02::1")
_SOLICITED_NODE = int(IPv6Address("ff02::1:ff00:0"))  # RFC 4291 section 2.7.1: FF02::1:FFXX:XXXX

_ETHERNET = struct.Struct("!6s6sH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ARP_KIND = (1, 0x0800, 6, 4)  # IPv4 addresses over 6-byte Ethernet ones
_IPV6 = struct.Struct("!IHBB16s16s")
_ND = struct.Struct("!BBHI16s")  # type, code, checksum, flags, target: the same for both messages
_ICMPV6 = 58
_HOP_LIMIT = 255  # RFC 4861 section 7.1: proof that no router forwarded it
_OVERRIDE = 1 << 29
_SOLICITED = 1 << 30
_SOURCE_LINK = 1  # RFC 4861 section 4.6.1: options, in units of 8 bytes
_TARGET_LINK = 2


@value
class Arp:
    """An ARP packet; `operation` is REQUEST or REPLY."""

    operation: int
    sender_mac: str
    sender: IPv4Address
    target_mac: str
    target: IPv4Address


@value
class Neighbour:
    """A neighbour SOLICITATION or ADVERTISEMENT.

    `frame_mac` is the Ethernet source, `link_mac` the link-layer option (of the source, or of the target), if any.
    """

    kind: int
    frame_mac: str
    source: IPv6Address
    target: IPv6Address
    link_mac: str | None
    override: bool = False


def probe_of(mac: str, address: Address) -> bytes:
    """Return the frame that asks whether anyone has `address`."""
    return arp_probe(mac, address) if isinstance(address, IPv4Address) else neighbour_probe(mac, address)


def announcement_of(mac: str, address: Address) -> bytes:
    """Return the frame that says `address` is at `mac`."""
    return arp_announcement(mac, address) if isinstance(address, IPv4Address) else neighbour_announcement(mac, address)


def question_for(mac: str, source: Address, address: Address) -> bytes:
    """Return the frame by which the host with `source` asks for the MAC of `address`."""
    if isinstance(source, IPv4Address) and isinstance(address, IPv4Address):
        return arp_request(mac, source, address)
    assert isinstance(source, IPv6Address)
    assert isinstance(address, IPv6Address)
    return neighbour_solicitation(mac, source, address)


def answerer(frame: bytes, address: Address) -> str | None:
    """Return the MAC that `frame` says has `address`, as an answer or as news; else None."""
    if isinstance(address, IPv4Address):
        arp = parse_arp(frame)
        return arp.sender_mac if arp is not None and arp.sender == address else None
    found = parse_neighbour(frame)
    if found is None or found.kind != ADVERTISEMENT or found.target != address:
        return None
    return found.link_mac or found.frame_mac


def claimant(frame: bytes, address: Address, own_mac: str) -> str | None:
    """Return the MAC that `frame` says has `address`, or that is probing for it too; else None."""
    if isinstance(address, IPv4Address):
        return _arp_claimant(frame, address, own_mac)
    return _neighbour_claimant(frame, address, own_mac)


def arp_probe(mac: str, address: IPv4Address) -> bytes:
    """Return the question whether anyone has `address`; lacking a sender, no cache learns from it (RFC 5227, 2.1)."""
    return _arp(Arp(operation=REQUEST, sender_mac=mac, sender=IPv4Address(0), target_mac=_NO_MAC, target=address))


def arp_announcement(mac: str, address: IPv4Address) -> bytes:
    """Return the news that `address` is at `mac`: a request, its sender also its target (RFC 5227, 2.3)."""
    return _arp(Arp(operation=REQUEST, sender_mac=mac, sender=address, target_mac=_NO_MAC, target=address))


def arp_request(mac: str, sender: IPv4Address, target: IPv4Address) -> bytes:
    """Return the question for the MAC of `target` (RFC 826)."""
    return _arp(Arp(operation=REQUEST, sender_mac=mac, sender=sender, target_mac=_NO_MAC, target=target))


def neighbour_solicitation(mac: str, source: IPv6Address, target: IPv6Address) -> bytes:
    """Return the solicitation of address resolution, with the asker's MAC as an option (RFC 4861, 7.2.2)."""
    message = _ND.pack(SOLICITATION, 0, 0, 0, target.packed) + bytes((_SOURCE_LINK, 1)) + _packed(mac)
    return _neighbour(mac, source, solicited_node(target), message)


def neighbour_probe(mac: str, address: IPv6Address) -> bytes:
    """Return the solicitation of duplicate address detection: from '::', without options (RFC 4862, 5.4.2)."""
    to = solicited_node(address)
    return _neighbour(mac, _UNSPECIFIED, to, _ND.pack(SOLICITATION, 0, 0, 0, address.packed))


def neighbour_announcement(mac: str, address: IPv6Address) -> bytes:
    """Return the unsolicited advertisement that `address` is at `mac`, overriding caches (RFC 4861, 7.2.6)."""
    message = _ND.pack(ADVERTISEMENT, 0, 0, _OVERRIDE, address.packed) + bytes((_TARGET_LINK, 1)) + _packed(mac)
    return _neighbour(mac, address, _ALL_NODES, message)


def solicited_node(address: IPv6Address) -> IPv6Address:
    """Return the multicast group that a holder of `address` listens to (RFC 4291, 2.7.1)."""
    return IPv6Address(_SOLICITED_NODE | int(address) & 0xFFFFFF)


def parse_arp(frame: bytes) -> Arp | None:
    """Read an ARP request or reply, padding allowed; None for anything else."""
    if len(frame) < _ETHERNET.size + _ARP.size or _ETHERNET.unpack_from(frame)[2] != ETH_P_ARP:
        return None
    *kind, operation, sender_mac, sender, target_mac, target = _ARP.unpack_from(frame, _ETHERNET.size)
    if tuple(kind) != _ARP_KIND or operation not in (REQUEST, REPLY):
        return None
    return Arp(
        operation=operation,
        sender_mac=_shown(sender_mac),
        sender=IPv4Address(sender),
        target_mac=_shown(target_mac),
        target=IPv4Address(target),
    )


def parse_neighbour(frame: bytes) -> Neighbour | None:
    """Read a solicitation or advertisement that passes the checks of RFC 4861 sections 7.1.1 and 7.1.2; else None.

    Behind IPv6 extension headers none is looked for: no implementation sends them so, and RFC 6980 forbids fragments.
    """
    start = _ETHERNET.size + _IPV6.size
    if len(frame) < start + _ND.size:
        return None
    _, frame_mac, protocol = _ETHERNET.unpack_from(frame)
    first, length, after, hops, source, to = _IPV6.unpack_from(frame, _ETHERNET.size)
    if (protocol, first >> 28, after, hops) != (ETH_P_IPV6, 6, _ICMPV6, _HOP_LIMIT):
        return None
    message = frame[start : start + length]
    if len(message) < length or length < _ND.size or _sum(source, to, message) != 0:
        return None
    kind, code, _, flags, target = _ND.unpack_from(message)
    options = _options(message[_ND.size :])
    if kind not in (SOLICITATION, ADVERTISEMENT) or code != 0 or options is None:
        return None
    found = Neighbour(
        kind=kind,
        frame_mac=_shown(frame_mac),
        source=IPv6Address(source),
        target=IPv6Address(target),
        link_mac=options.get(_SOURCE_LINK if kind == SOLICITATION else _TARGET_LINK),
        override=kind == ADVERTISEMENT and bool(flags & _OVERRIDE),
    )
    return found if _valid(found, IPv6Address(to), flags) else None


def _arp_claimant(frame: bytes, address: IPv4Address, own_mac: str) -> str | None:
    """Decide as RFC 5227 section 2.1.1 does."""
    arp = parse_arp(frame)
    if arp is None:
        return None
    if arp.sender == address:
        return arp.sender_mac
    # Our own probe may come back over a reflecting port; it claims nothing.
    asking = arp.operation == REQUEST and int(arp.sender) == 0 and arp.sender_mac != own_mac
    return arp.sender_mac if asking and arp.target == address else None


def _neighbour_claimant(frame: bytes, address: IPv6Address, own_mac: str) -> str | None:
    """Decide as RFC 4862 sections 5.4.3 and 5.4.4 do."""
    found = parse_neighbour(frame)
    if found is None or found.target != address:
        return None
    if found.kind == ADVERTISEMENT:
        return found.link_mac or found.frame_mac
    # A solicitation with a source is somebody looking for the holder: it says nothing of whether there is one.
    return found.frame_mac if found.source == _UNSPECIFIED and found.frame_mac != own_mac else None


def _arp(arp: Arp) -> bytes:
    return _ETHERNET.pack(_packed(_BROADCAST), _packed(arp.sender_mac), ETH_P_ARP) + _ARP.pack(
        *_ARP_KIND,
        arp.operation,
        _packed(arp.sender_mac),
        arp.sender.packed,
        _packed(arp.target_mac),
        arp.target.packed,
    )


def _neighbour(mac: str, source: IPv6Address, to: IPv6Address, message: bytes) -> bytes:
    checksum = 0xFFFF - _sum(source.packed, to.packed, message)
    group = b"\x33\x33" + to.packed[-4:]  # RFC 2464 section 7
    header = _IPV6.pack(6 << 28, len(message), _ICMPV6, _HOP_LIMIT, source.packed, to.packed)
    summed = message[:2] + checksum.to_bytes(2, "big") + message[4:]
    return _ETHERNET.pack(group, _packed(mac), ETH_P_IPV6) + header + summed


def _sum(source: bytes, to: bytes, message: bytes) -> int:
    """Add the 16-bit words of pseudo-header (RFC 8200, 8.1) and message in one's complement: that is modulo 65535."""
    padded = message + b"\0" * (len(message) % 2)
    return int.from_bytes(source + to + struct.pack("!II", len(message), _ICMPV6) + padded, "big") % 0xFFFF


def _options(octets: bytes) -> dict[int, str] | None:
    """Return the first link-layer address of each type; None if an option has no length or runs over the end."""
    found: dict[int, str] = {}
    while octets:
        size = octets[1] * 8 if len(octets) > 1 else 0
        if not 0 < size <= len(octets):
            return None
        if size == 8:
            found.setdefault(octets[0], _shown(octets[2:8]))
        octets = octets[size:]
    return found


def _valid(found: Neighbour, to: IPv6Address, flags: int) -> bool:
    if found.target.is_multicast or found.source.is_multicast:
        return False
    if found.kind == ADVERTISEMENT:
        return not (to.is_multicast and flags & _SOLICITED)
    detecting = found.source == _UNSPECIFIED
    return not detecting or (found.link_mac is None and int(to) >> 24 == _SOLICITED_NODE >> 24)


def _packed(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _shown(mac: bytes) -> str:
    return mac.hex(":")
