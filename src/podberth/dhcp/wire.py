"""The sockets of one exchange, in the pod's network namespace: frames where no address is there, else datagrams.

A reply's checksum is not looked at: what another pod or the node itself sends has none yet when it arrives over a veth
(checksum offload). What counts is the number of the exchange and the MAC, which the message has.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from fcntl import ioctl
from ipaddress import IPv4Address
from struct import Struct, pack, unpack_from
from typing import TYPE_CHECKING

from podberth.dhcp.message import LARGEST, BadMessage, Message, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT_PORT, SERVER_PORT = 68, 67
EVERYBODY = IPv4Address("255.255.255.255")
ALL_MACS = b"\xff" * 6
_IP = 0x0800
_UDP = 17
_ETHERNET = 1  # ARPHRD_ETHER
_HEAD = Struct("!6s6sH")
_IPV4 = Struct("!BBHHHBBH4s4s")
_DATAGRAM = Struct("!HHHH")
_FOR_US = (socket.PACKET_HOST, socket.PACKET_BROADCAST, socket.PACKET_MULTICAST)
_ATTACH_FILTER = 26  # SO_ATTACH_FILTER, asm-generic/socket.h
_SIOCGIFFLAGS = 0x8913
_UP_AND_RUNNING = 0x41  # IFF_UP | IFF_RUNNING
_MOST = 64  # frames that are read at a time
_DF = 0x4000
# Classic BPF (linux/filter.h): IPv4, UDP, no fragment, to port 68. Whatever else a pod hears wakes nobody.
_PROGRAM = (
    (0x28, 0, 0, 12), (0x15, 0, 8, _IP), (0x30, 0, 0, 23), (0x15, 0, 6, _UDP), (0x28, 0, 0, 20), (0x45, 4, 0, 0x1FFF),
    (0xB1, 0, 0, 14), (0x48, 0, 0, 16), (0x15, 0, 1, CLIENT_PORT), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0),
)  # fmt: skip


class Wire:
    """A packet socket on one link, and while a lease is renewed a UDP socket too.

    To be made by a thread that is in the namespace. Raises OSError: ENETDOWN while the link has no carrier, ENODEV.
    """

    def __init__(self, ifname: str, source: IPv4Address | None = None) -> None:
        self._datagrams: socket.socket | None = None
        self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        try:
            _filter(self._packets)
            self._packets.bind((ifname, _IP))
            _, _, _, kind, self._mac = self._packets.getsockname()
            _require_carrier(self._packets, ifname, kind)
            if source is not None:
                self._datagrams = _bound(ifname, source)
        except BaseException:
            self.close()
            raise

    @property
    def mac(self) -> bytes:
        """The link's MAC."""
        return bytes(self._mac)

    def fileno(self) -> int:
        """Return the descriptor that is readable when something has come."""
        return self._packets.fileno()

    def close(self) -> None:
        """Close both."""
        self._packets.close()
        if self._datagrams is not None:
            self._datagrams.close()

    def broadcast(self, message: Message) -> None:
        """Send to everybody; from no address, or from that of a lease that is rebound."""
        self._packets.send(frame(self._mac, ALL_MACS, message, EVERYBODY))

    def send(self, message: Message, server: IPv4Address) -> None:
        """Send to the server as any process of the pod would. OSError if that can't be: the address is not there."""
        if self._datagrams is None:
            raise OSError(errno.EADDRNOTAVAIL, "the address is not on the link")
        self._datagrams.sendto(encode(message), (str(server), SERVER_PORT))

    def send_at_once(self, message: Message, server: IPv4Address, mac: bytes) -> None:
        """Send to the server at a known MAC: nothing is left to be resolved when the link goes the next moment."""
        self._packets.send(frame(self._mac, mac, message, server))

    def received(self) -> Iterator[tuple[Message, bytes]]:
        """Yield the messages that have come, each with the MAC of its frame; what is none is passed over."""
        for _ in range(_MOST):
            try:
                octets, (_, _, to, *_) = self._packets.recvfrom(LARGEST + 128)
            except BlockingIOError:
                return
            found = message_in(octets) if to in _FOR_US else None
            if found is not None:
                yield found, octets[6:12]


def frame(mac: bytes, to_mac: bytes, message: Message, to: IPv4Address) -> bytes:
    """Return the Ethernet frame of a message to a server."""
    content = encode(message)
    size = _DATAGRAM.size + len(content)
    pseudo = message.ciaddr.packed + to.packed + pack("!HH", _UDP, size)
    datagram = _DATAGRAM.pack(CLIENT_PORT, SERVER_PORT, size, 0)
    summed = _sum(pseudo + datagram + content) or 0xFFFF
    datagram = _DATAGRAM.pack(CLIENT_PORT, SERVER_PORT, size, summed)
    parts = (0x45, 0x10, _IPV4.size + size, 0, _DF, 64, _UDP)
    head = _IPV4.pack(*parts, 0, message.ciaddr.packed, to.packed)
    head = _IPV4.pack(*parts, _sum(head), message.ciaddr.packed, to.packed)
    return _HEAD.pack(to_mac, mac, _IP) + head + datagram + content


def message_in(octets: bytes) -> Message | None:
    """Return the message of a frame from a server; None if it is anything else."""
    start = _HEAD.size
    if len(octets) < start + _IPV4.size or _HEAD.unpack_from(octets)[2] != _IP:
        return None
    first, _, length, _, fragment, _, protocol, *_ = _IPV4.unpack_from(octets, start)
    words = (first & 0xF) * 4
    at = start + words
    if first >> 4 != 4 or words < _IPV4.size or protocol != _UDP or fragment & 0x3FFF:
        return None
    if len(octets) < max(at + _DATAGRAM.size, start + length):
        return None
    _, to, size, _ = _DATAGRAM.unpack_from(octets, at)
    if to != CLIENT_PORT or not _DATAGRAM.size <= size <= length - words:
        return None
    try:
        return decode(octets[at + _DATAGRAM.size : at + size])
    except BadMessage:
        return None


def _sum(octets: bytes) -> int:
    """Return the Internet checksum (RFC 1071): the one's complement sum is that modulo 65535."""
    padded = octets + b"\0" * (len(octets) % 2)
    return 0xFFFF - int.from_bytes(padded, "big") % 0xFFFF


def _bound(ifname: str, source: IPv4Address) -> socket.socket | None:
    """Return a UDP socket at the pod's address; None if the address is not there, or the port is another's."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, os.fsencode(ifname) + b"\0")
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # what comes is read as frames
        made.bind((str(source), CLIENT_PORT))
    except OSError:
        made.close()
        return None
    return made


def _require_carrier(packets: socket.socket, ifname: str, kind: int) -> None:
    if kind != _ETHERNET:
        raise OSError(errno.EOPNOTSUPP, f"{ifname} is no Ethernet link (ARPHRD {kind})")
    (flags,) = unpack_from("H", ioctl(packets, _SIOCGIFFLAGS, pack("40s", ifname.encode())), 16)
    if flags & _UP_AND_RUNNING != _UP_AND_RUNNING:
        raise OSError(errno.ENETDOWN, f"{ifname} has no carrier")


def _filter(packets: socket.socket) -> None:
    program = ctypes.create_string_buffer(b"".join(pack("HBBI", *line) for line in _PROGRAM))
    packets.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, pack("HP", len(_PROGRAM), ctypes.addressof(program)))
