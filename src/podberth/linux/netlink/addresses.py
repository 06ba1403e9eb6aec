"""Requests about addresses, and what the kernel says of one (linux/if_addr.h). No I/O."""

from __future__ import annotations

from ipaddress import ip_interface
from struct import Struct

from podberth.linux.netlink import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.ops import Interface

NEW, DEL, GET = 20, 21, 22  # RTM_NEWADDR and on

_ADDR = Struct("=BBBBI")  # struct ifaddrmsg: family, prefix length, flags, scope, index
_FAMILY = {4: 2, 6: 10}  # AF_INET, AF_INET6
_ADDRESS, _LOCAL, _BROADCAST, _FLAGS = 1, 2, 4, 8
_NODAD, _PERMANENT, _NOPREFIXROUTE = 0x02, 0x80, 0x200


def add(index: int, address: Interface, *, connected: bool = True) -> bytes:
    """ip address add ADDRESS dev INDEX; nodad for IPv6: the ledger has decided whose it is already.

    Not `connected`: noprefixroute.
    """
    alone = 0 if connected else _NOPREFIXROUTE
    if address.version == 6:
        return delete(index, address) + codec.u32(_FLAGS, _NODAD | alone)
    broadcast = address.network.broadcast_address.packed if address.network.prefixlen < 31 else None
    flags = codec.u32(_FLAGS, alone) if alone else b""
    return delete(index, address) + (codec.attribute(_BROADCAST, broadcast) if broadcast else b"") + flags


def delete(index: int, address: Interface) -> bytes:
    """ip address del ADDRESS dev INDEX."""
    packed = address.ip.packed
    header = _ADDR.pack(_FAMILY[address.version], address.network.prefixlen, 0, 0, index)
    return header + codec.attribute(_LOCAL, packed) + codec.attribute(_ADDRESS, packed)


def of_link(index: int, family: int) -> bytes:
    """ip address show dev INDEX (a dump)."""
    return _ADDR.pack(_FAMILY[family], 0, 0, 0, index)


def every(family: int) -> bytes:
    """ip address show (a dump)."""
    return of_link(0, family)


def is_lasting(body: bytes) -> bool:
    """Say whether somebody has set the address of an RTM_NEWADDR: DHCP and routers lend theirs for some time."""
    flags = codec.number(codec.first(body[_ADDR.size :], _FLAGS), codec.header(_ADDR, body)[2])
    return bool(flags & _PERMANENT)


def parse(body: bytes) -> tuple[int, Interface]:
    """Read what follows the header of an RTM_NEWADDR: (index of the link, address)."""
    _, prefix, _, _, index = codec.header(_ADDR, body)
    found = codec.attributes(body[_ADDR.size :])
    packed = found.get(_LOCAL, found.get(_ADDRESS, b""))
    return index, ip_interface((packed, prefix))
