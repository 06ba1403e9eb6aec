"""One file, one connection: opening, transactions, and the translation of SQLite's errors. No SQL of the tables here.

WAL with synchronous=FULL: a commit has returned only once it is on disk (sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import os
import sqlite3

from podberth.cni.errors import StoreFailed, TryAgainLater

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

FILE = "podberth.db"
VERSION = 1  # of the tables
APPLICATION_ID = 0x70646274  # 'pdbt'
BUSY_SECONDS = 30.0  # how long a writer waits for the others


class Database:
    """The store of one node, opened when first asked; its directory is made if need be, for root only."""

    def __init__(self, directory: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = os.path.join(directory, FILE)
        self._busy_seconds = busy_seconds
        self._connection: sqlite3.Connection | None = None

    def read(self) -> Transaction:
        """Return a context whose statements all see one state of the database."""
        return Transaction(self, "BEGIN")

    def write(self) -> Transaction:
        """Return a context that commits at its end, on disk, or rolls back if it raises. Others wait."""
        return Transaction(self, "BEGIN IMMEDIATE")

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def connection(self) -> sqlite3.Connection:
        """Return the open connection. StoreFailed if the file can't be used, and what to do about it."""
        if self._connection is None:
            try:
                self._connection = self._open()
            except (OSError, sqlite3.Error) as failure:
                raise translated(self.path, failure) from failure
        return self._connection

    def _open(self) -> sqlite3.Connection:
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(
            self.path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found != VERSION:
                self._prepare(connection, found)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection, found: int) -> None:
        """Create the tables in a new file; refuse one that is somebody else's, or a newer podberth's."""
        from podberth.stores.sqlite.schema import DDL

        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and application != APPLICATION_ID:
            raise StoreFailed(f"{self.path} is a database of something else", "choose another state directory")
        if found > VERSION:
            raise StoreFailed(
                f"{self.path} is of a newer podberth (schema {found}, this one knows {VERSION})",
                "upgrade this podberth",
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        (found,) = connection.execute("PRAGMA user_version").fetchone()  # somebody may have been faster
        if found != VERSION:
            for statement in DDL:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")


class Transaction:
    """A context around BEGIN and COMMIT or ROLLBACK; `contextlib` would cost the plugin 2 ms of import."""

    def __init__(self, database: Database, begin: str) -> None:
        self._database = database
        self._begin = begin

    def __enter__(self) -> sqlite3.Connection:
        connection = self._database.connection()
        try:
            connection.execute(self._begin)
        except sqlite3.Error as failure:
            raise translated(self._database.path, failure) from failure
        return connection

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._database.connection()
        try:
            connection.execute("COMMIT" if raised is None else "ROLLBACK")
        except sqlite3.Error as failure:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if raised is None:
                raise translated(self._database.path, failure) from failure
        if isinstance(raised, sqlite3.Error):
            raise translated(self._database.path, raised) from raised


def translated(path: str, failure: OSError | sqlite3.Error) -> StoreFailed | TryAgainLater:
    """Return SQLite's or the system's error as the CNI error it amounts to."""
    code = getattr(failure, "sqlite_errorname", "")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return TryAgainLater(
            f"{path} is locked by another process for too long", "see who has it open: fuser -v " + path
        )
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreFailed(f"{path} is damaged: {failure}", "restore it from a backup; `podberth doctor` checks a copy")
    if code.startswith("SQLITE_FULL") or getattr(failure, "errno", None) == 28:  # ENOSPC
        return StoreFailed(f"{path} can't grow: the disk is full", "free some space; nothing was changed")
    return StoreFailed(f"{path}: {failure}", "`podberth doctor` says what is wrong with the state directory")
