"""Questions about what all links of a namespace have in common (linux/netconf.h). No I/O."""

from __future__ import annotations

from podberth.linux.netlink import codec

GET = 82  # RTM_GETNETCONF

_FAMILY = {4: 2, 6: 10}  # AF_INET, AF_INET6
_HEADER = 4  # struct netconfmsg: family, padded
_IFINDEX, _FORWARDING = 1, 2  # NETCONFA_*
_ALL = 0xFFFFFFFF  # NETCONFA_IFINDEX_ALL, -1


def of_all(version: int) -> bytes:
    """sysctl net.ipv4.conf.all, or net.ipv6.conf.all."""
    return bytes([_FAMILY[version], 0, 0, 0]) + codec.u32(_IFINDEX, _ALL)


def parse_forwarding(body: bytes) -> bool:
    """Read whether forwarding is on."""
    return codec.number(codec.attributes(body[_HEADER:]).get(_FORWARDING)) == 1
