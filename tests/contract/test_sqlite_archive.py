"""Older events in the archive of a node's own store: nothing is lost or seen twice, every question is answered."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import Refused
from podberth.ipam.lease import Correction
from podberth.ipam.lifecycle import Edge, fold
from podberth.stores.sqlite import archive
from podberth.stores.sqlite.archive import BATCH, Archive
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.downgrade import downgrade
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.ledgers import OPERATOR, PLUGIN, SECOND, SqliteBackend, attachment, claim, ip, pod, pool

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.ipam.lease import Event

SMALL, NEW = 1200, 300  # events of a batch, and those that stay: less than a node has, and more than one part
ROUNDS = (SMALL + NEW) // 2 + 100  # restarts, each two events: a batch is due, and more


class Store(SqliteBackend):
    """A store with pods that start and end, one each minute; some stay."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.define(pool("db", "10.20.0.0/16"))
        self.ledger = SqliteLedger(self.database, clock=self.clock)
        self.archive = Archive(self.database, self.clock, batch=SMALL, kept=NEW)

    def restart(self, name: str, times: int, container: str = "") -> None:
        """Have a pod start and end so often. It is quick: nothing waits for the disk."""
        for n in range(times):
            self.clock.tick(30)
            made = claim(name, container=f"{container or name}-{n}", uid=f"{name}-{n}", sticky=True)
            self.ledger.bind(made, PLUGIN, durable=False)
            self.clock.tick(30)
            self.ledger.unbind(made.attachment, PLUGIN, durable=False)

    def events(self) -> list[Event]:
        return list(self.ledger.history())

    def count(self, query: str) -> int:
        with self.database.read() as connection:
            return int(connection.execute(query).fetchone()[0])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_the_archive_has_every_event_and_every_answer_stays(store: Store) -> None:
    for name in ("stays", "leaves", "comes"):
        store.ledger.bind(claim(name), PLUGIN)
    began = store.clock.now
    store.restart("a", ROUNDS // 2)
    store.restart("b", ROUNDS // 2)
    store.ledger.unbind(attachment("c-leaves"), PLUGIN)
    store.ledger.conflicted(ip("10.20.0.1"), "02:00:00:00:00:99", attachment("c-b"), PLUGIN)
    before = store.events()
    address = before[3].address
    times = [began - SECOND, began + 31 * SECOND, began + 61 * SECOND, store.clock.now - 61 * SECOND, store.clock.now]
    asked = [store.ledger.who(each, at) for each in (address, ip("10.20.0.1"), ip("10.20.9.9")) for at in times]
    of_pod = list(store.ledger.history(pod=pod("a", "")))
    of_address = list(store.ledger.history(address=address))
    store.archive.all()
    assert store.count("SELECT count(*) FROM bodies") > 0
    assert store.count("SELECT count(*) FROM events") < len(before) - SMALL + 10
    assert store.events() == before
    assert fold(store.events()) == fold(before)
    assert list(store.ledger.history(pod=pod("a", ""))) == of_pod
    assert list(store.ledger.history(address=address)) == of_address
    assert [store.ledger.who(each, at) for each in (address, ip("10.20.0.1"), ip("10.20.9.9")) for at in times] == asked
    assert store.ledger.who(ip("10.20.0.1")).pod == pod("stays")


def test_each_step_can_be_the_last_one_and_a_reader_sees_the_same_after_each(store: Store) -> None:
    store.restart("a", ROUNDS)
    before = store.events()
    steps = 0
    while store.archive.step():
        steps += 1
        assert [event.seq for event in store.events()] == [event.seq for event in before]
    assert steps > SMALL // archive.SWEPT
    assert store.events() == before


def test_a_reader_that_is_in_the_middle_misses_nothing_that_moves_meanwhile(store: Store) -> None:
    store.restart("a", ROUNDS)
    before = store.events()
    reading = store.ledger.history()
    found = [next(reading) for _ in range(10)]
    store.archive.all()
    assert found + list(reading) == before


def test_with_many_addresses_each_has_its_history(store: Store) -> None:
    names = [f"p{n}" for n in range(100)]
    for n in range(9):
        for name in names:
            store.clock.tick(1)
            store.ledger.bind(claim(name, container=f"{name}-{n}", sticky=True), PLUGIN, durable=False)
            store.ledger.unbind(attachment(f"{name}-{n}"), PLUGIN, durable=False)
    before = store.events()
    store.archive.all()
    assert store.events() == before
    for name in names[::33]:
        own = [event for event in before if event.pod is not None and event.pod.name == name]
        assert list(store.ledger.history(pod=pod(name, ""))) == own
        assert list(store.ledger.history(address=own[0].address)) == own
        at = own[6].time
        assert store.ledger.who(own[0].address, at).event == own[6]


def test_a_correction_reaches_events_that_are_in_the_archive(store: Store) -> None:
    store.restart("a", ROUNDS)
    address = store.events()[0].address
    store.archive.all()
    word = Correction(first=2, last=3, node="node1", ahead=20 * SECOND)
    assert store.ledger.corrected(word, OPERATOR) == (address,)
    assert store.ledger.corrected(word, OPERATOR) == ()
    bound = store.events()[1]
    assert store.ledger.who(address, bound.time - 10 * SECOND).event == bound
    store.restart("b", ROUNDS)
    store.archive.all()
    assert store.ledger.who(address, bound.time - 10 * SECOND).event == bound
    assert store.ledger.corrected(word, OPERATOR) == ()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM batches",
        "DELETE FROM parts",
        "DELETE FROM bodies",
        "UPDATE bodies SET body = x'00'",
        "UPDATE batches SET last = last + 1",
        "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events WHERE seq <= (SELECT last FROM batches))",
        "DELETE FROM events WHERE seq > (SELECT max(last) FROM batches)",
        "DELETE FROM history_words",
        "INSERT INTO batches VALUES (1, 1, 1, 1, 0)",
    ],
)
def test_the_archive_can_not_be_rewritten_by_any_statement(store: Store, statement: str) -> None:
    store.restart("a", 3)
    store.restart("b", ROUNDS)
    store.archive.all()
    store.ledger.retention.hold("case 1", OPERATOR)
    before = store.events()
    with closing(sqlite3.connect(store.directory / "podberth.db", isolation_level=None)) as raw:
        raw.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(statement)
    assert store.events() == before


def test_a_file_whose_last_known_event_is_in_the_archive_by_now_is_still_the_same(store: Store) -> None:
    idle = SqliteLedger(Database(str(store.directory)), clock=store.clock)
    idle.bind(claim("idle"), PLUGIN)
    store.ledger.unbind(attachment("c-idle"), PLUGIN)
    store.restart("a", ROUNDS)
    store.archive.all()
    assert store.count("SELECT count(*) FROM events WHERE seq = 1") == 0
    assert idle.bind(claim("later"), PLUGIN)


def test_before_the_first_event_of_the_archive_nothing_is_known(store: Store) -> None:
    began = store.clock.now
    store.restart("a", ROUNDS)
    store.archive.all()
    held = store.ledger.who(ip("10.20.7.7"), began - SECOND)
    assert (held.state, held.begins) == (Edge.UNKNOWN, began + 30 * SECOND)
    assert store.ledger.who(ip("10.20.7.7"), began + 31 * SECOND).state == "FREE"


def test_where_no_agent_runs_whoever_ends_leases_keeps_the_table_short(store: Store) -> None:
    store.restart("a", archive.LATE // 2 + BATCH)
    assert store.count("SELECT count(*) FROM events") < archive.LATE + BATCH
    assert len(store.events()) == archive.LATE + 2 * BATCH + 1


def test_a_store_that_goes_back_to_an_earlier_release_has_every_event_among_the_others(store: Store) -> None:
    store.restart("a", ROUNDS)
    before = [(event.seq, event.kind, event.time) for event in store.events()]
    store.archive.all()
    store.database.close()
    path = str(store.directory / "podberth.db")
    downgrade(path, "0.1.0", store.clock())
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT seq, kind, time FROM events ORDER BY seq").fetchall() == before
    assert [(event.seq, event.kind, event.time) for event in store.events()] == before


def test_a_store_with_a_word_about_its_history_does_not_go_back(store: Store) -> None:
    store.ledger.retention.hold("case 1", OPERATOR)
    store.database.close()
    with pytest.raises(Refused, match=r"podberth 0\.2\.0 and later"):
        downgrade(str(store.directory / "podberth.db"), "0.1.0", store.clock())
