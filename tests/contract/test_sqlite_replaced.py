"""A store's file that is replaced, moved or deleted while a process has it open: never two ledgers under one name."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed
from podberth.stores.sqlite.database import Database
from tests.contract.ledgers import PLUGIN, SqliteBackend, addresses, claim, pool

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.ipam.ledger import Ledger

FILES = ("podberth.db", "podberth.db-wal", "podberth.db-shm")


def copy(store: Path, to: Path) -> None:
    """Copy a store as `VACUUM INTO` does: one file, complete."""
    with closing(sqlite3.connect(store / "podberth.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(to),))


def with_pool(store: Path) -> tuple[SqliteBackend, Ledger]:
    backend = SqliteBackend(store)
    backend.define(pool("db", "10.20.0.0/24"))
    ledger = backend.open()
    ledger.bind(claim("c1"), PLUGIN)
    return backend, ledger


def test_a_ledger_that_was_deleted_and_made_anew_is_refused(tmp_path: Path) -> None:
    _, ledger = with_pool(tmp_path / "state")
    for name in FILES:
        (tmp_path / "state" / name).unlink(missing_ok=True)
    with pytest.raises(StoreFailed, match=r"podberth\.db is gone, which this process had open"):
        ledger.bind(claim("c2"), PLUGIN)
    again = SqliteBackend(tmp_path / "state")
    again.define(pool("db", "10.20.0.0/24"))
    for ask in (lambda: ledger.bind(claim("c2"), PLUGIN), ledger.leases, lambda: ledger.usage("db")):
        with pytest.raises(StoreFailed, match=r"is another file .*: event 1 .* is not in it") as refused:
            ask()
        assert refused.value.code == 104
        assert "stop whatever uses the old one" in refused.value.details


def test_an_older_copy_put_back_is_refused(tmp_path: Path) -> None:
    _, ledger = with_pool(tmp_path / "state")
    copy(tmp_path / "state", tmp_path / "backup.db")
    ledger.bind(claim("c2"), PLUGIN)
    (tmp_path / "backup.db").rename(tmp_path / "state" / "podberth.db")
    with pytest.raises(StoreFailed, match="event 2 Bound is not in it"):
        ledger.bind(claim("c3"), PLUGIN)


def test_the_former_file_put_back_is_served_from_again(tmp_path: Path) -> None:
    _, ledger = with_pool(tmp_path / "state")
    file = tmp_path / "state" / "podberth.db"
    file.rename(tmp_path / "aside.db")
    with pytest.raises(StoreFailed, match="is gone"):
        ledger.leases()
    (tmp_path / "aside.db").rename(file)
    assert len(ledger.leases()) == 1


def test_a_complete_copy_is_gone_on_with_and_has_what_is_bound_next(tmp_path: Path) -> None:
    _, ledger = with_pool(tmp_path / "state")
    copy(tmp_path / "state", tmp_path / "state" / "copy.db")
    (tmp_path / "state" / "copy.db").rename(tmp_path / "state" / "podberth.db")
    for name in FILES[1:]:
        (tmp_path / "state" / name).unlink()
    second = ledger.bind(claim("c2"), PLUGIN)
    others = SqliteBackend(tmp_path / "state").open()
    assert addresses(others.leases()) == addresses(ledger.leases())
    assert set(addresses(second)) <= set(addresses(others.leases()))


def test_a_process_that_ends_leaves_the_log_of_the_file_that_replaced_its_own(tmp_path: Path) -> None:
    """SQLite's last connection to a file deletes the write-ahead log by its name."""
    store = tmp_path / "state"
    former = Database(str(store))
    with former.write() as connection:
        connection.execute("UPDATE pools SET quarantine = 0")
    for name in FILES:
        (store / name).unlink()
    backend, ledger = with_pool(store)
    assert (store / "podberth.db-wal").stat().st_size > 0
    former.close()
    assert (store / "podberth.db-wal").stat().st_size > 0
    assert len(SqliteBackend(store).open().leases()) == len(ledger.leases()) == 1
    backend.define(pool("other", "10.21.0.0/24"))


def test_a_process_that_goes_on_with_the_copy_leaves_its_log(tmp_path: Path) -> None:
    store = tmp_path / "state"
    _, ledger = with_pool(store)
    copy(store, store / "copy.db")
    (store / "copy.db").rename(store / "podberth.db")
    for name in FILES[1:]:
        (store / name).unlink()
    others = SqliteBackend(store).open()
    others.bind(claim("c2"), PLUGIN)
    assert (store / "podberth.db-wal").stat().st_size > 0
    assert len(ledger.leases()) == 2
    shutil.copytree(store, tmp_path / "seen")  # a power loss now: what others committed is in file and log
    assert len(SqliteBackend(tmp_path / "seen").open().leases()) == 2


def test_a_store_that_nothing_was_written_to_may_be_replaced(tmp_path: Path) -> None:
    ledger = SqliteBackend(tmp_path / "state").open()
    assert ledger.leases() == ()
    for name in FILES:
        (tmp_path / "state" / name).unlink()
    with_pool(tmp_path / "state")
    assert len(ledger.leases()) == 1


def test_a_copy_put_beside_the_log_of_the_former_file_is_left_alone(tmp_path: Path) -> None:
    """SQLite would write the former file's log into it, and damage it."""
    store = tmp_path / "state"
    _, ledger = with_pool(store)
    copy(store, store / "copy.db")
    whole = (store / "copy.db").read_bytes()
    (store / "copy.db").rename(store / "podberth.db")
    with pytest.raises(StoreFailed, match=r"podberth\.db-wal beside it is still the log of the file before") as refused:
        ledger.leases()
    assert "delete" in refused.value.details
    assert (store / "podberth.db").read_bytes() == whole


def test_something_else_under_the_name_is_another_file(tmp_path: Path) -> None:
    store = tmp_path / "state"
    _, ledger = with_pool(store)
    with closing(sqlite3.connect(store / "other.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
    (store / "other.db").rename(store / "podberth.db")
    with pytest.raises(StoreFailed, match="another file than the one this process has open: no such table: events"):
        ledger.leases()
    (store / "podberth.db").write_bytes(b"garbage" * 1000)
    (store / "podberth.db").rename(store / "x")
    (store / "x").rename(store / "podberth.db")
    with pytest.raises(StoreFailed, match="is damaged"):
        ledger.leases()
