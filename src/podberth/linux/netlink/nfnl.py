"""The nfnetlink socket: questions about nf_tables, and transactions, in which all is done or nothing."""

from __future__ import annotations

import _socket

from podberth.linux.netlink import codec, nft
from podberth.linux.netlink.socket import Netlink, NetlinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_NETFILTER = 12  # NETLINK_NETFILTER
_SNDBUFFORCE = 32  # SO_SNDBUFFORCE, asm-generic/socket.h
_SMALL = 1 << 16  # bytes that fit into any send buffer: a transaction has to be sent at once


class Nfnl(Netlink):
    """A socket for nf_tables."""

    def __init__(self) -> None:
        super().__init__(_NETFILTER)

    def batch(self, requests: Sequence[nft.Request], generation: int = 0) -> None:
        """Have the kernel do all the requests, or none. NetlinkError for the first that it refuses.

        With a generation, ERESTART if anything has changed since that.
        """
        first = self.sequence + 1
        last = first + len(requests)
        self.sequence = last + 1
        sent = [codec.message(nft.BATCH_BEGIN, codec.REQUEST, first, nft.begin(generation))]
        for sequence, (kind, flags, body) in enumerate(requests, first + 1):
            ack = codec.ACK if sequence == last else 0  # what is refused is answered anyway
            sent.append(codec.message(kind, codec.REQUEST | ack | flags, sequence, body))
        sent.append(codec.message(nft.BATCH_END, codec.REQUEST, last + 1, nft.end()))
        batch = b"".join(sent)
        if len(batch) > _SMALL:
            self._socket.setsockopt(_socket.SOL_SOCKET, _SNDBUFFORCE, 2 * len(batch))
        self.send(batch)
        self._acknowledged(first, last)

    def _acknowledged(self, first: int, last: int) -> None:
        refused: NetlinkError | None = None
        while True:
            for answer in self.receive():
                if answer.kind != codec.ERROR or not first <= answer.sequence <= last:
                    continue
                code, words = codec.error(answer)
                if code and refused is None:
                    refused = NetlinkError(code, words)
                # What is said of the beginning is said of the whole, and nothing more is to be waited for.
                if answer.sequence == last or (code and answer.sequence == first):
                    if refused is not None:
                        raise refused
                    return
