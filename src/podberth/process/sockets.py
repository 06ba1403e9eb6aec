"""Unix sockets of a process: made at a path for root alone, or handed on by systemd or by the process before."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HANDED = 3  # SD_LISTEN_FDS_START: the first descriptor that systemd, or the process before, hands on


def listen(path: Path, backlog: int, remedy: str) -> socket.socket:
    """Make the socket at `path`, for root only, in place of one that nobody listens on.

    Its folder exists. FileExistsError if there is something else than a socket, or somebody listens: then it ends with
    the remedy. OSError if it can't be made.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            if path.exists() and not path.is_socket():
                raise FileExistsError(f"{path}: there is something else than a socket") from None
        else:
            raise FileExistsError(f"{path}: {remedy}")
    made = replaced(path)
    made.listen(backlog)
    return made


def replaced(path: Path) -> socket.socket:
    """Make a socket at `path`, for root only, in place of what is there; it does not listen yet. OSError."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _for_root_only():
        made.bind(str(path))
    return made


def handed_on() -> tuple[socket.socket | None, str]:
    """Return the socket that was handed on to this process, and its name (sd_listen_fds(3)); None if there is none.

    The variables that say so are gone afterwards. OSError if there are several sockets.
    """
    mine, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    name = os.environ.pop("LISTEN_FDNAMES", "")
    if mine != str(os.getpid()) or not count.isdecimal() or count == "0":
        return None, ""
    if count != "1":
        raise OSError(f"LISTEN_FDS: expected one socket, got {count}")
    os.set_inheritable(HANDED, False)
    return socket.socket(fileno=HANDED), name


@contextmanager
def _for_root_only() -> Iterator[None]:
    """Have the sockets that are bound meanwhile readable and writable for their owner alone (umask(2))."""
    before = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(before)
