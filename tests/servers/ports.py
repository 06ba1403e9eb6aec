"""Ports of the loopback interface for servers that are started later, and again: nobody else gets one meanwhile.

A port that the kernel has chosen is anybody's again once its socket is closed. So these are below those that the kernel
chooses from (ip(7), ip_local_port_range), and each is locked by a file until this process ends.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

PORTS = range(20000, 32000)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, and that no other test process is given."""
    folder = Path(tempfile.gettempdir(), f"podberth-ports-{os.geteuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(found) == count:
            return found
        if _locked(folder / str(port)) and _unused(port):
            found.append(port)
    raise OSError(f"of the ports {PORTS[0]} to {PORTS[-1]} too few are free")


def _locked(file: Path) -> bool:
    """Lock a file for as long as this process lives; return whether it could be had."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    return True


def _unused(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
