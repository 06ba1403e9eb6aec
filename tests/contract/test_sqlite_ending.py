"""The end of very many leases: one operation to everybody who asks, and short transactions to everybody who writes."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.ipam.lifecycle import fold
from podberth.stores.sqlite import ending
from podberth.stores.sqlite.archive import Archive
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import AT_ONCE, SqliteLedger
from tests.contract.ledgers import PLUGIN, SqliteBackend, attachment, claim, ip, pod, pool
from tests.sizes import size

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.stores.sqlite.transaction import Transaction

SOME, MANY = 700, size(700, 100_000)


class Store(SqliteBackend):
    """A store with many leases: those of p0 are kept for it."""

    def __init__(self, directory: Path, many: int = SOME) -> None:
        super().__init__(directory)
        self.define(pool("db", "10.0.0.0/8"))
        self.ledger = SqliteLedger(self.database, clock=self.clock)
        self.attachments = [attachment(f"c-p{n}") for n in range(many)]
        for n in range(many):
            self.ledger.bind(claim(f"p{n}", sticky=not n), PLUGIN, durable=False)
        self.ledger.bind(claim("stays"), PLUGIN)

    def seen(self) -> set[tuple[int, ...]]:
        """Return how many leases there are by each way to ask."""
        ledger = SqliteLedger(Database(str(self.directory)), clock=self.clock)
        return {
            (
                len(ledger.leases()),
                sum(bool(ledger.of(each)) for each in self.attachments) + 1,
                sum(usage.leased for usage in ledger.usage()),
                len(fold(ledger.history()).bound),
            )
        }


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_store_with_an_operation_under_way_is_sound(store: Store) -> None:
    """Else it is not restored over, and never written again after a disk's error."""
    begun(store)
    with store.database.read() as connection:
        assert connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)


def begun(store: Store) -> int:
    """Write down what an operation is about, and no more."""
    return ending.note(store.database, store.clock, store.attachments, PLUGIN)[0]


def holds(store: Store, operation: int) -> None:
    """Say that the operation holds, and do no step of it."""
    ending.hold(store.database, operation, durable=True)


def test_all_leases_end_and_are_returned(tmp_path: Path) -> None:
    store = Store(tmp_path, MANY)
    ended = store.ledger.unbind_all(store.attachments, PLUGIN)
    assert {lease.attachment for lease in ended} == set(store.attachments)
    assert store.seen() == {(1, 1, 1, 1)}
    assert [str(kept.pod) for kept in store.ledger.reservations()] == ["db/p0"]
    with store.database.read() as connection:
        left = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("operations", "ending")]
    assert left == [0, 0]


def test_before_it_holds_everybody_sees_what_was_and_after_it_what_is(store: Store) -> None:
    many = len(store.attachments) + 1
    operation = begun(store)
    assert store.seen() == {(many,) * 4}
    holds(store, operation)
    reader = SqliteLedger(Database(str(store.directory), readonly=True), clock=store.clock)
    assert [str(lease.pod) for lease in reader.leases()] == ["db/stays"]
    assert not any(map(reader.of, store.attachments))
    assert store.seen() == {(1, 1, 1, 1)}


def test_what_was_killed_before_it_held_is_cleared_away_and_nothing_has_ended(store: Store) -> None:
    many = len(store.attachments) + 1
    operation = begun(store)
    store.clock.tick(61)
    while Archive(store.database, store.clock).step():
        pass
    with store.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM ending").fetchone() == (0,)
    assert store.seen() == {(many,) * 4}
    with pytest.raises(TryAgainLater, match="interrupted"):  # it was not dead
        holds(store, operation)


def test_an_add_between_two_steps_gets_what_the_operation_has_freed(store: Store) -> None:
    holds(store, begun(store))
    last = store.attachments[-1]
    again = store.ledger.bind(claim("p0", container="new"), PLUGIN)
    assert again[0].address == ip("10.0.0.1")
    named = store.ledger.bind(claim("other", "10.0.0.9"), PLUGIN)
    assert named[0].pod == pod("other")
    same = store.ledger.bind(claim(f"p{len(store.attachments) - 1}"), PLUGIN)
    assert same[0].attachment == last
    assert {lease.attachment for lease in store.ledger.leases()} >= {again[0].attachment, named[0].attachment, last}
    assert len(store.ledger.leases()) == 4
    assert store.seen() == {(4, 2, 4, 4)}


def test_a_pool_that_the_operation_empties_is_not_full(tmp_path: Path) -> None:
    store = Store(tmp_path, 0)
    store.define(pool("small", "10.77.0.0/22"))
    store.attachments = [attachment(f"c-s{n}") for n in range(1022)]
    for n in range(1022):
        store.ledger.bind(claim(f"s{n}", pool="small"), PLUGIN, durable=False)
    holds(store, begun(store))
    for n in range(3):
        assert store.ledger.bind(claim(f"new{n}", pool="small"), PLUGIN)


def test_no_writer_waits_for_more_than_a_step(tmp_path: Path) -> None:
    store = Store(tmp_path, MANY)
    numbers: list[int] = []

    class Counting(Database):
        def write(self, *, durable: bool = True, events: bool = True, binding: bool = False) -> Transaction:
            with store.database.read() as connection:
                numbers.append(connection.execute("SELECT max(seq) FROM events").fetchone()[0])
            return super().write(durable=durable, events=events, binding=binding)

    many = SqliteLedger(Counting(str(store.directory)), clock=store.clock)
    many.unbind_all(store.attachments, PLUGIN)
    assert len(store.attachments) > AT_ONCE
    assert max(after - before for before, after in pairwise(numbers)) == ending.STEP


PROGRAM = """
import sys
from podberth.stores.clock import node_clock
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.ledgers import PLUGIN, attachment

directory, many = sys.argv[1:]


class Slow(Database):
    done = 0

    def write(self, *, durable=True, events=True, binding=False):
        print(self.done, flush=True)
        sys.stdin.readline()
        self.done += 1
        return super().write(durable=durable, events=events, binding=binding)


ledger = SqliteLedger(Slow(directory), clock=node_clock)
ledger.unbind_all([attachment(f"c-p{n}") for n in range(int(many))], PLUGIN)
print("done", flush=True)
"""


HOLDS = 3  # the write by which the operation holds: the first two write down what it is about


@pytest.mark.parametrize("writes", [1, 2, 3, 4, 5])
def test_killed_after_any_write_the_store_is_as_before_or_complete(tmp_path: Path, writes: int) -> None:
    store = Store(tmp_path)
    many = len(store.attachments) + 1
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(len(store.attachments))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        for n in range(writes + 1):
            assert child.stdout.readline() == f"{n}\n"
            assert len(store.ledger.leases()) == (many if n < HOLDS else 1)
            if n < writes:
                child.stdin.write("\n")
                child.stdin.flush()
        child.kill()
    assert store.seen() == ({(many,) * 4} if writes < HOLDS else {(1, 1, 1, 1)})
    assert store.ledger.bind(claim("later"), PLUGIN)
