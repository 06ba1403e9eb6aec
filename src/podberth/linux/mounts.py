"""What inotify does not tell: whether something was mounted, and which file systems are changed from elsewhere."""

from __future__ import annotations

import ctypes
import os
import select
import sys

_libc = ctypes.CDLL(None, use_errno=True)
_STATFS = (
    256  # bytes; struct statfs is smaller and begins with a long, f_type; where it does not, nothing passes for local
)
# statfs(2): file systems that only this kernel changes, so that it knows of every change.
_LOCAL = {
    "ext4": 0xEF53,
    "xfs": 0x58465342,
    "btrfs": 0x9123683E,
    "tmpfs": 0x01021994,
    "ramfs": 0x858458F6,
    "overlay": 0x794C7630,
    "f2fs": 0xF2F52010,
    "zfs": 0x2FC12FC1,
    "squashfs": 0x73717368,
    "erofs": 0xE0F5E1E2,
    "bcachefs": 0xCA451A4E,
}
_KINDS = frozenset(_LOCAL.values())


def told(path: str) -> bool:
    """Say whether inotify tells of every change there: not of what other machines, or programs behind FUSE, change."""
    buffer = ctypes.create_string_buffer(_STATFS)
    if _libc.statfs(os.fsencode(path), buffer) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)
    kind = int.from_bytes(buffer.raw[: ctypes.sizeof(ctypes.c_long)], sys.byteorder)
    return kind & 0xFFFFFFFF in _KINDS


class Mounts:
    """The mounts of this process's mount namespace, to be asked whether they have changed (proc_pid_mountinfo(5))."""

    def __init__(self) -> None:
        self._file = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLPRI)

    def fileno(self) -> int:
        """Return the descriptor: it has POLLPRI after a change, until somebody has polled it."""
        return self._file

    def changed(self) -> bool:
        """Say whether anything was mounted or unmounted since this was asked last."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
