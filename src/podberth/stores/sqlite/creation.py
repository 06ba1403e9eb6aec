"""Making the file, and bringing an older one up to date. Imported only when there is something to do."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time

from podberth.cni.errors import StoreFailed, TryAgainLater
from podberth.ipam.versions import HERE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.stores.sqlite.database import Schema

POLL_SECONDS = 0.01
_BESIDE = ("", "-wal", "-shm", "-journal")  # what SQLite keeps next to a database


def create(path: str, seconds: float, schema: Schema) -> None:
    """Make the file with its tables, in full or not at all; nothing happens if somebody else was faster.

    Waits at most `seconds` for another process that is making it, then raises TryAgainLater.
    """
    directory = os.path.dirname(path) or "."
    os.makedirs(directory, mode=0o700, exist_ok=True)
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(held, path, seconds)
        if not os.path.exists(path) or os.path.getsize(path) == 0:
            _make(path, path + ".new", schema)
            os.fsync(held)
    finally:
        os.close(held)


def require_creatable(path: str) -> None:
    """Raise StoreFailed if the file, which is not there, could not be made. Nothing is made."""
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        raise StoreFailed(f"{path} can't be made: {folder} is no directory", "choose another state directory")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreFailed(
            f"{path} can't be made: {folder} can't be written", "is it mounted read-only, or owned by another user?"
        )


def migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    """Bring the tables to the schema's version, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()  # somebody may have been faster
        for version, statements in enumerate(schema.migrations()[found:], found + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (version, time.time_ns(), HERE))  # noqa: TID251
        connection.execute(f"PRAGMA application_id = {schema.application_id}")
        connection.execute(f"PRAGMA user_version = {schema.version}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _make(path: str, new: str, schema: Schema) -> None:
    # A write-ahead log without its database would be replayed into the new one: SQLite removes such a log too.
    leftovers = [new + ending for ending in _BESIDE] + [path + ending for ending in _BESIDE[1:]]
    for leftover in filter(os.path.lexists, leftovers):
        os.unlink(leftover)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(new, isolation_level=None)
    try:
        migrate(connection, schema)
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    os.rename(new, path)


def _lock(held: int, path: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise TryAgainLater(
                    f"{path} is being made by another process for too long", f"fuser -v {os.path.dirname(path)}"
                ) from None
            time.sleep(POLL_SECONDS)
        else:
            return
