"""What keeps a store from being written: the disk under it. Imported only once something has failed."""

from __future__ import annotations

import os

from podberth.cni.errors import DiskFull, StoreFailed, TryAgainLater
from podberth.stores.sqlite.failing import CannotWrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Error

NO_SPACE, _READ_ONLY = (28, 122), 30  # ENOSPC, EDQUOT; EROFS
_PAGE = 64 * 1024  # bytes: the index of a log is 32 KiB, and a commit some pages


def translated(path: str, failure: OSError | Error) -> StoreFailed | TryAgainLater:
    """Return SQLite's or the system's error as the CNI error it amounts to."""
    code = getattr(failure, "sqlite_errorname", "")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return TryAgainLater(
            f"{path} has been locked by another process for too long", "see who has it open: fuser -v " + path
        )
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreFailed(f"{path} is damaged: {failure}", "restore it from a backup; `podberth doctor` checks a copy")
    return trouble(path, code, getattr(failure, "errno", None)) or StoreFailed(
        f"{path}: {failure}", "`podberth doctor` says what is wrong with the state directory"
    )


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
