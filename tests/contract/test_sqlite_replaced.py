"""A store's file that is replaced, moved or deleted while a process has it open: never two ledgers under one name."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed
from podberth.entry import staying
from podberth.ipam.lease import Unannounced
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


def test_an_older_copy_put_back_is_gone_on_with_and_has_what_was_bound_since(tmp_path: Path) -> None:
    _, ledger = with_pool(tmp_path / "state")
    copy(tmp_path / "state", tmp_path / "backup.db")
    ledger.bind(claim("c2"), PLUGIN)
    (tmp_path / "backup.db").rename(tmp_path / "state" / "podberth.db")
    for name in FILES[1:]:
        (tmp_path / "state" / name).unlink()
    ledger.bind(claim("c3"), PLUGIN)
    assert sorted(addresses(ledger.leases())) == ["10.20.0.1", "10.20.0.2", "10.20.0.3"]
    epoch = ledger.epoch()
    assert epoch is not None
    assert "event 2 Bound is not in it" in epoch.why


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
    for name in (*FILES, "witness"):
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


def test_an_older_copy_written_over_the_file_where_it_stands_is_noticed(tmp_path: Path) -> None:
    """With cp(1) the inode stays. Another process has brought the log into the file before.

    What the file before had nobody knows any more: the node has to look at its pods before it binds anything.
    """
    store = tmp_path / "state"
    _, ledger = with_pool(store)
    copy(store, tmp_path / "backup.db")
    ledger.bind(claim("c2"), PLUGIN)
    with closing(sqlite3.connect(store / "podberth.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(tmp_path / "backup.db", store / "podberth.db")
    with pytest.raises(Unannounced):
        ledger.bind(claim("c3"), PLUGIN)
    epoch = ledger.epoch()
    assert epoch is not None
    assert "event 2 Bound is not in it" in epoch.why


@pytest.mark.parametrize("another", [False, True], ids=["gone", "another"])
def test_a_file_written_over_whose_log_was_deleted_is_refused(tmp_path: Path, *, another: bool) -> None:
    """What the process goes on to write into the former log nobody else sees: a DEL would be lost without a word."""
    store = tmp_path / "state"
    _, ledger = with_pool(store)
    copy(store, tmp_path / "backup.db")
    ledger.bind(claim("c2"), PLUGIN)
    shutil.copyfile(tmp_path / "backup.db", store / "podberth.db")
    for name in FILES[1:]:
        (store / name).unlink()
    if another:
        (store / "podberth.db-wal").touch()
    with pytest.raises(StoreFailed, match=r"podberth\.db-wal is gone, or another file") as refused:
        ledger.bind(claim("c3"), PLUGIN)
    assert refused.value.code == 104
    with pytest.raises(StoreFailed, match=r"podberth\.db-wal is gone, or another file"):
        ledger.unbind(claim("c1").attachment, PLUGIN)


def test_a_del_is_no_success_while_the_file_that_an_agent_has_open_is_gone(tmp_path: Path) -> None:
    """The runtime would not ask again, and the pod's lease would be there once the file is put back."""
    with_pool(tmp_path / "state")
    serve = staying()
    env = {"CNI_COMMAND": "DEL", "CNI_CONTAINERID": "c9", "CNI_IFNAME": "eth0"}
    conf = {"cniVersion": "1.1.0", "name": "banknet", "type": "podberth", "stateDir": str(tmp_path / "state")}
    assert serve(env, json.dumps(conf).encode(), "podberth") == (0, "")
    (tmp_path / "state" / "podberth.db").rename(tmp_path / "aside.db")
    code, said = serve(env, json.dumps(conf).encode(), "podberth")
    assert (code, json.loads(said)["code"]) == (1, 104)
    (tmp_path / "aside.db").rename(tmp_path / "state" / "podberth.db")
    assert serve(env, json.dumps(conf).encode(), "podberth") == (0, "")


def test_a_file_that_is_replaced_while_a_writer_waits_is_the_one_it_writes(tmp_path: Path) -> None:
    store = tmp_path / "state"
    _, ledger = with_pool(store)
    copy(store, tmp_path / "copy.db")
    with closing(sqlite3.connect(store / "podberth.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = threading.Thread(target=lambda: ledger.bind(claim("c2"), PLUGIN))
        waiting.start()
        time.sleep(0.3)
        (tmp_path / "copy.db").rename(store / "podberth.db")
        for name in FILES[1:]:
            (store / name).unlink()
        third = SqliteBackend(store).open()
        third.bind(claim("c3"), PLUGIN)
        other.execute("ROLLBACK")
        waiting.join()
    assert sorted(addresses(third.leases())) == ["10.20.0.1", "10.20.0.2", "10.20.0.3"]
    assert addresses(ledger.leases()) == addresses(third.leases())
