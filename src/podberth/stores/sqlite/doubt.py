"""A file whose disk did not take what was written to it. Imported only then.

The kernel forgets what it could not write: it takes the pages for written, says so to each descriptor once, and the
next fdatasync succeeds. So the file is in doubt, and a file beside it says so to other processes. Nobody writes until
all that was committed has been written once more, to the database itself, and that is read and found whole.
"""

from __future__ import annotations

import _sqlite3 as sqlite3
import os

from podberth.cni.errors import DiskFull, StoreFailed, TryAgainLater
from podberth.stores.sqlite.disk import NO_SPACE, translated
from podberth.stores.sqlite.failing import DOUBT


def note(path: str) -> None:
    """Note that the file is in doubt, for every other process too."""
    try:
        os.close(os.open(path + DOUBT, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError:
        pass  # nothing can be written there: this process knows, and others can't write either


def doubted(path: str, failure: OSError) -> StoreFailed | TryAgainLater:
    """Return the error of whoever waited for the disk."""
    if failure.errno in NO_SPACE:
        return translated(path, failure)
    return StoreFailed(
        f"{path}: the disk did not take what was written ({failure.strerror}); what this call asked for may be lost",
        "see `dmesg` for why; the next call writes all again and checks the file: nothing is written until that holds",
    )


def check(path: str, connection: sqlite3.Connection) -> None:
    """Write all that is committed to the database once more, read it, and take the doubt away.

    StoreFailed if that can't be done, TryAgainLater while others read the file: nobody may write then.
    """
    try:
        connection.execute("PRAGMA synchronous = FULL")
        (others, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.execute("PRAGMA synchronous = NORMAL")
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as failure:
        known = translated(path, failure)
        raise known if isinstance(known, DiskFull) else _in_doubt(path, str(failure)) from failure
    if others:
        raise TryAgainLater(
            f"{path} has to be checked, since the disk did not take what was written, and others are reading it",
            f"try again in a moment; fuser -v {path} shows who has it open",
        )
    if found != "ok":
        raise _in_doubt(path, found)
    try:
        os.unlink(path + DOUBT)
    except FileNotFoundError:
        pass  # another process was faster, or it could not be noted


def _in_doubt(path: str, why: str) -> StoreFailed:
    return StoreFailed(
        f"{path} is not written: the disk did not take what was written before, and the check failed: {why}",
        "see `dmesg`, put the store on a disk that works, from a backup if need be; each call checks it again",
    )
