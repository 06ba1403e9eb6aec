"""How many callers wait at a listening socket."""

from __future__ import annotations

import os

from podberth.linux.netlink import unix_sockets
from podberth.linux.netlink.socket import Netlink


def waiting(descriptor: int) -> int | None:
    """Return how many connections wait in a Unix socket's backlog (listen(2)); None if the kernel does not tell.

    `ss --unix --listening` shows the same as Recv-Q. It needs CONFIG_UNIX_DIAG, and a socket of this network namespace.
    """
    try:
        socket = Netlink(unix_sockets.FAMILY)
        try:
            found = socket.get(unix_sockets.GET, unix_sockets.lengths_of(os.fstat(descriptor).st_ino))
        finally:
            socket.close()
    except OSError:
        return None
    return unix_sockets.parse_lengths(found)[0] if found is not None else None
