"""What keeps a store from being written: the disk under it. Imported only once something has failed."""

from __future__ import annotations

import os

from podberth.cni.errors import DiskFull
from podberth.stores.sqlite.database import CannotWrite

NO_SPACE, _READ_ONLY = (28, 122), 30  # ENOSPC, EDQUOT; EROFS
_PAGE = 64 * 1024  # bytes: the index of a log is 32 KiB, and a commit some pages


def trouble(path: str, code: str, number: int | None) -> CannotWrite | DiskFull | None:
    """Return what the disk has to do with an error of SQLite (`code`) or of the system (`number`); None if nothing."""
    if code.startswith("SQLITE_FULL") or number in NO_SPACE:
        return no_space(path)
    if number == _READ_ONLY or code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR")):
        return of_the_disk(path)
    return None


def no_space(path: str) -> DiskFull:
    """Return the refusal of a disk that is full."""
    return DiskFull(f"{path} can't grow: the disk is full", "free some space; nothing was changed")


def of_the_disk(path: str) -> CannotWrite | DiskFull | None:
    """Return why nothing can be written, by what the directory's file system says; SQLite's own words do not tell."""
    directory = os.path.dirname(path) or "."
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory) or "/"
    try:
        disk = os.statvfs(directory)
    except OSError:
        return None
    if disk.f_flag & os.ST_RDONLY:
        return CannotWrite(
            f"{path} can't be written: its file system is mounted read-only",
            f"see `dmesg` for why, and mount it writable again: {directory}",
        )
    if disk.f_bavail * disk.f_frsize < _PAGE or (disk.f_files and not disk.f_favail):
        return no_space(path)
    if not os.access(path if os.path.exists(path) else directory, os.W_OK):
        return CannotWrite(f"{path} can't be written: permission denied", "run as root, or name a store of yours")
    return None
