"""Sockets for nf_tables that nobody uses just now, kept by a process that stays.

Closing one waits until nothing of what its last transactions took away is in use: an RCU period
(net/netfilter/nf_tables_api.c, nft_rcv_nl_event).
"""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.linux.netlink.nfnl import Nfnl

_MOST = 8


class Spare:
    """Sockets by the cookie of their network namespace. Threads share it."""

    def __init__(self) -> None:
        self._kept: deque[tuple[str, Nfnl]] = deque()

    def take(self, cookie: str) -> Nfnl | None:
        """Return one of that namespace, which is the caller's alone from then on; None if there is none."""
        try:
            there, socket = self._kept.pop()
        except IndexError:
            return None
        if cookie and there == cookie:
            return socket
        socket.close()
        return None

    def leave(self, cookie: str, socket: Nfnl) -> None:
        """Keep one for the next caller, if there is room."""
        if cookie and len(self._kept) < _MOST:
            self._kept.append((cookie, socket))
        else:
            socket.close()

    def close(self) -> None:
        """Close what is kept."""
        while self._kept:
            self._kept.pop()[1].close()
