"""A link's counters (struct rtnl_link_stats64 of linux/if_link.h) as bytes and values. No I/O."""

from __future__ import annotations

from struct import Struct

from podberth.linux.netlink import codec
from podberth.net.vf import Counters

_INFO = Struct("=BxHiII")  # struct ifinfomsg
_STATS64 = 23
# packets, bytes, errors and drops, each received and sent; then multicast. There is more behind.
_COUNTS = Struct("=9Q")


def ask(index: int) -> bytes:
    """ip -statistics link show, of the link with that index."""
    return _INFO.pack(0, 0, index, 0, 0)


def parse(body: bytes) -> Counters:
    """Read the answer to `ask`. ValueError if it is cut short."""
    codec.header(_INFO, body)
    counted = codec.attributes(body[_INFO.size :]).get(_STATS64, b"")
    received, sent, in_bytes, out_bytes, _, _, in_drops, out_drops, multicast = codec.header(_COUNTS, counted)
    return Counters(
        counted_by="interface",
        rx_packets=received,
        tx_packets=sent,
        rx_bytes=in_bytes,
        tx_bytes=out_bytes,
        rx_dropped=in_drops,
        tx_dropped=out_drops,
        multicast=multicast,
    )
