"""Asking on the wire whether anyone has an address, and telling the wire who has it: packet sockets and time.

The calling thread must be in the pod's network namespace already. What the frames look like, and what an answer means,
is `packets.py`'s to say. Errors of the kernel leave as OSError.
"""

from __future__ import annotations

import _socket
import errno
import time
from fcntl import ioctl
from ipaddress import IPv4Address
from struct import pack, unpack_from

from podberth.linux import packets
from podberth.linux.patience import again, awaited

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.net.ops import Address

# Seconds that a link which is up may take until its carrier is, too: a new one needs some milliseconds.
CARRIER_WAIT = 1.0
_PAUSE = 0.005

_SIOCGIFFLAGS = 0x8913  # linux/sockios.h
_IFREQ = 40  # bytes, linux/if.h
_IFF_UP = 0x1
_IFF_RUNNING = 0x40
_ARPHRD_ETHER = 1  # linux/if_arp.h
# A frame of a VLAN that is not this link's arrives as PACKET_OTHERHOST (net/core/dev.c, __netif_receive_skb_core): an
# address held in another VLAN is no conflict in this one.
_FOR_US = (_socket.PACKET_HOST, _socket.PACKET_BROADCAST, _socket.PACKET_MULTICAST)


def probe(ifname: str, address: Address, probes: int, interval_ms: int) -> str | None:
    """Ask `probes` times, `interval_ms` apart, who has `address`; return the MAC of the first to claim it, else None.

    It claims it who answers, announces it, or probes for it at the same time (RFC 5227 section 2.1.1, RFC 4862 section
    5.4). The RFCs' timing (up to 1 s before the first of 3 probes, 1-2 s between, 2 s after) is too slow for a pod's
    start: the interval is the operator's, and nothing delays the first. Takes `probes` intervals at most, plus
    CARRIER_WAIT if the link has just come up. Raises OSError: ENETDOWN if the link is down or without carrier, ENODEV.
    """
    sock, mac = _open(ifname, packets.ETH_P_ARP if isinstance(address, IPv4Address) else packets.ETH_P_IPV6)
    group = None
    try:
        if not isinstance(address, IPv4Address):
            group = _join(packets.solicited_node(address).packed, ifname)
        start = time.monotonic()
        for count in range(1, probes + 1):
            sock.settimeout(None)
            _send(sock, packets.probe_of(mac, address))
            for frame in _frames(sock, start + count * interval_ms / 1000):
                found = packets.claimant(frame, address, mac)
                if found is not None:
                    return found
        return None
    finally:
        sock.close()
        if group is not None:
            group.close()


def ask(ifname: str, source: Address, address: Address, probes: int, interval_ms: int) -> str | None:
    """Ask from `source`, an address of the interface, for the MAC of `address`; return it, None if nobody answers.

    It is asked for `probes` times, `interval_ms` apart. The time it takes, and the errors, are those of `probe`.
    """
    sock, mac = _open(ifname, packets.ETH_P_ARP if isinstance(address, IPv4Address) else packets.ETH_P_IPV6)
    try:
        start = time.monotonic()
        for count in range(1, probes + 1):
            sock.settimeout(None)
            _send(sock, packets.question_for(mac, source, address))
            for frame in _frames(sock, start + count * interval_ms / 1000):
                found = packets.answerer(frame, address)
                if found is not None:
                    return found
        return None
    finally:
        sock.close()


def announce(ifname: str, addresses: Iterable[Address]) -> None:
    """Tell all neighbours that `addresses` are at this interface's MAC now: ARP announcements, unsolicited NAs.

    Each goes out twice (RFC 5227 section 2.3, ANNOUNCE_NUM), all once and then all again, but not 2 s apart, as the pod
    wants to start. Raises OSError: ENETDOWN if the link is down or without carrier, ENODEV.
    """
    # Protocol 0 hears nothing, and takes what is sent for what its Ethernet header says.
    sock, mac = _open(ifname, 0)
    try:
        for frame in [packets.announcement_of(mac, address) for address in addresses] * 2:
            _send(sock, frame)
    finally:
        sock.close()


def _open(ifname: str, protocol: int) -> tuple[_socket.socket, str]:
    """Return a packet socket on one interface whose carrier is up, and the interface's MAC."""
    # Given the protocol here already, the socket would hear every interface until it is bound.
    sock = _socket.socket(_socket.AF_PACKET, _socket.SOCK_RAW, 0)
    try:
        sock.bind((ifname, protocol))
        mac = _mac(sock, ifname)
        _await_carrier(sock, ifname)
    except BaseException:
        sock.close()
        raise
    return sock, mac


def _mac(sock: _socket.socket, ifname: str) -> str:
    _, _, _, kind, mac = sock.getsockname()
    if kind != _ARPHRD_ETHER:
        raise OSError(errno.EOPNOTSUPP, f"{ifname} is no Ethernet link (ARPHRD {kind}): it has no neighbours to ask")
    shown: str = mac.hex(":")
    return shown


def _await_carrier(sock: _socket.socket, ifname: str) -> None:
    def running() -> bool:
        (flags,) = unpack_from("H", ioctl(sock.fileno(), _SIOCGIFFLAGS, pack(f"{_IFREQ}s", ifname.encode())), 16)
        if not flags & _IFF_UP:
            raise OSError(errno.ENETDOWN, f"{ifname} is down")
        return bool(flags & _IFF_RUNNING)

    if not awaited(running, CARRIER_WAIT, _PAUSE):
        raise OSError(errno.ENETDOWN, f"{ifname} is up but has no carrier")


def _send(sock: _socket.socket, frame: bytes) -> None:
    """Send a frame; wait while the link, whose carrier is up, still throws it away.

    The kernel shows the carrier a moment before it lets frames through (net/core/link_watch.c, linkwatch_do_dev).
    """
    again(lambda: sock.send(frame), (errno.ENOBUFS,), CARRIER_WAIT, _PAUSE)


def _join(group: bytes, ifname: str) -> _socket.socket:
    """Join the group as whoever probes must (RFC 4862, 5.4.2), or a snooping switch keeps its frames away."""
    sock = _socket.socket(_socket.AF_INET6, _socket.SOCK_DGRAM, 0)
    try:
        member = group + pack("I", _socket.if_nametoindex(ifname))  # struct ipv6_mreq, linux/in6.h
        sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_JOIN_GROUP, member)
    except BaseException:
        sock.close()
        raise
    return sock


def _frames(sock: _socket.socket, end: float) -> Iterator[bytes]:
    """Yield what arrives until the monotonic time `end`, however much it is."""
    while (left := end - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            frame, (_, _, to, *_) = sock.recvfrom(2048)
        except TimeoutError:
            return
        if to in _FOR_US:
            yield frame
