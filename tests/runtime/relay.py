"""The way from a node's own loopback to a server outside of its network: a port there, a socket of files between.

`python -m tests.runtime.relay PORT SOCKET` is the end on the node.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from tests.checkout import ROOT
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.runtime.node import Node


@contextlib.contextmanager
def relayed(node: Node, port: int, folder: Path) -> Iterator[None]:
    """Have 127.0.0.1:PORT on the node lead to the same port here."""
    path = folder / "relay.sock"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen(64)
    threading.Thread(
        target=serve, args=(listening, lambda: socket.create_connection(("127.0.0.1", port))), daemon=True
    ).start()
    command = node.command(sys.executable, "-m", "tests.runtime.relay", str(port), str(path))
    end = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        until(lambda: node.succeeds("sh", "-c", f"ss -Hltn sport = :{port} | grep -q ."), "the relay does not listen")
        yield
    finally:
        end.kill()
        end.wait()
        listening.close()


def serve(listening: socket.socket, connect: Callable[[], socket.socket]) -> None:
    """Carry each connection to a new one."""
    while True:
        try:
            taken, _ = listening.accept()
        except OSError:
            return
        try:
            other = connect()
        except OSError:
            taken.close()
            continue
        threading.Thread(target=_both, args=(taken, other), daemon=True).start()


def _both(one: socket.socket, two: socket.socket) -> None:
    with one, two:
        back = threading.Thread(target=_carry, args=(two, one), daemon=True)
        back.start()
        _carry(one, two)
        back.join()


def _carry(one: socket.socket, two: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := one.recv(1 << 16):
            two.sendall(piece)
    with contextlib.suppress(OSError):
        two.shutdown(socket.SHUT_WR)


def main() -> None:
    """Listen on the node."""

    def connect() -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.connect(sys.argv[2])
        return made

    serve(socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64), connect)


if __name__ == "__main__":
    main()
