"""For how long a node's own store keeps history: for ever, unless an operator says so, and never without a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import InvalidConfig, Refused
from podberth.ipam.lifecycle import Edge
from podberth.stores.sqlite.retention import LEAST, What
from tests.contract.ledgers import OPERATOR, PLUGIN, SECOND, attachment, claim, ip, pod
from tests.contract.test_sqlite_archive import ROUNDS, Store

if TYPE_CHECKING:
    from pathlib import Path

YEAR = 365 * 86400


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store whose older events are two years old: one pod of then is still there, one ended after the newer began."""
    store = Store(tmp_path)
    store.clock.proven = True
    store.ledger.bind(claim("stays"), PLUGIN)
    store.ledger.bind(claim("leaves"), PLUGIN)
    store.restart("old", ROUNDS)
    store.clock.tick(2 * YEAR)
    store.restart("new", ROUNDS)
    store.ledger.unbind(attachment("c-leaves"), PLUGIN)
    return store


def keep_up(store: Store) -> None:
    while store.archive.step() or store.ledger.retention.step():
        pass


def test_by_default_nothing_is_ever_deleted(store: Store) -> None:
    before = store.events()
    store.clock.tick(100 * YEAR)
    keep_up(store)
    assert store.events() == before
    assert store.ledger.retention.extent().keep == "forever"
    assert store.ledger.retention.words() == ()


def test_what_is_older_than_an_operator_has_said_goes_and_leaves_a_word(store: Store) -> None:
    before = store.events()
    store.ledger.retention.keep(YEAR, OPERATOR)
    keep_up(store)
    kept, deleted = store.ledger.retention.words()
    assert (kept.what, kept.said, kept.actor) == (What.KEPT, str(YEAR), OPERATOR)
    assert (deleted.what, deleted.first) == (What.DELETED, 1)
    after = store.events()
    gone = [event for event in before if event not in after]
    assert len(gone) == deleted.events
    assert gone
    assert all(event.seq <= deleted.last and event.time < store.clock.now - YEAR * SECOND for event in gone)
    assert [event for event in after if event.seq > deleted.last] == before[deleted.last :]


def test_who_has_an_address_is_known_from_where_history_begins_and_unknown_before(store: Store) -> None:
    began = store.clock.now
    before = store.events()
    leaves = before[1].address
    store.ledger.retention.keep(YEAR, OPERATOR)
    keep_up(store)
    (*_, deleted) = store.ledger.retention.words()
    begins = before[deleted.last].time
    assert store.ledger.who(ip("10.20.0.1"), began).pod == pod("stays")
    assert store.ledger.who(leaves, began - 10 * SECOND).pod == pod("leaves")  # its begin is in what was deleted
    assert store.ledger.who(ip("10.20.9.9"), begins - SECOND).state == Edge.UNKNOWN
    assert store.ledger.who(ip("10.20.9.9"), begins).state == "FREE"
    assert store.ledger.who(ip("10.20.0.1")).pod == pod("stays")


def test_a_legal_hold_keeps_everything_until_it_is_lifted(store: Store) -> None:
    before = store.events()
    store.ledger.retention.hold("case 1", OPERATOR)
    store.ledger.retention.keep(YEAR, OPERATOR)
    store.ledger.retention.hold("case 2", OPERATOR)
    store.ledger.retention.lift("case 1", OPERATOR)
    keep_up(store)
    assert store.events() == before
    assert [hold.said for hold in store.ledger.retention.extent().holds] == ["case 2"]
    store.ledger.retention.lift("case 2", OPERATOR)
    keep_up(store)
    assert len(store.events()) < len(before)


def test_deleting_goes_on_as_time_does_and_what_stays_stays(store: Store) -> None:
    store.ledger.retention.keep(YEAR, OPERATOR)
    keep_up(store)
    first = store.ledger.retention.extent()
    store.clock.tick(2 * YEAR)
    store.restart("newest", ROUNDS)
    keep_up(store)
    then = store.ledger.retention.extent()
    assert first.begins is not None
    assert then.begins is not None
    assert then.begins > first.begins
    assert [word.what for word in store.ledger.retention.words()] == [What.KEPT, What.DELETED, What.DELETED]
    assert store.ledger.who(ip("10.20.0.1")).pod == pod("stays")
    assert store.ledger.who(ip("10.20.0.1"), store.clock.now - 60 * SECOND).pod == pod("stays")


def test_a_clock_that_nobody_vouches_for_deletes_nothing(store: Store) -> None:
    before = store.events()
    store.ledger.retention.keep(YEAR, OPERATOR)
    store.clock.proven = False
    store.clock.step(74 * YEAR)
    keep_up(store)
    assert store.events() == before
    store.clock.step(-74 * YEAR)
    store.clock.proven = True
    keep_up(store)
    assert [event for event in store.events() if event.time > store.clock.now - YEAR * SECOND] == [
        event for event in before if event.time > store.clock.now - YEAR * SECOND
    ]
    assert len(store.events()) < len(before)


@pytest.mark.parametrize("proven", [True, False], ids=["vouched for later", "never vouched for"])
def test_events_of_1970_are_not_old_for_that(tmp_path: Path, *, proven: bool) -> None:
    """A node without a battery, whose whole first batch was written before its clock was set."""
    store = Store(tmp_path)
    store.clock.step(-56 * YEAR)
    store.restart("first", ROUNDS)
    store.clock.step(56 * YEAR)
    store.clock.proven = proven
    store.restart("then", ROUNDS)
    store.ledger.retention.keep(YEAR, OPERATOR)
    before = store.events()
    store.clock.proven = True
    keep_up(store)
    assert store.events() == before
    store.clock.tick(2 * YEAR)
    store.restart("now", ROUNDS)
    keep_up(store)
    assert (len(store.events()) < len(before) + 2 * ROUNDS) is proven  # two years later they are, by those behind


def test_an_event_of_a_clock_that_was_ahead_keeps_its_neighbours(store: Store) -> None:
    store.clock.step(5 * YEAR)
    store.ledger.conflicted(ip("10.20.0.1"), "02:00:00:00:00:99", attachment("c-x"), PLUGIN)
    store.clock.step(-5 * YEAR)
    store.restart("more", ROUNDS)
    store.clock.tick(3 * YEAR)
    store.ledger.retention.keep(YEAR, OPERATOR)
    keep_up(store)
    assert any(event.kind == "Conflicted" for event in store.events())


def test_a_word_that_can_not_be_is_refused(store: Store) -> None:
    with pytest.raises(InvalidConfig, match="a day or more"):
        store.ledger.retention.keep(LEAST - 1, OPERATOR)
    with pytest.raises(Refused, match="no legal hold 'case 9'"):
        store.ledger.retention.lift("case 9", OPERATOR)
    assert store.ledger.retention.words() == ()
