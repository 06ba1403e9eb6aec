"""Frames that a pod forges: sent by a packet socket in its namespace, and looked for where they would come out."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

from podberth.linux import netns
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
ALL_NODES, BROADCAST = "33:33:00:00:00:01", "ff:ff:ff:ff:ff:ff"
GATEWAY4, GATEWAY6, NOBODY4 = "10.60.0.1", "fd00:60::1", "10.60.0.200"
MLD = bytes.fromhex("8f00 0000 0000 0000")
ROUTER = bytes.fromhex("8600 0000 4000 0708 0000 0000 0000 0000")
HOP_BY_HOP = bytes.fromhex("3a00 0104 0000 0000")
_ALL = socket.htons(0x0003)  # ETH_P_ALL


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who a pod is on the wire; `link`: its link-local address."""

    mac: str
    ipv4: str
    ipv6: str
    link: str


def octets(mac: str) -> bytes:
    """Return a MAC's bytes."""
    return bytes.fromhex(mac.replace(":", ""))


def frame(source: str, kind: int, payload: bytes, to: str = BROADCAST) -> bytes:
    """Return an Ethernet frame."""
    return octets(to) + octets(source) + kind.to_bytes(2, "big") + payload


def tagged(untagged: bytes, vlan: int, protocol: int = 0x8100) -> bytes:
    """Return the frame with a VLAN tag. A listener has it without: the kernel takes the tag off as it comes in."""
    return untagged[:12] + pack("!HH", protocol, vlan) + untagged[12:]


def arp(mac: str, sender: str, asked: str, *, inner: str = "", reply: bool = False) -> bytes:
    """Return an ARP packet, in a frame from the MAC; `inner`: the sender's MAC that the packet itself has."""
    who = octets(inner or mac) + IPv4Address(sender).packed
    packet = pack("!HHBBH", 1, 0x0800, 6, 4, 2 if reply else 1) + who + bytes(6) + IPv4Address(asked).packed
    return frame(mac, ARP, packet)


def ipv4(mac: str, sender: str, to: str) -> bytes:
    """Return an empty UDP datagram."""
    header = pack("!BBHHHBBH", 0x45, 0, 28, 1, 0, 64, 17, 0) + IPv4Address(sender).packed + IPv4Address(to).packed
    whole = header[:10] + _checksum(header).to_bytes(2, "big") + header[12:]
    return frame(mac, IPV4, whole + pack("!HHHH", 9, 9, 8, 0))


def ipv6(
    mac: str, sender: str, to: str, body: bytes = bytes.fromhex("0009 0009 0008 0001"), protocol: int = 17,
    extensions: bytes = b"",
) -> bytes:  # fmt: skip
    """Return an IPv6 packet to everybody on the wire, by default an empty datagram; behind extensions, if there are."""
    first = 0 if extensions else protocol
    addresses = IPv6Address(sender).packed + IPv6Address(to).packed
    rest = extensions + body
    return frame(mac, IPV6, pack("!IHBB", 6 << 28, len(rest), first, 255) + addresses + rest, ALL_NODES)


def icmpv6(mac: str, sender: str, body: bytes, to: str = "ff02::1", extensions: bytes = b"") -> bytes:
    """Return a message of ICMPv6."""
    pseudo = IPv6Address(sender).packed + IPv6Address(to).packed + pack("!II", len(body), 58)
    summed = body[:2] + _checksum(pseudo + body).to_bytes(2, "big") + body[4:]
    return ipv6(mac, sender, to, summed, 58, extensions)


def neighbour(kind: int, target: str, option: bytes = b"") -> bytes:
    """Return a neighbour solicitation (135) or advertisement (136), without its checksum."""
    return pack("!BBHI", kind, 0, 0, 0x2000_0000 if kind == 136 else 0) + IPv6Address(target).packed + option


def mac_option(kind: int, mac: str) -> bytes:
    """Return the option with the sender's MAC (1), or the target's (2)."""
    return bytes((kind, 1)) + octets(mac)


def solicit(target: str, option: bytes = b"") -> bytes:
    """Return a neighbour solicitation."""
    return neighbour(135, target, option)


def advertise(target: str, option: bytes = b"") -> bytes:
    """Return a neighbour advertisement."""
    return neighbour(136, target, option)


def honest(me: Sender) -> dict[str, bytes]:
    """Return what a pod may send, by what it is."""
    return {
        "a datagram": ipv4(me.mac, me.ipv4, NOBODY4),
        "ARP that asks": arp(me.mac, me.ipv4, GATEWAY4),
        "ARP that answers": arp(me.mac, me.ipv4, GATEWAY4, reply=True),
        "an ARP probe for its own": arp(me.mac, "0.0.0.0", me.ipv4),
        "IPv6": ipv6(me.mac, me.ipv6, "ff02::1"),
        "IPv6 from its link-local": ipv6(me.mac, me.link, "ff02::1"),
        "a solicitation": icmpv6(me.mac, me.ipv6, solicit(GATEWAY6, mac_option(1, me.mac))),
        "a solicitation from its link-local": icmpv6(me.mac, me.link, solicit(GATEWAY6, mac_option(1, me.mac))),
        "a solicitation without an option": icmpv6(me.mac, me.ipv6, solicit(GATEWAY6)),
        "an advertisement": icmpv6(me.mac, me.ipv6, advertise(me.ipv6, mac_option(2, me.mac))),
        "an advertisement of its link-local": icmpv6(me.mac, me.link, advertise(me.link)),
        "DAD of its own": icmpv6(me.mac, "::", solicit(me.ipv6, bytes.fromhex("0e01 010203040506"))),
        "DAD of its link-local": icmpv6(me.mac, "::", solicit(me.link)),
        "MLD without an address": icmpv6(me.mac, "::", MLD),
        "MLD behind a router alert": icmpv6(me.mac, me.link, MLD, extensions=bytes.fromhex("3a00 0502 0000 0100")),
    }


def forged(me: Sender, other: Sender) -> dict[str, bytes]:
    """Return what it may not send: as another pod, or as what no pod is."""
    return {
        "another MAC": ipv4(other.mac, me.ipv4, NOBODY4),
        "another MAC in ARP": arp(other.mac, me.ipv4, GATEWAY4),
        "another's IPv4": ipv4(me.mac, other.ipv4, NOBODY4),
        "the gateway's IPv4": ipv4(me.mac, GATEWAY4, NOBODY4),
        "no IPv4, as DHCP": ipv4(me.mac, "0.0.0.0", "255.255.255.255"),
        "another's IPv4 in ARP": arp(me.mac, other.ipv4, GATEWAY4),
        "an ARP reply for the gateway": arp(me.mac, GATEWAY4, other.ipv4, reply=True),
        "ARP with another MAC inside": arp(me.mac, me.ipv4, GATEWAY4, inner=other.mac),
        "an ARP probe for another's": arp(me.mac, "0.0.0.0", other.ipv4),
        "another's IPv6": ipv6(me.mac, other.ipv6, "ff02::1"),
        "another's link-local": ipv6(me.mac, other.link, "ff02::1"),
        "no IPv6": ipv6(me.mac, "::", "ff02::1"),
        "an advertisement for another": icmpv6(me.mac, me.ipv6, advertise(other.ipv6, mac_option(2, me.mac))),
        "an advertisement from another": icmpv6(me.mac, other.ipv6, advertise(other.ipv6, mac_option(2, me.mac))),
        "an advertisement with another MAC": icmpv6(me.mac, me.ipv6, advertise(me.ipv6, mac_option(2, other.mac))),
        "an advertisement with two options": icmpv6(
            me.mac, me.ipv6, advertise(me.ipv6, bytes.fromhex("0e01 010203040506") + mac_option(2, other.mac))
        ),
        "an advertisement behind a header": icmpv6(
            me.mac, me.ipv6, advertise(other.ipv6, mac_option(2, me.mac)), extensions=HOP_BY_HOP
        ),
        "a solicitation with another MAC": icmpv6(me.mac, me.ipv6, solicit(GATEWAY6, mac_option(1, other.mac))),
        "DAD of another's": icmpv6(me.mac, "::", solicit(other.ipv6)),
        "a router's advertisement": icmpv6(me.mac, me.link, ROUTER),
        "a redirect": icmpv6(me.mac, me.link, bytes.fromhex("8900") + bytes(38)),
        "a frame of another protocol": frame(me.mac, 0x88CC, bytes(46)),
        "RARP": frame(me.mac, 0x8035, bytes(46)),
    }


def send(namespace: str, ifname: str, *frames: bytes) -> None:
    """Send frames out of a link, as a process in the namespace with CAP_NET_RAW can."""
    with _inside(namespace, ifname) as sender:
        for each in frames:
            with contextlib.suppress(OSError):  # what the kernel says where a rule drops what leaves a link
                sender.send(each)


@contextlib.contextmanager
def wire(namespace: str, ifname: str) -> Iterator[socket.socket]:
    """Listen to whatever comes in by a link, or goes out."""
    with _inside(namespace, ifname) as listener:
        yield listener


def heard(listener: socket.socket, last: bytes) -> list[bytes]:
    """Return all frames that come by until the last one; of these nothing, where it never comes."""
    end, found = time.monotonic() + PATIENCE, list[bytes]()
    while (left := end - time.monotonic()) > 0:
        if select.select([listener], [], [], left)[0]:
            found.append(listener.recv(65536))
            if found[-1].startswith(last):  # some links pad it
                return found
    return []


@contextlib.contextmanager
def _inside(namespace: str, ifname: str) -> Iterator[socket.socket]:
    descriptor = os.open(Path("/run/netns", namespace), os.O_RDONLY)
    try:
        made = netns.call_in(descriptor, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, _ALL))
    finally:
        os.close(descriptor)
    with made:
        made.bind((ifname, 3))
        yield made


def _checksum(data: bytes) -> int:
    whole = data + b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(whole[at : at + 2], "big") for at in range(0, len(whole), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
