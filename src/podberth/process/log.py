"""Lines that go to stderr, or to a file that somebody named: no write waits, and none raises.

A pipe may be full because nobody reads it any more, a terminal may be stopped, a disk full. What can't be written at
once is lost, and counted. A plugin's own process loads this too: it imports next to nothing.
"""

from __future__ import annotations

import os
import stat
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.process.reason import Reason

STDERR, FILE = "stderr", "logFile"
_LOST = {STDERR: 0, FILE: 0}
_OPENED = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def lost() -> dict[str, int]:
    """Return how many lines were lost since this process began, by where they were to go."""
    return dict(_LOST)


def say(line: str) -> bool:
    """Write a line to stderr; say whether it was written."""
    return _counted(STDERR, _said(line.encode(errors="backslashreplace") + b"\n"))


def notice(why: Reason) -> None:
    """Tell of something that is nobody's answer: in words, or as the journal of a process that stays has it."""
    _notices[-1](why)


def have_noticed(by: Callable[[Reason], object]) -> None:
    """Have `by` tell of all that is noticed in this process from here on."""
    _notices.append(by)


def _in_words(why: Reason) -> None:
    say(f"podberth: {why.whole}")


_notices: list[Callable[[Reason], object]] = [_in_words]


def append(path: str, line: bytes) -> str:
    """Append to a file, or to a FIFO that somebody reads. Return why that can't be done, '' if it was.

    Nothing else is opened: a device may do anything to whoever opens it.
    """
    try:
        if not _is_a_file(_kind(path)):
            return _refused("is neither a file nor a FIFO")
        descriptor = os.open(path, _OPENED | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if not _is_a_file(os.fstat(descriptor).st_mode):  # another than a moment ago
                return _refused("is neither a file nor a FIFO")
            written = os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as failure:
        return _refused(getattr(failure, "strerror", None) or str(failure))
    return "" if _counted(FILE, written == len(line)) else "there is no room for the whole line"


def _kind(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return stat.S_IFREG  # it is made


def _is_a_file(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode)


def _refused(why: str) -> str:
    _counted(FILE, done=False)
    return why


def _counted(to: str, done: bool) -> bool:
    if not done:
        _LOST[to] += 1
    return done


class _Stderr:
    """Descriptor 2, opened once more without waiting: the other open file is shared with those who started us."""

    def __init__(self) -> None:
        self._guard = allocate_lock()
        self._of = (-1, -1)
        self._descriptor = -1
        self._torn = False

    def write(self, line: bytes) -> bool:
        try:
            if self._torn:
                line = b"\n" + line
            written = self._write(line)
        except (OSError, ValueError):
            return False
        self._torn = written < len(line)
        return not self._torn

    def _write(self, line: bytes) -> int:
        at = os.fstat(2)
        if stat.S_ISSOCK(at.st_mode):
            return _sent(line)
        if not stat.S_ISFIFO(at.st_mode) and not os.isatty(2):
            return os.write(2, line)
        if self._of != (at.st_dev, at.st_ino):
            self._reopen((at.st_dev, at.st_ino))
        return os.write(self._descriptor, line) if self._descriptor >= 0 else _if_there_is_room(line)

    def _reopen(self, of: tuple[int, int]) -> None:
        with self._guard:
            if self._of == of:
                return
            before = self._descriptor
            try:
                self._descriptor = os.open("/proc/self/fd/2", _OPENED)  # proc(5): a pipe is opened anew
            except PermissionError:  # it is another user's
                self._descriptor = -1
            self._of = of
            if before >= 0:
                os.close(before)


def _if_there_is_room(line: bytes) -> int:
    """Write to a pipe that takes so much now (pipe(7): PIPE_BUF bytes, if it can be written to at all)."""
    import select

    ready = select.poll()
    ready.register(2, select.POLLOUT)
    if len(line) > select.PIPE_BUF or not ready.poll(0):
        raise BlockingIOError
    return os.write(2, line)


def _sent(line: bytes) -> int:
    """Write to a socket, as systemd's journal gives one."""
    import socket

    with socket.socket(fileno=os.dup(2)) as to:
        return to.send(line, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


_said = _Stderr().write
