"""A writer goes on with what it knows of the ledger until somebody else has committed; then it looks again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed, TryAgainLater
from podberth.ipam.lease import Unannounced
from podberth.ipam.versions import Minimum
from podberth.stores.sqlite import ending, minimum, told
from podberth.stores.sqlite.backup import restored
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.ledgers import PLUGIN, SqliteBackend, addresses, attachment, claim, ip, pool

if TYPE_CHECKING:
    from pathlib import Path

AWAIT = "INSERT INTO awaited VALUES ('')"


class Site(SqliteBackend):
    """A store that two processes have open: `ledger` has bound an address, `other` is the other's database."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.define(pool("db", "10.20.0.0/24"))
        self.ledger = SqliteLedger(self.database, clock=self.clock)
        self.ledger.bind(claim("a"), PLUGIN)
        self.other = Database(str(directory))

    def statements(self, *sql: str) -> list[str]:
        """Return what a writer of these statements asks of the database."""
        said: list[str] = []
        with self.database.read() as connection:
            connection.set_trace_callback(said.append)
        said.clear()
        with self.database.write(durable=False) as connection:
            for each in sql:
                connection.execute(each)
        connection.set_trace_callback(None)
        return said


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_writer_that_is_alone_asks_one_number(site: Site) -> None:
    assert site.statements() == ["BEGIN IMMEDIATE", "PRAGMA data_version", "COMMIT"]


def test_what_a_writer_has_changed_it_looks_at_before_it_commits(site: Site) -> None:
    change = "UPDATE pools SET quarantine = 1"
    _, _, changed, look, commit = site.statements(change)
    assert (changed, look[:7], commit) == (change, "SELECT ", "COMMIT")


def test_a_writer_looks_once_after_another_has_committed(site: Site) -> None:
    with site.other.write() as connection:
        connection.execute("UPDATE pools SET quarantine = 1")
    assert len(site.statements()) == 4
    assert len(site.statements()) == 3


def test_an_operation_that_another_process_has_committed_counts_for_the_next_claim(site: Site) -> None:
    operation, _ = ending.note(site.other, site.clock, [attachment("c-a")], PLUGIN)
    ending.hold(site.other, operation, durable=True)
    assert addresses(site.ledger.bind(claim("b", "10.20.0.1"), PLUGIN)) == ["10.20.0.1"]
    assert site.ledger.unbind(attachment("c-a"), PLUGIN) == ()


def test_a_node_that_another_process_awaits_has_to_announce_first(site: Site) -> None:
    restored(site.other, "uid 0 (root)", "the disk of this morning")
    with pytest.raises(Unannounced):
        site.ledger.bind(claim("b"), PLUGIN)
    site.ledger.announce((), (), PLUGIN)
    site.ledger.bind(claim("b"), PLUGIN)


def test_an_address_that_another_process_holds_back_is_let_go_with_the_last_pod(site: Site) -> None:
    gateway = ip("10.20.0.9")
    with site.other.write() as connection:
        told.replace(connection, "db", [told.Told(address=gateway, since=site.clock.now)])
    with pytest.raises(TryAgainLater, match="held back"):
        site.ledger.bind(claim("b", str(gateway)), PLUGIN)
    site.ledger.unbind(claim("a").attachment, PLUGIN)
    with site.other.read() as connection:
        assert told.of_pool(connection, "db") == ()


def test_a_rest_that_another_process_has_begun_goes_on_after_a_restart(site: Site) -> None:
    with site.other.write() as connection:
        connection.execute("UPDATE pools SET quarantine = 60")
    SqliteLedger(site.other, clock=site.clock).unbind(claim("a").attachment, PLUGIN)
    site.clock.tick(30)
    site.clock.restart()
    with pytest.raises(TryAgainLater, match="rests for another 60 s"):
        site.ledger.bind(claim("b", "10.20.0.1"), PLUGIN)


def test_a_minimum_version_that_another_process_has_written_is_heeded(site: Site) -> None:
    with site.other.write() as connection:
        minimum.keep(connection, Minimum(version="9.0.0"))
    with pytest.raises(StoreFailed, match=r"9\.0\.0"):
        site.ledger.bind(claim("b"), PLUGIN)


def test_what_a_writer_has_given_up_is_not_known(site: Site) -> None:
    def give_up() -> None:
        with site.database.write() as connection:
            connection.execute(AWAIT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        give_up()
    site.ledger.bind(claim("b"), PLUGIN)


def test_nothing_is_known_while_a_commit_is_under_way(site: Site) -> None:
    """Whatever ends it before it is noted: SQLite does not count this process's own commits."""
    progress = site.database.progress
    with site.database.write() as connection:
        connection.execute(AWAIT)
        progress.now(connection, events=True, binding=False)
        look = progress.look
        assert (look.operations, look.awaited, look.told, progress.minimum) == (True, True, True, None)
    with pytest.raises(Unannounced):
        site.ledger.bind(claim("b"), PLUGIN)


def test_what_binding_and_unbinding_have_changed_is_known(site: Site) -> None:
    """They look at less than others do, and come to the same."""
    with site.database.write() as connection:
        connection.execute("UPDATE pools SET quarantine = 60")  # so that an address rests
    for name in ("b", "c"):
        site.ledger.bind(claim(name), PLUGIN)
        site.ledger.unbind(attachment(f"c-{name}"), PLUGIN)
        known, resting = site.database.progress.known, site.database.progress.look.row
        site.database.progress.look_again()
        with site.database.write():
            assert site.database.progress.known == known
            assert site.database.progress.look.row == resting


def test_what_a_writer_has_written_is_known_to_it(site: Site) -> None:
    with site.database.write() as connection:
        connection.execute(AWAIT)
    with pytest.raises(Unannounced):
        site.ledger.bind(claim("b"), PLUGIN)


def test_a_database_that_was_closed_is_looked_at_anew(site: Site) -> None:
    site.database.close()
    with site.other.write() as connection:
        connection.execute(AWAIT)
    with pytest.raises(Unannounced):
        site.ledger.bind(claim("b"), PLUGIN)


def test_an_address_that_rests_is_not_in_the_free_space_once_it_is_taken(site: Site) -> None:
    """Also of a store in which it is in both."""
    with site.database.write() as connection:
        connection.execute(
            "INSERT INTO resting (address, pool, family, until, offered, boot) VALUES (?, 'db', 4, 0, 1, ?)",
            (ip("10.20.0.2").packed, site.clock.boot),
        )
    site.ledger.bind(claim("b", "10.20.0.2"), PLUGIN)
    with site.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM resting").fetchone() == (0,)
