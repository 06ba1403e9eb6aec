"""Real traffic between network namespaces: servers that accept, and whether they can be reached."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, TypeVar

from podberth.linux import netns

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
SECONDS = 0.5  # within which an answer comes that does come, on a machine that is not busy
SLOWER = 50  # times as long as a thread takes to begin in the namespace: on a busy one


def called(path: str, function: Callable[[], T]) -> T:
    """Return what a function returns inside the namespace at a path."""
    descriptor = netns.open_at(path)
    try:
        return netns.call_in(descriptor, function)
    finally:
        os.close(descriptor)


def serving(path: str, port: int, address: str = "::") -> socket.socket:
    """Return a TCP server inside; without an address one for both IP versions."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    both = address == "::"
    return called(path, lambda: socket.create_server((address, port), family=family, backlog=512, dualstack_ipv6=both))


def dialled(path: str, address: str, port: int, source: str = "") -> socket.socket | None:
    """Return a connection from inside; None if none comes about."""
    began = time.monotonic()

    def dial() -> socket.socket | None:
        patience = max(SECONDS, SLOWER * (time.monotonic() - began))
        try:
            return socket.create_connection((address, port), patience, (source, 0) if source else None)
        except OSError:
            return None

    return called(path, dial)


def reaches(path: str, address: str, port: int = 80, source: str = "") -> bool:
    """Say whether a server can be reached from inside."""
    found = dialled(path, address, port, source)
    if found is not None:
        found.close()
    return found is not None


def listening(path: str, port: int) -> socket.socket:
    """Return a UDP socket inside, for IPv4."""

    def opened() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.settimeout(SECONDS)
        made.bind(("", port))
        return made

    return called(path, opened)


def hears(path: str, address: str, port: int, there: socket.socket) -> bool:
    """Say whether a datagram from inside gets to the socket that listens there."""
    mark, began = os.urandom(8), time.monotonic()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            try:
                out.sendto(mark, (address, port))
            except PermissionError:
                pass  # the kernel says so where its own rules drop it

    called(path, send)
    there.settimeout(max(SECONDS, SLOWER * (time.monotonic() - began)))
    try:
        return there.recv(64) == mark
    except TimeoutError:
        return False
