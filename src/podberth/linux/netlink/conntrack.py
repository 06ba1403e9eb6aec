"""Requests about connections that the kernel follows, and what it says of one (linux/netfilter/nfnetlink_conntrack.h).

No I/O. Numbers are in network byte order here, but for the flags of a filter.
"""

from __future__ import annotations

from podberth.linux.netlink import codec
from podberth.linux.netlink.codec import attribute, nested

_OF = 1 << 8  # NFNL_SUBSYS_CTNETLINK
GET, DELETE = _OF | 1, _OF | 2
_FAMILY = {4: 2, 6: 10}  # AF_INET, AF_INET6
_HEADER = 4  # struct nfgenmsg
_ORIGINAL, _ID, _ZONE, _FILTER = 1, 12, 18, 25  # CTA_*
_IP, _PROTOCOL = 1, 2  # CTA_TUPLE_*
_DESTINATION = {4: 2, 6: 4}  # CTA_IP_V4_DST, CTA_IP_V6_DST
_NUMBER, _PORT = 1, 3  # CTA_PROTO_NUM, CTA_PROTO_DST_PORT
_UDP = 17
_BY_NUMBER_AND_PORT = 1 << 3 | 1 << 5  # CTA_FILTER_FLAG(CTA_PROTO_NUM), CTA_FILTER_FLAG(CTA_PROTO_DST_PORT)


def udp_to(version: int, port: int) -> bytes:
    """Flows of UDP to a port (a dump); a kernel before Linux 5.8 gives all there are."""
    protocol = nested(_PROTOCOL, attribute(_NUMBER, bytes([_UDP])), attribute(_PORT, port.to_bytes(2, "big")))
    return _header(version) + nested(_ORIGINAL, protocol) + nested(_FILTER, codec.u32(1, _BY_NUMBER_AND_PORT))


def is_udp_to(body: bytes, version: int, port: int, address: bytes | None) -> bool:
    """Say whether a flow is one of UDP to the port, and to the address if there is one."""
    flow = codec.attributes(codec.attributes(body[_HEADER:]).get(_ORIGINAL, b""))
    protocol, ip = codec.attributes(flow.get(_PROTOCOL, b"")), codec.attributes(flow.get(_IP, b""))
    return (
        protocol.get(_NUMBER) == bytes([_UDP])
        and protocol.get(_PORT) == port.to_bytes(2, "big")
        and address in (None, ip.get(_DESTINATION[version]))
    )


def delete(body: bytes, version: int) -> bytes:
    """Delete the flow that the kernel has told of."""
    found = codec.attributes(body[_HEADER:])
    more = b"".join(attribute(kind, found[kind]) for kind in (_ID, _ZONE) if kind in found)
    return _header(version) + nested(_ORIGINAL, found[_ORIGINAL]) + more


def _header(version: int) -> bytes:
    return bytes([_FAMILY[version], 0, 0, 0])
