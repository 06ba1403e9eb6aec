"""What the kernel tells about changes below watched paths: inotify(7), which Python's library has no call for.

Who wants to know what of it is no business of this module.
"""

from __future__ import annotations

import ctypes
import os
import struct

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_libc = ctypes.CDLL(None, use_errno=True)
_HEAD = struct.Struct("=iIII")  # struct inotify_event: wd, mask, cookie, length of the name with its NULs
_ROOM = 1 << 16  # bytes read at a time
_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_ONLYDIR, _DONT_FOLLOW, _MASK_ADD = 0x01000000, 0x02000000, 0x20000000
_ALL = _DELETE_SELF | _MOVE_SELF | _DONT_FOLLOW | _MASK_ADD  # an inode may be watched for several reasons
NAMES = _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _ONLYDIR | _ALL  # what a directory lists
CONTENT = _MODIFY | _ATTRIB | _CLOSE_WRITE | _ALL  # of a file, by whatever name it is written to
OVERFLOW, IGNORED = 0x4000, 0x8000


@value
class Event:
    """One event: of the watch `wd`, -1 for an overflow. `name` is what it is about in a directory, or ''."""

    wd: int
    mask: int
    name: str

    @property
    def lost(self) -> bool:
        """Whether events were lost before this one (fs.inotify.max_queued_events)."""
        return bool(self.mask & OVERFLOW)

    @property
    def last(self) -> bool:
        """Whether the watch is no more: its inode is gone, or was unmounted."""
        return bool(self.mask & IGNORED)


def events(read: bytes) -> Iterator[Event]:
    """Yield the events in what was read."""
    at = 0
    while at < len(read):
        wd, mask, _, length = _HEAD.unpack_from(read, at)
        at += _HEAD.size
        yield Event(wd=wd, mask=mask, name=os.fsdecode(read[at : at + length].rstrip(b"\0")))
        at += length


class Inotify:
    """One queue of events. OSError EMFILE if this user has too many of them (fs.inotify.max_user_instances)."""

    def __init__(self) -> None:
        self._descriptor = _checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))

    def fileno(self) -> int:
        """Return the descriptor: readable when there are events."""
        return self._descriptor

    def watch(self, path: str, mask: int) -> int:
        """Watch what is at the path; an inode that is watched keeps its number (inotify_add_watch(2)).

        OSError ENOSPC beyond fs.inotify.max_user_watches.
        """
        return _checked(_libc.inotify_add_watch(self._descriptor, os.fsencode(path), mask), path)

    def forget(self, wd: int) -> None:
        """End a watch; nothing happens if the kernel has ended it."""
        _libc.inotify_rm_watch(self._descriptor, wd)

    def read(self) -> Iterator[Event]:
        """Yield what is in the queue, without waiting: it has all that other system calls had done before this one."""
        while True:
            try:
                read = os.read(self._descriptor, _ROOM)
            except BlockingIOError:
                return
            yield from events(read)

    def close(self) -> None:
        """End every watch."""
        os.close(self._descriptor)


def _checked(returned: int, path: str | None = None) -> int:
    if returned < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)
    return returned
