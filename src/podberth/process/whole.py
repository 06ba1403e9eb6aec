"""Files that are there as a whole or not at all: a reader has the old content or the new, also after a crash."""

from __future__ import annotations

import fcntl
import os


def write_whole(path: str, content: bytes, mode: int, *, replacing: bool = True) -> bool:
    """Have the file be there with that content and mode, on disk; return whether it was put there. Raises OSError.

    Not `replacing`: a file that is there stays. Writers of one folder take turns. A symbolic link gives way to a file.
    """
    folder, name = os.path.split(path)
    new = os.path.join(folder, f".{name}.podberth-new")
    held = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        _unlink(new)  # of one that was killed here
        try:
            _write(new, content, mode)
            if replacing:
                os.rename(new, path)
            else:
                os.link(new, path)
        except FileExistsError:
            return False
        finally:
            _unlink(new)
        os.fsync(held)
    finally:
        os.close(held)
    return True


def sync(folder: str) -> None:
    """Have the folder's names on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(new: str, content: bytes, mode: int) -> None:
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(descriptor, mode)
        file.flush()
        os.fsync(descriptor)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
