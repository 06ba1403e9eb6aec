"""Frames that a pod forges: sent by a packet socket in its namespace, and looked for where they would come out."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

from podberth.linux import netns

if TYPE_CHECKING:
    from collections.abc import Iterator

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
ALL_NODES, BROADCAST = "33:33:00:00:00:01", "ff:ff:ff:ff:ff:ff"
_ALL = socket.htons(0x0003)  # ETH_P_ALL
_WAIT = 1.0  # seconds for a frame that is not dropped


def octets(mac: str) -> bytes:
    """Return a MAC's bytes."""
    return bytes.fromhex(mac.replace(":", ""))


def frame(source: str, kind: int, payload: bytes, to: str = BROADCAST) -> bytes:
    """Return an Ethernet frame."""
    return octets(to) + octets(source) + kind.to_bytes(2, "big") + payload


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
    end, found = time.monotonic() + _WAIT, list[bytes]()
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
