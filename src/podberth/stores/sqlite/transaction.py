"""A context around one transaction of a database."""

from __future__ import annotations

import _sqlite3 as sqlite3  # the package around it imports datetime, which nothing on the ADD path needs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from podberth.stores.sqlite.database import Database
    from podberth.stores.sqlite.progress import Look


class SingleStatement:
    """A context around a single statement, which is a transaction by itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> sqlite3.Connection:
        database = self._database
        database.lock.acquire()
        try:
            return database.reading()
        except BaseException:
            database.lock.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.lock.release()
        if isinstance(raised, sqlite3.Error):
            raise self._database.translated(raised) from raised


class Transaction:
    """A context around BEGIN and COMMIT or ROLLBACK; `contextlib` would cost the plugin 2 ms of import.

    `begin` is the statement that begins it.
    """

    def __init__(
        self, database: Database, begin: str, *, durable: bool, events: bool = True, binding: bool = False
    ) -> None:
        self._database = database
        self._begin = begin
        self._durable = durable
        self._events, self._binding = events, binding
        self._connection: sqlite3.Connection | None = None
        self._writes = begin == "BEGIN IMMEDIATE"
        self._look: Look | None = None

    def __enter__(self) -> sqlite3.Connection:
        self._database.lock.acquire()
        try:
            connection = self._connection = self._database.begin() if self._writes else self._database.reading()
            if not self._writes:
                connection.execute(self._begin)
        except BaseException as failure:
            self._database.lock.release()
            if isinstance(failure, sqlite3.Error):
                raise self._database.translated(failure) from failure
            raise
        return connection

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        database = self._database
        try:
            assert self._connection is not None
            self._end(self._connection, raised)
            commit = database.log.commits = database.log.commits + self._writes
            if self._writes and raised is None:
                database.progress.committed(self._look, commit)
        finally:
            database.lock.release()
        if self._durable and raised is None:
            database.flush(commit)  # the others go on meanwhile

    def _end(self, connection: sqlite3.Connection, raised: BaseException | None) -> None:
        try:
            if self._writes and raised is None:
                self._look = self._database.progress.now(connection, events=self._events, binding=self._binding)
                connection.execute("COMMIT")
            else:
                connection.execute("COMMIT" if raised is None else "ROLLBACK")
        except sqlite3.Error as failure:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if raised is None:
                raise self._database.translated(failure) from failure
        if isinstance(raised, sqlite3.Error):
            raise self._database.translated(raised) from raised
