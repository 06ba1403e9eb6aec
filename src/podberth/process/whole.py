"""Files that are there as a whole or not at all: a reader has the old content or the new, also after a crash."""

from __future__ import annotations

import fcntl
import os


def write_whole(path: str, content: bytes, mode: int, *, replacing: bool = True) -> bool:
    """Have the file be there with that content and mode, on disk; return whether it was put there. Raises OSError.

    Not `replacing`: a file that is there stays. Writers of one folder take turns. A symbolic link gives way to a file.
    """
    folder, name = os.path.split(path)
    new, before = (os.path.join(folder, f".{name}.podberth-{which}") for which in ("new", "before"))
    held = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        _unlink(new)  # of one that was killed here
        try:
            _write(new, content, mode)
            if replacing:
                _keep(path, before)
                os.rename(new, path)
            else:
                os.link(new, path)
        except FileExistsError:
            return False
        finally:
            _unlink(new)
        _settle(held, path, before)
    finally:
        os.close(held)
    return True


def _keep(path: str, before: str) -> None:
    """Have the file that is about to be replaced be there under another name too, if there is one."""
    _unlink(before)
    try:
        os.link(path, before, follow_symlinks=False)
    except FileNotFoundError:
        pass


def _settle(held: int, path: str, before: str) -> None:
    """Have the folder on disk. If the disk fails, the name is as it was: whoever tries again does all of it again.

    The kernel would take the change for written the next time it is asked.
    """
    try:
        os.fsync(held)
    except OSError:
        try:
            os.rename(before, path)
        except FileNotFoundError:
            os.unlink(path)
        raise
    _unlink(before)


def sync(path: str) -> None:
    """Have a file's content, or a folder's names, on disk (fsync(2)). Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
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
