"""What the SQLite store does with its file: making, opening, refusing, sharing it."""

from __future__ import annotations

import gc
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from podberth.cni.errors import DiskFull, StoreFailed, TryAgainLater
from podberth.cni.value import replace
from podberth.stores.sqlite.creation import create
from podberth.stores.sqlite.database import NODE, Database, Schema
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.ledgers import PLUGIN, Clock, SqliteBackend, addresses, claim, ip, pool, shared
from tests.waiting import PATIENCE


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def ledger_in(directory: Path, *, readonly: bool = False, schema: Schema = NODE) -> SqliteLedger:
    return SqliteLedger(Database(str(directory), readonly=readonly, schema=schema), clock=Clock())


def raw(directory: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(directory / "podberth.db", isolation_level=None))


def test_a_new_store_is_for_its_owner_only(tmp_path: Path) -> None:
    store = tmp_path / "var" / "podberth"
    backend = SqliteBackend(store)
    backend.define(pool("db", "10.20.0.0/24"))
    assert (mode(store), {path.name: mode(path) for path in store.iterdir()}) == (
        0o700,
        dict.fromkeys(("podberth.db", "podberth.db-wal", "podberth.db-shm", "witness"), 0o600),
    )


def test_a_commit_is_in_a_write_ahead_log(tmp_path: Path) -> None:
    with Database(str(tmp_path)).read() as connection:
        pragmas = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1}


@pytest.mark.parametrize(("events", "looks"), [(True, 1), (False, 0)])
def test_a_writer_looks_at_the_ledger_in_one_statement(tmp_path: Path, events: bool, looks: int) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    backend.open().bind(claim("a"), PLUGIN)
    store, said = Database(str(tmp_path)), list[str]()
    with store.write() as connection:
        connection.set_trace_callback(said.append)
    said.clear()
    with store.write(events=events) as connection:
        connection.execute("UPDATE pools SET quarantine = 0")
    assert (said[:2], said[-1]) == (["BEGIN IMMEDIATE", "PRAGMA data_version"], "COMMIT")
    assert len(said[3:-1]) == looks  # at what it has written; nobody else has written since the last look


def test_a_commit_is_on_disk_unless_it_need_not_be(tmp_path: Path) -> None:
    store = Database(str(tmp_path))
    waiting = []
    for durable in (True, False, False, True):
        with store.write(durable=durable) as connection:
            connection.execute("UPDATE pools SET quarantine = 0")
        waiting.append(store.log.pending)
    assert waiting == [0, 1, 2, 0]


def test_a_disk_that_does_not_take_a_commit_is_an_error(tmp_path: Path) -> None:
    store = Database(str(tmp_path))
    with store.read():
        pass
    with pytest.raises(StoreFailed, match="No such file"), store.write():
        (tmp_path / "podberth.db-wal").unlink()


def test_a_store_that_is_dropped_leaves_no_file_open(tmp_path: Path) -> None:
    def once() -> None:
        with Database(str(tmp_path)).write() as connection:
            connection.execute("UPDATE pools SET quarantine = 0")

    def open_files() -> int:
        gc.collect()  # a connection of Python's is part of a cycle
        return len(list(Path("/proc/self/fd").iterdir()))

    once()
    before = open_files()
    for _ in range(5):
        once()
    assert open_files() <= before


def test_threads_that_commit_at_once_all_have_it_on_disk(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/16"))
    store = Database(str(tmp_path))
    ledger = SqliteLedger(store, clock=Clock())
    left: list[int] = []

    def bind(thread: int) -> None:
        for n in range(20):
            ledger.bind(claim(f"p{thread}-{n}"), PLUGIN)
        left.append(store.log.pending)

    threads = [threading.Thread(target=bind, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert left[-1] == 0
    assert len(ledger.leases()) == 80


def test_the_log_that_the_next_process_has_to_read_stays_short(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/16"))
    ledger = backend.open()
    for n in range(300):
        ledger.bind(claim(f"p{n}"), PLUGIN)
    assert (tmp_path / "podberth.db-wal").stat().st_size < 1_000_000


def test_the_file_says_what_it_has_been_through(tmp_path: Path) -> None:
    assert len(NODE.migrations()) == NODE.version
    with Database(str(tmp_path)).read() as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0x70646274,)
        assert connection.execute("PRAGMA user_version").fetchone() == (NODE.version,)
        versions = [version for (version,) in connection.execute("SELECT version FROM migrations ORDER BY version")]
    assert versions == list(range(1, NODE.version + 1))


def test_an_older_store_is_brought_up_to_date_with_its_contents(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    leases = backend.open().bind(claim("a"), PLUGIN)
    migrations = (*NODE.migrations(), ("ALTER TABLE leases ADD COLUMN note TEXT NOT NULL DEFAULT ''",))
    newer = replace(NODE, version=len(migrations), migrations=lambda: migrations)
    before = (tmp_path / "podberth.db").read_bytes()
    readonly = ledger_in(tmp_path, readonly=True, schema=newer)
    assert readonly.leases() == leases
    with pytest.raises(StoreFailed, match="readonly"):
        readonly.bind(claim("b"), PLUGIN)
    assert (tmp_path / "podberth.db").read_bytes() == before
    with raw(tmp_path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (NODE.version,)
    assert ledger_in(tmp_path, schema=newer).leases() == leases
    assert ledger_in(tmp_path, readonly=True, schema=newer).leases() == leases
    with raw(tmp_path) as connection:
        assert connection.execute("SELECT note FROM leases").fetchall() == [("",)]
        assert connection.execute("SELECT max(version) FROM migrations").fetchone() == (newer.version,)


def test_a_store_of_the_first_versions_shares_addresses_once_it_is_up_to_date(tmp_path: Path) -> None:
    for version in (1, 2):
        directory = tmp_path / str(version)
        made = NODE.migrations()[:version]
        older = replace(NODE, version=version, migrations=lambda made=made: made)
        create(str(directory / "podberth.db"), 1.0, older)
        with raw(directory) as connection:
            connection.execute("INSERT INTO pools VALUES ('db', 'lowest', 0)")
            connection.execute("INSERT INTO reservations VALUES (X'0A140009', 4, 'db', 'db', 'a', 'eth0', 'manual', 1)")
            connection.execute(
                "INSERT INTO events VALUES (1, 1, 'Reserved', X'0A140009', 'db', 'RESERVED', 'db', 'a', '', 'eth0', '',"
                " '', 'w', 'y', 'n')"
            )
        backend = SqliteBackend(directory)
        backend.define(pool("db", "10.20.0.0/24"))
        backend.declare(*shared("web", "10.20.0.21"))
        ledger = backend.open()
        assert addresses(ledger.bind(claim("web-7d4b9-x2x9k", owner="web"), PLUGIN)) == ["10.20.0.21"]
        assert str(ledger.who(ip("10.20.0.9")).reserved_for) == "db/a"
        assert [str(kept.pod) for kept in ledger.reservations()] == ["db/a", "db/deployment/web"]


def test_a_database_of_another_schema_has_a_file_of_its_own(tmp_path: Path) -> None:
    ledger_in(tmp_path).leases()
    other = Schema(file="replica.db", application_id=7, version=1, migrations=lambda: NODE.migrations()[:1])
    replica = Database(str(tmp_path), schema=other)
    with replica.read() as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (7,)
    replica.close()
    (tmp_path / "podberth.db").rename(tmp_path / "replica.db")
    with pytest.raises(StoreFailed, match=r"replica.db is a database of something else"), replica.read():
        pass


def test_a_newer_podberths_store_is_left_alone(tmp_path: Path) -> None:
    ledger_in(tmp_path).leases()
    with raw(tmp_path) as connection:
        connection.execute(f"PRAGMA user_version = {NODE.version + 1}")
    before = (tmp_path / "podberth.db").read_bytes()
    with pytest.raises(StoreFailed, match=r"podberth.db was written by podberth .* which knows up to") as told:
        ledger_in(tmp_path).leases()
    assert "install podberth" in told.value.details
    assert (tmp_path / "podberth.db").read_bytes() == before


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    with raw(tmp_path) as connection:
        connection.execute("CREATE TABLE music (title)")
    before = (tmp_path / "podberth.db").read_bytes()
    with pytest.raises(StoreFailed, match=r"podberth.db is a database of something else"):
        ledger_in(tmp_path).leases()
    assert (tmp_path / "podberth.db").read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "podberth.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreFailed, match=r"podberth.db is damaged") as told:
        ledger_in(tmp_path).leases()
    assert "restore it from a backup" in told.value.details
    assert (tmp_path / "podberth.db").read_bytes().startswith(b"not a database")


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    backend.database.close()
    with (tmp_path / "podberth.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 20)
    with pytest.raises(StoreFailed, match=r"podberth.db is damaged"):
        ledger_in(tmp_path).bind(claim("a"), PLUGIN)


def test_a_directory_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailed, match="file/store"):
        ledger_in(tmp_path / "file" / "store").leases()


@pytest.mark.parametrize("name", ["a b", "100%", "what?", "a#b", "à"])
def test_a_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    assert ledger_in(tmp_path / name).leases() == ()
    assert (tmp_path / name / "podberth.db").is_file()


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "podberth.db").touch()
    assert ledger_in(tmp_path).leases() == ()


def test_what_a_killed_creation_left_is_cleared_away(tmp_path: Path) -> None:
    for name in ("podberth.db.new", "podberth.db.new-journal", "podberth.db-wal"):
        (tmp_path / name).write_bytes(b"left over")
    ledger = ledger_in(tmp_path)
    assert ledger.leases() == ()
    assert not [path.name for path in tmp_path.iterdir() if ".new" in path.name]


def test_a_read_only_store_answers_and_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="there is no store"):
        ledger_in(tmp_path / "none", readonly=True).leases()
    assert not (tmp_path / "none").exists()
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    leases = backend.open().bind(claim("a"), PLUGIN)
    readonly = ledger_in(tmp_path, readonly=True)
    assert readonly.leases() == leases
    with pytest.raises(StoreFailed, match="readonly"):
        readonly.bind(claim("b"), PLUGIN)


def test_a_call_waits_for_another_of_its_process_no_longer_than_a_bound(tmp_path: Path) -> None:
    SqliteBackend(tmp_path).define(pool("db", "10.20.0.0/24"))
    database = Database(str(tmp_path), turn_seconds=0.05)
    ledger = SqliteLedger(database, clock=Clock())
    refusals: list[TryAgainLater] = []

    def asks() -> None:
        for ask in (ledger.leases, lambda: ledger.bind(claim("a"), PLUGIN), database.probe):
            with pytest.raises(TryAgainLater, match=r"podberth.db has been in use by another call") as refusal:
                ask()
            refusals.append(refusal.value)

    thread = threading.Thread(target=asks)
    with database.write():
        assert ledger.leases() == ()  # the thread that has the turn waits for nobody
        thread.start()
        thread.join()
    assert ([one.code for one in refusals], [one.details[:9] for one in refusals]) == ([11] * 3, ["try again"] * 3)
    assert len(ledger.bind(claim("a"), PLUGIN)) == 1


def test_a_store_that_is_locked_for_too_long_says_try_again_later(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    impatient = SqliteLedger(Database(str(tmp_path), busy_seconds=0.05), clock=backend.clock)
    with backend.database.write():
        assert impatient.leases() == ()
        with pytest.raises(TryAgainLater, match="has been locked by another process for too long") as told:
            impatient.bind(claim("a"), PLUGIN)
    assert told.value.code == 11
    assert len(impatient.bind(claim("a"), PLUGIN)) == 1


def test_a_full_disk_changes_nothing_and_is_named(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/16"))
    store = Database(str(tmp_path))
    with store.read() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    ledger = SqliteLedger(store, clock=backend.clock)
    bound: list[int] = []

    def fill() -> None:
        while len(bound) < 2000:
            ledger.bind(claim(f"p{len(bound)}"), PLUGIN)
            bound.append(1)

    with pytest.raises(DiskFull, match="can't grow: the disk is full"):
        fill()
    assert len(ledger.leases()) == len(tuple(ledger.history())) == len(bound)


def test_threads_share_a_store_one_after_another(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    ledger, failures = backend.open(), []

    def churn(who: int) -> None:
        try:
            for n in range(10):
                ledger.bind(claim(f"{who}-{n}"), PLUGIN)
                ledger.leases()
        except BaseException as failure:  # noqa: BLE001 - told below
            failures.append(failure)

    threads = [threading.Thread(target=churn, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert failures == []
    assert len({lease.address for lease in ledger.leases()}) == 80


def test_opening_a_store_again_leaves_this_processes_lock_on_the_file(tmp_path: Path) -> None:
    """POSIX drops all of a process's locks on a file when it closes any descriptor of it (fcntl(2))."""
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    lock = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with backend.database.write():
        again = ledger_in(tmp_path)
        assert again.leases() == ()
        tried = subprocess.run(
            [sys.executable, "-c", lock, str(tmp_path / "podberth.db")], capture_output=True, text=True, check=False
        )
    assert "BlockingIOError" in tried.stderr


def test_a_transaction_inside_another_is_refused_and_the_outer_one_goes_on(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    with backend.database.write() as connection:
        with pytest.raises(StoreFailed, match="within a transaction"), backend.database.write():
            raise AssertionError
        connection.execute("INSERT INTO pools (name, allocation, quarantine) VALUES ('x', 'lowest', 0)")
    with backend.database.read() as connection:
        assert connection.execute("SELECT name FROM pools").fetchall() == [("x",)]
