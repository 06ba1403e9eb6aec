"""Locks between all processes and threads of a node: one file, a byte of it for each key.

An open file description lock (fcntl(2), F_OFD_SETLK) belongs to the descriptor that took it: it is gone with the
process, holds between threads too, and leaves nothing behind but the one file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time

from podberth.cni.errors import StoreFailed, TryAgainLater

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_SET = 37  # F_OFD_SETLK, linux/fcntl.h
_FLOCK = "=hhxxxxqqixxxx"  # struct flock: type, whence, start, length, pid
_PRIME = 2**61 - 1
_PAUSE = 0.002  # seconds between two attempts, at first; it doubles up to a tenth of a second


class Locked:
    """A context that holds the lock of `key`; TryAgainLater if somebody else holds it for `seconds`."""

    def __init__(self, path: str, key: str, seconds: float) -> None:
        self._path = path
        self._key = key
        self._seconds = seconds
        self._descriptor = -1

    def __enter__(self) -> None:
        try:
            self._descriptor = self._opened()
        except OSError as failure:
            raise StoreFailed(
                f"{self._path}: {failure.strerror}", "the state directory has to be writable"
            ) from failure
        try:
            self._wait()
        except BaseException:
            os.close(self._descriptor)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def _opened(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self._path, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            return os.open(self._path, flags, 0o600)

    def _wait(self) -> None:
        offset = int.from_bytes(self._key.encode(), "big") % _PRIME
        wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0)
        end, pause = time.monotonic() + self._seconds, _PAUSE
        while True:
            try:
                fcntl.fcntl(self._descriptor, _SET, wanted)
            except OSError as failure:
                if failure.errno not in (errno.EAGAIN, errno.EACCES):
                    raise StoreFailed(f"{self._path}: {failure.strerror}") from failure
            else:
                return
            if time.monotonic() > end:
                raise TryAgainLater(f"{self._key} has been busy for {self._seconds:.0f} s on this node")
            time.sleep(pause)
            pause = min(pause * 2, 0.1)
