"""A store's file that was replaced while a process had it open: whether the new one goes on from the old one.

Two processes with two files under one name would give one address to two pods. So the file is looked at in each
transaction (device and inode), and a new one is used only if it has what the old one has.
"""

from __future__ import annotations

import _sqlite3 as sqlite3  # the package around it imports datetime, which nothing on the ADD path needs
import fcntl
import os
import struct

from podberth.cni.errors import StoreFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Identity: TypeAlias = tuple[int, int]  # device, inode
    # Of each kind of row that a new file must have: its name, a query for all of them, and one for the same row.
    Kept: TypeAlias = tuple[tuple[str, str, str], ...]

# Of a node's own store: the last event, and every attachment.
_EVENT = "SELECT seq, kind, time, address, container_id FROM events"
_ATTACHMENT = "SELECT network, container_id, ifname, since FROM attachments"
OF_THE_NODE: Kept = (
    (
        "event",
        f"{_EVENT} ORDER BY seq DESC LIMIT 1",
        f"{_EVENT} WHERE (seq, kind, time, address, container_id) = (?, ?, ?, ?, ?)",
    ),
    ("attachment", _ATTACHMENT, f"{_ATTACHMENT} WHERE (network, container_id, ifname, since) = (?, ?, ?, ?)"),
)

# SQLite's bytes for readers in a database file (sqlite.org/lockingv3.html, SHARED_FIRST and SHARED_SIZE).
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
_SET = 37  # F_OFD_SETLK, linux/fcntl.h
_FLOCK = "=hhxxxxqqixxxx"  # struct flock: type, whence, start, length, pid


def identity(path: str) -> Identity | None:
    """Return which file is at the path now; None if there is none. OSError if the folder can't be read."""
    try:
        at = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return at.st_dev, at.st_ino


def continued(path: str, before: sqlite3.Connection, log: Identity | None, kept: Kept, *, ledger: bool = False) -> str:
    """Return what the file at the path lacks of all that `kept` asks for in `before`; '' if nothing.

    Raises StoreFailed unless it is a ledger that was put back to an earlier state. `log`: the log of `before`. The file
    is read as it is: the log beside it may be the former file's, and SQLite would write that into it.
    """
    if identity(path) is None:
        if any(before.execute(every).fetchone() for _, every, _ in kept):
            raise StoreFailed(
                f"{path} is gone, which this process had open",
                "put it back from a backup; to begin with an empty store, stop the agent first",
            )
        return ""
    after = sqlite3.connect(uri(path, "ro&immutable=1"), uri=True)
    try:
        missing = _missing(before, after, kept)
        if missing and not (ledger and _was_put_back(before, after)):
            raise another(path, missing)
        if ledger and _took_over(before, after):
            missing = ""
        elif ledger and not missing:
            missing = _undeclared(before, after)
    except sqlite3.OperationalError as failure:  # it has no such table
        raise another(path, str(failure)) from None
    finally:
        after.close()
    if log is not None and identity(path + "-wal") == log:
        raise StoreFailed(
            f"{path} was replaced, and {path}-wal beside it is still the log of the file before",
            f"stop whatever uses the store, the agent first, delete {path}-wal and {path}-shm, and start it again",
        )
    return missing


def _missing(before: sqlite3.Connection, after: sqlite3.Connection, kept: Kept) -> str:
    for what, every, same in kept:
        for row in before.execute(every).fetchall():
            if not _has(after, what, same, row):
                return f"{what} {' '.join(map(str, row[:2]))} is not in it"
    return ""


def _was_put_back(before: sqlite3.Connection, after: sqlite3.Connection) -> bool:
    """Say whether the file is an earlier state of the same store, or an operator had it put back."""
    from podberth.stores.sqlite.progress import birth_of

    return _epoch(after) > _epoch(before) or birth_of(after) == birth_of(before)


def _took_over(before: sqlite3.Connection, after: sqlite3.Connection) -> bool:
    """Say whether somebody has taken over what `before` has when he put the file there."""
    return _epoch(after, "AND whole") > _epoch(before)


def _undeclared(before: sqlite3.Connection, after: sqlite3.Connection) -> str:
    had, has = _declared(before), _declared(after)
    return f"declaration {had} is not in it" if has < had else ""


def _epoch(of: sqlite3.Connection, where: str = "") -> int:
    return _number(of, "epochs", f"SELECT max(number) FROM epochs WHERE number > 0 {where}")  # noqa: S608


def _declared(of: sqlite3.Connection) -> int:
    return _number(of, "declared", "SELECT revision FROM declared")


def _number(of: sqlite3.Connection, table: str, query: str) -> int:
    """Return a number of a store that may be of an older podberth."""
    if of.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is None:
        return 0
    return int((of.execute(query).fetchone() or (0,))[0] or 0)


def _has(connection: sqlite3.Connection, what: str, same: str, row: tuple[object, ...]) -> bool:
    """Say whether the row is there; an event may be in the archive by now."""
    if connection.execute(same, row).fetchone() is not None:
        return True
    if what != "event":
        return False
    from podberth.stores.sqlite import past

    return past.has(connection, row)


def log_lost(path: str) -> StoreFailed:
    """Return the error of a file whose log is gone or another's, while this process goes on with the former log."""
    return StoreFailed(
        f"{path}-wal is gone, or another file, while this process has the former one open: others don't see what it"
        " writes",
        "stop whatever uses the store, the agent first, put the right file there, and start it again",
    )


def another(path: str, why: str) -> StoreFailed:
    """Return the error of a file that is another store than the one this process has open."""
    return StoreFailed(
        f"{path} is another file than the one this process has open: {why}",
        "put the former file back; if the new one is to be used, stop whatever uses the old one, the agent first,"
        " and start it again",
    )


def let_go(connection: sqlite3.Connection, of: Identity) -> None:
    """Close a connection to a file that is not at its path any more.

    The last connection to a file deletes the write-ahead log by its name, and that is the new file's by now. It is not
    the last one while somebody reads: so we do, by a lock that conflicts with those of this process too.
    """
    descriptor = _reopened(of)
    if descriptor < 0:
        connection.close()  # SQLite has no descriptor of it any more: there is nothing to delete by
        return
    try:
        lock = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, _SHARED_FIRST, _SHARED_SIZE, 0)
        fcntl.fcntl(descriptor, _SET, lock)
        connection.close()
    finally:
        os.close(descriptor)


def uri(path: str, mode: str) -> str:
    """Return the file's URI (sqlite.org/uri.html); urllib would cost the plugin 3 ms of import."""
    escaped = os.path.abspath(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file://{escaped}?mode={mode}"


def _reopened(of: Identity) -> int:
    """Return a new descriptor of a file that this process has open, found by device and inode; -1 if it has not."""
    for name in os.listdir("/proc/self/fd"):
        path = f"/proc/self/fd/{name}"
        try:
            if identity(path) == of:
                return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue  # it was closed meanwhile: another thread's
    return -1


def require_spoken(path: str, minimum: str) -> None:
    """Raise StoreFailed if the store is for later podberths than this one, by its minimum version."""
    from podberth.ipam.versions import UPGRADE, outgrown

    if why := outgrown(minimum):
        raise StoreFailed(f"{path}: {why}", UPGRADE)
