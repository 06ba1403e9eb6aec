"""One file, one connection: opening, transactions, and the translation of SQLite's errors. No SQL of the tables here.

WAL with synchronous=NORMAL, where SQLite keeps the order of commits on disk but does not wait for the disk
(sqlite.org/pragma.html#pragma_synchronous): the waiting is done here, once for all threads that committed meanwhile.
"""

from __future__ import annotations

import _sqlite3 as sqlite3  # the package around it imports datetime, which nothing on the ADD path needs
import os

from podberth.cni.errors import CniError, DiskFull, StoreFailed
from podberth.cni.value import value
from podberth.stores.sqlite.failing import DOUBT, CannotWrite
from podberth.stores.sqlite.log import Log
from podberth.stores.sqlite.progress import Progress
from podberth.stores.sqlite.succession import (
    OF_THE_NODE,
    another,
    continued,
    identity,
    let_go,
    log_lost,
    require_spoken,
    uri,
)
from podberth.stores.sqlite.transaction import SingleStatement, Transaction
from podberth.stores.sqlite.turn import Turn
from podberth.stores.sqlite.witness import Witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.cni.errors import TryAgainLater
    from podberth.stores.sqlite.succession import Identity, Kept

BUSY_SECONDS = 30.0  # how long a writer waits for other processes
TURN_SECONDS = 10.0  # how long a thread waits for the others of this process; the shim waits 100 s for all of a call
# A plugin leaves its log behind, and the next one reads it all when it opens the store (sqlite.org/walformat.html):
# SQLite's own 1000 pages would cost that one as much as binding does. A process that stays keeps the log's index with
# it; to it each checkpoint is a wait for the disk, and an ADD and its DEL are some 30 pages.
LOG_PAGES, LOG_PAGES_STAYING = 100, 2000


@value
class Schema:
    """What a database is: the name of its file, the mark in it, and its tables.

    `version` is how many of the migrations a file has been through. They are asked for only when one has to be made or
    brought up to date: the ADD path has no need of them. `kept` is what a file that replaces an open one has to have of
    it. A `cache` may be replaced or deleted by anybody: whoever has the old file goes on with it. A `ledger` may be put
    back to an earlier state: that is noticed, and gone on with (`restoration`).
    """

    file: str
    application_id: int
    version: int
    migrations: Callable[[], Sequence[Sequence[str]]]
    kept: Kept = ()
    cache: bool = False
    ledger: bool = False


def _of_the_node() -> Sequence[Sequence[str]]:
    from podberth.stores.sqlite.schema import MIGRATIONS

    return MIGRATIONS


NODE = Schema(
    file="podberth.db",
    application_id=0x70646274,  # 'pdbt'
    version=13,
    migrations=_of_the_node,
    kept=OF_THE_NODE,
    ledger=True,
)


class Database:
    """One database, by default the store of one node. It is opened when first asked; its directory is made if need be,
    for root only.

    With `readonly` nothing is ever made or changed. Threads may share it: their transactions follow one another.
    """

    def __init__(
        self,
        directory: str,
        *,
        busy_seconds: float = BUSY_SECONDS,
        turn_seconds: float = TURN_SECONDS,
        readonly: bool = False,
        staying: bool = False,
        schema: Schema = NODE,
    ) -> None:
        self.staying = staying  # whether this process will be there long enough for a thread of the log's own
        self.path = os.path.join(directory, schema.file)
        self.lock = Turn(self.path, turn_seconds)
        self._log_path = self.path + "-wal"
        self.log = Log(self._log_path)
        self._busy_seconds = busy_seconds
        self.readonly = readonly
        self._schema = schema
        self._connection: sqlite3.Connection | None = None
        self._aside: sqlite3.Connection | None = None
        self._identity: Identity = (-1, -1)  # of the file that is open
        self._log_identity: Identity | None = None
        self.progress = Progress(
            schema.kept, Witness(directory) if schema.ledger and not readonly else None, staying=staying
        )

    @property
    def stored(self) -> bool:
        """Whether there is a store: one that this process has open and that is gone from its path is not none.

        StoreFailed if that can't be known, or no store can be there.
        """
        if self._connection is not None:
            return True
        try:
            os.stat(self.path)
        except FileNotFoundError:
            return False
        except OSError as wrong:
            raise StoreFailed(
                f"{self.path}: {wrong.strerror}", "run as root, or choose another state directory"
            ) from None
        return True

    def read(self) -> Transaction:
        """Return a context whose statements all see one state of the database."""
        return Transaction(self, "BEGIN", durable=False)

    def look(self) -> SingleStatement:
        """Return a context for a single statement that reads to its end: that sees one state by itself."""
        return SingleStatement(self)

    def write(self, *, durable: bool = True, events: bool = True, binding: bool = False) -> Transaction:
        """Return a context that commits at its end, on disk, or rolls back if it raises. Others wait.

        What is not `durable` survives the process, however that ends, but not a loss of power; it is on disk with the
        next transaction that is. What writes neither `events` nor documents leaves the ledger as far as it was.
        """
        return Transaction(self, "BEGIN IMMEDIATE", durable=durable, events=events, binding=binding)

    def flush(self, commit: int) -> None:
        """Return once the commit with that number is on disk. StoreFailed if the disk will not have it."""
        made = self.progress.made
        try:
            self.log.flush(commit)
        except OSError as failure:
            from podberth.stores.sqlite.doubt import doubted

            raise doubted(self.path, failure) from failure
        self.progress.flushed(made, self.log.flushed)

    def probe(self) -> None:
        """Write as an ADD would, to the disk, and look where it would; nothing is changed.

        StoreFailed if the file can't be used, or made by the first who writes; TryAgainLater if others are writing for
        too long.
        """
        from podberth.stores.sqlite.probe import probe

        probe(self, self._schema.version, opened=self._connection is not None)

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        self.log.rest()
        with self.lock.lock:
            try:
                self.flush(self.log.commits)
            except CniError:
                pass  # it is noted, and whoever waits for one of them is told
            connection, self._connection = self._connection, None
            if self._aside is not None:
                self._aside.close()
                self._aside = None
            if connection is None:
                return
            if self._replaced():
                let_go(connection, self._identity)
            else:
                connection.close()
            self.log.close()

    def connection(self) -> sqlite3.Connection:
        """Return the open connection. StoreFailed if the file can't be used, and what to do about it.

        A file that was replaced meanwhile is used if it goes on from the one that was open.
        """
        try:
            if self._connection is None:
                self._connection = self._open()
            elif not self._connection.in_transaction and self._replaced():
                self._succeed(self._connection)
        except (OSError, sqlite3.Error) as failure:
            raise self.translated(failure) from failure
        return self._connection

    def reading(self) -> sqlite3.Connection:
        """Return a connection to read by, also where nothing can be written. StoreFailed, DiskFull as `connection`."""
        try:
            return self.connection()
        except (CannotWrite, DiskFull):
            if self._aside is None:
                from podberth.stores.sqlite.aside import aside

                self._aside = aside(self.path, self._schema)
            if self._aside is None:
                raise
            return self._aside

    def _replaced(self) -> bool:
        """Say whether the file at the path, or its log, is not the one that is open: two system calls in each
        transaction.
        """
        if self._schema.cache:
            return False
        try:
            file = os.stat(self.path)
            log = os.stat(self._log_path) if self._log_identity is not None else None
        except (FileNotFoundError, NotADirectoryError):
            return True
        return (file.st_dev, file.st_ino) != self._identity or (
            log is not None and (log.st_dev, log.st_ino) != self._log_identity
        )

    def begin(self) -> sqlite3.Connection:
        """Begin to write, and return the connection. StoreFailed if the file is not the one it was.

        Waiting for other writers takes a while: the file is looked at when it is this one's turn. A ledger that was put
        back to an earlier state is gone on with in a new epoch.
        """
        if self.log.failure is not None and self._connection is not None:
            self._connection.close()  # it is checked when it is opened anew
            self._connection = None
        while True:
            connection = self._connection or self.connection()
            connection.execute("BEGIN IMMEDIATE")
            missing = ""
            try:
                if not self._replaced():
                    missing = self.progress.missing(connection)
                    if not missing:
                        if self.progress.minimum is not None:
                            require_spoken(self.path, self.progress.minimum)
                        return connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("ROLLBACK")
            if missing:
                self._notice(connection, missing)
            self.connection()  # goes on with the new file, or says why not

    def translated(self, failure: OSError | sqlite3.Error) -> StoreFailed | TryAgainLater:
        """Return SQLite's or the system's error as the CNI error it amounts to."""
        from podberth.stores.sqlite.disk import translated

        return translated(self.path, failure)

    def _notice(self, connection: sqlite3.Connection, missing: str) -> None:
        if not self._schema.ledger:
            raise another(self.path, missing)
        from podberth.stores.sqlite.restoration import notice

        known = self.progress.known
        self.progress.begin_anew()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if (application, version) != (self._schema.application_id, self._schema.version):
            self._up_to_date(connection, application, version)
        notice(connection, self.path, missing, known)
        self.progress.begun_anew(connection)

    def _succeed(self, before: sqlite3.Connection) -> None:
        if identity(self.path) == self._identity:
            raise log_lost(self.path)
        missing = continued(self.path, before, self._log_identity, self._schema.kept, ledger=self._schema.ledger)
        former = self._identity
        self._connection = self._open()
        self.progress.begin_anew()
        if missing and not self.readonly:
            from podberth.stores.sqlite.restoration import take_over

            try:
                take_over(self._connection, before, self.path, missing)
            except BaseException:
                self._connection.close()
                self._connection, self._identity = before, former  # until that can be done
                raise
            self.progress.begun_anew(self._connection)
        let_go(before, former)

    def _open(self) -> sqlite3.Connection:
        self._make_sure_of_the_file()
        # SQLite must not make the file itself: it would be readable by all, and there before its tables are.
        connection = sqlite3.connect(
            uri(self.path, "ro" if self.readonly else "rw"),
            uri=True,
            timeout=self._busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            opened = identity(self.path)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES_STAYING if self.staying else LOG_PAGES}")
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if (application, version) != (self._schema.application_id, self._schema.version):
                connection = self._up_to_date(connection, application, version)
            log = identity(self.path + "-wal")
            if not self.readonly and (self.log.failure is not None or os.path.exists(self.path + DOUBT)):
                from podberth.stores.sqlite.doubt import check

                check(self.path, connection)
            if log is None and not self.readonly:  # a copy that `VACUUM INTO` has made
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA user_version").fetchone()
                log = identity(self.path + "-wal")
        except BaseException:
            connection.close()
            raise
        assert opened is not None
        self.progress.look_again()
        self._identity, self._log_identity = opened, log
        if not self.readonly:
            self.log.open()
        return connection

    def _make_sure_of_the_file(self) -> None:
        try:
            there = os.stat(self.path).st_size > 0
        except FileNotFoundError:
            there = False
        if there:
            return
        if self.readonly:
            raise StoreFailed(f"there is no store at {self.path}", "`podberth apply` makes it, or the first ADD")
        from podberth.stores.sqlite.creation import create

        create(self.path, self._busy_seconds, self._schema)

    def _up_to_date(self, connection: sqlite3.Connection, application: int, version: int) -> sqlite3.Connection:
        if application != self._schema.application_id:
            raise StoreFailed(f"{self.path} is a database of something else", "choose another state directory")
        known = self._schema.version
        if version > known:
            from podberth.stores.sqlite.newer import newer

            raise newer(self.path, connection, version, known)
        if self.readonly:
            from podberth.stores.sqlite.aside import up_to_date

            return up_to_date(connection, self._schema)
        from podberth.stores.sqlite.creation import migrate

        migrate(connection, self._schema)
        return connection
