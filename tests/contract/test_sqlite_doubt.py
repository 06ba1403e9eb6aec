"""A disk that does not take what is written to it: no later success hides that (the kernel forgets it at once)."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from podberth.cni.errors import CniError
from podberth.process.whole import write_whole
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.ledgers import PLUGIN, Clock, SqliteBackend, claim, pool
from tests.waiting import PATIENCE

SOURCE = Path(__file__).with_name("failing_disk.c")
# What a child does, one word each; it prints "done", or an error's message.
PROGRAM = """
import sys, time
from pathlib import Path
from podberth.cni.errors import CniError
from podberth.net.facts import NetnsId
from podberth.net.record import Record
from podberth.stores.clock import node_clock
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.ledgers import PLUGIN, attachment, claim

directory, flag, *words = sys.argv[1:]
database = Database(directory, staying="stay" in words)
ledger, attachments = SqliteLedger(database, clock=node_clock), SqliteAttachments(database)


def record(name):
    return Record(
        attachment=attachment(name), pod=None, netns="/n", netns_id=NetnsId(device=1, inode=1), steps=(), done=False,
        since=1, conf="",
    )


for word in words:
    what, _, name = word.partition(":")
    try:
        if what == "break":
            Path(flag).touch()
        elif what == "mend":
            Path(flag).unlink(missing_ok=True)
        elif what == "bind":
            ledger.bind(claim(name), PLUGIN)
        elif what == "lazily":
            ledger.bind(claim(name), PLUGIN, durable=False)
        elif what == "open":
            attachments.open(record(name))
            while Path(flag).exists() and not Path(directory, "podberth.db-doubt").exists():
                time.sleep(0.01)
        elif what == "done":
            attachments.done(record(name).key)
        print("done", flush=True)
    except CniError as failure:
        print(failure.message, flush=True)
"""


@pytest.fixture(scope="session")
def preload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("failing") / "failing_disk.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", built, SOURCE, "-ldl"], check=True)
    return built


class Disk:
    """A store in a directory of a disk that can fail."""

    def __init__(self, directory: Path, preload: Path) -> None:
        self.store = directory / "store"
        self.flag = directory / "broken"
        self.preload = preload
        SqliteBackend(self.store).define(pool("db", "10.20.0.0/24"))

    def run(self, *words: str, once: bool = True, on: str = "podberth.db-wal") -> list[str]:
        """Run a process that does this, with a disk that fails where it is told to; return what it was answered."""
        env = {**os.environ, "LD_PRELOAD": str(self.preload), "FAIL_ON": on, "FAIL_WHILE": str(self.flag)}
        if once:
            env["FAIL_ONCE"] = "1"
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(self.store), str(self.flag), *words],
            env=env, capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    @property
    def in_doubt(self) -> bool:
        return (self.store / "podberth.db-doubt").exists()

    def on_disk(self) -> int:
        """Return how many events are in the database itself, without its log."""
        uri = f"file:{self.store}/podberth.db?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


@pytest.fixture
def disk(tmp_path: Path, preload: Path) -> Disk:
    return Disk(tmp_path, preload)


def test_a_flush_that_failed_is_an_error_and_the_next_success_is_one_of_all_that_was_committed(disk: Disk) -> None:
    answers = disk.run("bind:a", "break", "bind:b", "bind:c")
    assert answers[0] == answers[3] == "done"
    assert "the disk did not take what was written (Input/output error)" in answers[2]
    assert disk.on_disk() >= 2  # those of a and b were written again, to the database itself
    assert not disk.in_doubt


def test_another_process_writes_all_again_before_it_says_that_anything_is_on_disk(disk: Disk) -> None:
    disk.run("bind:a", "break", "bind:b")
    assert disk.in_doubt
    assert disk.on_disk() == 0
    assert disk.run("bind:c") == ["done"]
    assert disk.on_disk() >= 2
    assert not disk.in_doubt


def test_while_the_disk_fails_nothing_is_written_and_everything_is_answered(disk: Disk) -> None:
    answers = disk.run("bind:a", "break", "bind:b", "bind:c", "bind:d", "mend", "bind:e", once=False)
    assert all("the disk did not take" in answer for answer in answers[2:5])
    assert "the check failed" in answers[3]
    assert answers[6] == "done"
    names = [lease.pod.name for lease in SqliteLedger(Database(str(disk.store)), Clock()).leases() if lease.pod]
    assert names == ["a", "b", "e"]


def test_a_database_that_does_not_take_the_log_stays_in_doubt(disk: Disk) -> None:
    disk.run("bind:a", "break", "bind:b")
    disk.flag.touch()
    (refused,) = disk.run("bind:c", once=False, on="podberth.db")
    assert "the check failed" in refused
    assert disk.in_doubt


def test_what_fails_in_a_flush_that_nobody_waits_for_is_made_good_before_anybody_is_answered(disk: Disk) -> None:
    answers = disk.run("stay", "lazily:a", "break", "open:a", "done:a")
    assert answers[4] == "done"
    assert disk.on_disk() >= 1
    assert not disk.in_doubt


def test_a_process_that_ends_after_such_a_flush_leaves_the_file_in_doubt(disk: Disk) -> None:
    disk.run("stay", "lazily:a", "break", "open:a", once=False)
    assert disk.in_doubt


def test_a_file_that_is_damaged_by_it_is_not_written(disk: Disk) -> None:
    disk.run("bind:a", "break", "bind:b")
    file = disk.store / "podberth.db"
    disk.store.joinpath("podberth.db-wal").unlink()
    content = bytearray(file.read_bytes())
    for page in range(3, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    file.write_bytes(content)
    ledger = SqliteLedger(Database(str(disk.store)), Clock())
    with pytest.raises(CniError, match=r"damaged|check failed"):
        ledger.bind(claim("c"), PLUGIN)
    assert disk.in_doubt


@pytest.mark.parametrize("before", [b"old", None])
def test_a_file_that_is_written_whole_is_as_before_if_its_folder_can_not_be(
    tmp_path: Path, preload: Path, before: bytes | None
) -> None:
    folder, flag = tmp_path / "folder", tmp_path / "broken"
    folder.mkdir()
    if before is not None:
        write_whole(str(folder / "file"), before, 0o600)
    flag.touch()
    program = "import sys; from podberth.process.whole import write_whole; write_whole(sys.argv[1], b'new', 0o600)"
    env = {**os.environ, "LD_PRELOAD": str(preload), "FAIL_ON": "/folder", "FAIL_WHILE": str(flag)}
    ran = subprocess.run(
        [sys.executable, "-c", program, str(folder / "file")], env=env, capture_output=True, check=False
    )
    assert b"Input/output error" in ran.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == ({"file": before} if before else {})
