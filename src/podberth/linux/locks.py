"""Locks between all processes and threads of a node: one file, a byte of it for each key.

An open file description lock (fcntl(2), F_OFD_SETLK) belongs to the descriptor that took it: it is gone with the
process, holds between threads too, and leaves nothing behind but the one file. Nobody is woken when it becomes free,
so the threads of one process first take turns among themselves.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from _thread import allocate_lock

from podberth.cni.errors import StoreFailed, TryAgainLater

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from types import TracebackType

_SET = 37  # F_OFD_SETLK, linux/fcntl.h
_FLOCK = "=hhxxxxqqixxxx"  # struct flock: type, whence, start, length, pid
_PRIME = 2**61 - 1
_PAUSE = 0.002  # seconds between two attempts, at first; it doubles up to a tenth of a second


class Locks:
    """The locks of one file, for the threads of a process to share."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._guard = allocate_lock()
        self._turns: dict[str, tuple[LockType, int]] = {}  # with how many threads are at it

    def hold(self, key: str, seconds: float) -> Locked:
        """Return a context that holds the lock of `key`; TryAgainLater if somebody else holds it for `seconds`."""
        return Locked(self, key, seconds)

    def join(self, key: str) -> LockType:
        """Return what the threads that want the key take turns with; `leave` afterwards."""
        with self._guard:
            turn, threads = self._turns.get(key) or (allocate_lock(), 0)
            self._turns[key] = turn, threads + 1
        return turn

    def leave(self, key: str) -> None:
        """Forget the turns of the key with the last thread that is at it."""
        with self._guard:
            turn, threads = self._turns.pop(key)
            if threads > 1:
                self._turns[key] = turn, threads - 1


class Locked:
    """A context that holds the lock of `key`."""

    def __init__(self, locks: Locks, key: str, seconds: float) -> None:
        self._locks = locks
        self._path = locks.path
        self._key = key
        self._seconds = seconds
        self._descriptor = -1

    def __enter__(self) -> None:
        end = time.monotonic() + self._seconds
        self._turn = self._locks.join(self._key)
        if not self._turn.acquire(timeout=self._seconds):
            self._locks.leave(self._key)
            raise self._busy()
        try:
            self._take(end)
        except BaseException:
            self._release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._release()

    def _release(self) -> None:
        self._turn.release()
        self._locks.leave(self._key)

    def _take(self, end: float) -> None:
        wanted = fcntl.F_WRLCK
        try:
            self._descriptor = self._opened()
        except OSError as failure:
            if failure.errno not in (errno.EROFS, errno.ENOSPC, errno.EDQUOT):
                raise StoreFailed(
                    f"{self._path}: {failure.strerror}", "the state directory has to be writable"
                ) from failure
            # Nothing new can be recorded there. A DEL that has nothing to do is kept from nothing but whoever has the
            # lock since before; without a file there is nobody.
            self._descriptor, wanted = self._looking(), fcntl.F_RDLCK
        if self._descriptor < 0:
            return
        try:
            self._wait(end, wanted)
        except BaseException:
            os.close(self._descriptor)
            raise

    def _looking(self) -> int:
        try:
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return -1

    def _busy(self) -> TryAgainLater:
        return TryAgainLater(
            f"{self._key} has been busy for {self._seconds:.0f} s on this node",
            "another call is at it: `podberth trace` shows the agent's calls",
        )

    def _opened(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self._path, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            return os.open(self._path, flags, 0o600)

    def _wait(self, end: float, kind: int) -> None:
        offset = int.from_bytes(self._key.encode(), "big") % _PRIME
        wanted = struct.pack(_FLOCK, kind, os.SEEK_SET, offset, 1, 0)
        pause = _PAUSE
        while True:
            try:
                fcntl.fcntl(self._descriptor, _SET, wanted)
            except OSError as failure:
                if failure.errno not in (errno.EAGAIN, errno.EACCES):
                    raise StoreFailed(
                        f"{self._path}: {failure.strerror}", "a lock needs a file system that has locks, as /run has"
                    ) from failure
            else:
                return
            if time.monotonic() > end:
                raise self._busy()
            time.sleep(pause)
            pause = min(pause * 2, 0.1)
