"""Clocks that are wrong: what they may not do to the ledger, to a rest, or to an answer. On every store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import PoolExhausted, TryAgainLater
from podberth.ipam.lease import Correction
from podberth.ipam.lifecycle import fold
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from tests.contract.ledgers import NOON, OPERATOR, PLUGIN, SECOND, Clock, ClusterBackend, attachment, claim, ip, pool

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.ipam.ledger import Ledger
    from tests.contract.ledgers import Backend

ONE, OTHER = ip("10.20.0.8"), ip("10.20.0.9")
DAY, YEARS = 86_400, 74 * 365 * 86_400
TO_1970 = -NOON // SECOND  # Linux sets no clock to before that
REST = 60


def used_up(backend: Backend, allocation: str = "lowest") -> Ledger:
    """Return a ledger with one address, which has just been released and rests for REST."""
    backend.define(pool("db", "10.20.0.8/32", quarantine=REST, allocation=allocation))
    ledger = backend.open()
    ledger.bind(claim("a"), PLUGIN)
    ledger.unbind(attachment("c-a"), PLUGIN)
    return ledger


def has_rested(ledger: Ledger) -> bool:
    try:
        ledger.bind(claim("b"), PLUGIN)
    except PoolExhausted:
        return False
    ledger.unbind(attachment("c-b"), PLUGIN)
    return True


def held_by(ledger: Ledger, at: int | None = None) -> str:
    held = ledger.who(ONE, at)
    return str(held.bound_to.container_id if held.bound_to is not None else held.state)


class TestARest:
    """A released address is kept from other pods for as long as the pool says, whatever the clocks say."""

    @pytest.mark.parametrize("step", [TO_1970, -DAY, -30, 30, DAY, YEARS])
    def test_is_as_long_as_asked_when_the_clock_is_set(self, backend: Backend, step: int) -> None:
        ledger = used_up(backend)
        backend.clock.tick(REST - 1)
        backend.clock.step(step)
        assert not has_rested(ledger)
        backend.clock.tick(1)
        assert has_rested(ledger)

    def test_ends_though_the_clock_stood_in_2100_when_it_began(self, backend: Backend) -> None:
        backend.clock.step(YEARS)
        ledger = used_up(backend)
        backend.clock.step(-YEARS)
        assert not has_rested(ledger)
        backend.clock.tick(REST)
        assert has_rested(ledger)

    def test_the_refusal_says_how_long_it_takes_by_no_clock_that_is_set(self, backend: Backend) -> None:
        backend.clock.step(DAY)
        ledger = used_up(backend)
        backend.clock.step(-DAY)
        backend.clock.tick(20)
        with pytest.raises(PoolExhausted) as nothing:
            ledger.bind(claim("b"), PLUGIN)
        assert "the next one is free in 40 s" in nothing.value.details
        with pytest.raises(TryAgainLater, match="rests for another 40 s"):
            ledger.bind(claim("b", "10.20.0.8"), PLUGIN)

    def test_after_a_restart_it_is_no_longer_than_asked_again(self, backend: Backend) -> None:
        ledger = used_up(backend)
        backend.clock.tick(REST // 2)
        backend.clock.restart()
        for _ in range(3):  # no refusal takes back what a look has begun
            assert not has_rested(ledger)
            backend.clock.tick(REST // 3)
        assert has_rested(ledger)

    def test_what_surely_passed_before_a_restart_counts(self, backend: Backend) -> None:
        backend.define(pool("db", "10.20.0.8/31", quarantine=REST))
        ledger = backend.open()
        for name in ("a", "b"):
            ledger.bind(claim(name), PLUGIN)
        ledger.unbind(attachment("c-a"), PLUGIN)
        backend.clock.tick(REST - 10)
        ledger.unbind(attachment("c-b"), PLUGIN)
        backend.clock.restart()
        assert ledger.usage()[0].free == 0
        with pytest.raises(PoolExhausted):
            ledger.bind(claim("c"), PLUGIN)
        backend.clock.tick(10)
        assert ledger.bind(claim("c"), PLUGIN)[0].address == ONE

    def test_the_one_released_longest_ago_is_the_next_whatever_the_clock_said(self, backend: Backend) -> None:
        backend.define(pool("db", "10.20.0.8/31", allocation="leastRecentlyUsed"))
        ledger = backend.open()
        for name in ("a", "b"):
            ledger.bind(claim(name), PLUGIN)
        backend.clock.step(DAY)
        ledger.unbind(attachment("c-b"), PLUGIN)
        backend.clock.step(-DAY)
        backend.clock.tick()
        ledger.unbind(attachment("c-a"), PLUGIN)
        backend.clock.tick()
        assert ledger.bind(claim("c"), PLUGIN)[0].address == OTHER
        backend.clock.restart()
        ledger.unbind(attachment("c-c"), PLUGIN)
        assert ledger.bind(claim("d"), PLUGIN)[0].address == ONE

    def test_what_is_only_noted_lengthens_it_not(self, backend: Backend) -> None:
        ledger = used_up(backend)
        backend.clock.tick(REST - 10)
        backend.clock.step(-DAY)
        ledger.conflicted(ONE, "02:00:00:00:00:01", attachment("c-b"), PLUGIN)
        backend.clock.tick(10)
        assert has_rested(ledger)


class TestTime:
    """The ledger keeps its writer's time, and its order by numbers."""

    def test_an_event_of_2100_makes_no_later_one_of_2100(self, backend: Backend, ledger: Ledger) -> None:
        backend.clock.step(YEARS)
        ledger.bind(claim("a"), PLUGIN)
        backend.clock.step(-YEARS)
        backend.clock.tick()
        ledger.unbind(attachment("c-a"), PLUGIN)
        assert [event.time - NOON for event in ledger.history()] == [YEARS * SECOND, SECOND]
        assert fold(ledger.history()).bound == {}

    def test_a_clock_that_was_a_day_ahead_hides_no_holder_now(self, backend: Backend, ledger: Ledger) -> None:
        first = ledger.bind(claim("first"), PLUGIN)
        backend.clock.step(DAY)
        (lease,) = ledger.bind(claim("a"), PLUGIN)
        backend.clock.step(-DAY)
        backend.clock.tick(10)
        held = ledger.who(lease.address, backend.clock.now)
        assert held.bound_to == lease.attachment
        assert held.since is not None
        assert held.since <= backend.clock.now
        assert ledger.who(first[0].address, backend.clock.now).bound_to == first[0].attachment

    @pytest.mark.parametrize("ahead", [DAY, YEARS])
    @pytest.mark.parametrize("more", [0, 3])
    def test_a_first_event_of_a_clock_that_was_ahead_hides_no_holder_now(
        self, backend: Backend, ledger: Ledger, ahead: int, more: int
    ) -> None:
        backend.clock.step(ahead)
        (lease,) = ledger.bind(claim("a"), PLUGIN)
        for nth in range(more):
            backend.clock.tick()
            ledger.bind(claim(f"b{nth}", container=f"c-b{nth}"), PLUGIN)
        backend.clock.step(-ahead)
        backend.clock.tick(3600)
        for late in (0, 1, 2 * SECOND, 50 * SECOND):  # a command takes a moment, and a time is typed to the minute
            held = ledger.who(lease.address, backend.clock.now - late)
            assert (held.bound_to, held.between is not None) == (lease.attachment, True)
            assert ledger.who(ip("10.20.0.200"), backend.clock.now - late).state == "FREE"
        assert ledger.who(lease.address, -(2**60)).state == "UNKNOWN"

    def test_a_first_event_of_a_clock_that_was_ahead_is_found_once_that_is_repaired(
        self, backend: Backend, ledger: Ledger
    ) -> None:
        backend.clock.step(DAY)
        (lease,) = ledger.bind(claim("a"), PLUGIN)
        backend.clock.step(-DAY)
        backend.clock.tick(3600)
        (event,) = ledger.history()
        ledger.corrected(Correction(first=event.seq, last=event.seq, node="", ahead=DAY * SECOND), OPERATOR)
        assert ledger.who(lease.address, NOON).bound_to == lease.attachment
        before = ledger.who(lease.address, NOON - 1)
        assert (before.state, before.begins, before.between) == ("UNKNOWN", NOON, None)

    def test_an_address_that_was_first_bound_by_a_clock_that_was_ahead_is_held_now(
        self, backend: Backend, ledger: Ledger
    ) -> None:
        ledger.bind(claim("first", container="c-first"), PLUGIN)
        backend.clock.tick(3600)
        backend.clock.step(DAY)
        (lease,) = ledger.bind(claim("a"), PLUGIN)
        backend.clock.step(-DAY)
        backend.clock.tick(3600)
        for late in (0, 1, 50 * SECOND):
            assert ledger.who(lease.address, backend.clock.now - late).bound_to == lease.attachment

    def test_a_clock_that_is_a_day_behind_asks_about_all_that_has_happened(
        self, backend: Backend, ledger: Ledger
    ) -> None:
        backend.clock.proven = True
        (lease,) = ledger.bind(claim("a"), PLUGIN)
        backend.clock.proven = False
        backend.clock.step(-DAY)
        assert ledger.who(lease.address, backend.clock.now - SECOND).bound_to == lease.attachment

    def test_without_a_second_opinion_it_says_so_and_refuses_nothing(self, backend: Backend, ledger: Ledger) -> None:
        backend.clock.step(YEARS)
        ledger.bind(claim("a"), PLUGIN)
        assert [(event.clock, event.ahead) for event in ledger.history()] == [("unproven", 0)]
        assert ledger.who(ip("10.20.0.1"), backend.clock.now).between is not None

    def test_a_writer_whose_clock_is_known_to_be_wrong_is_believed_by_the_right_time(
        self, backend: Backend, ledger: Ledger
    ) -> None:
        backend.define(pool("db", "10.20.0.8/32"))
        backend.clock.proven = True
        ledger.bind(claim("a"), PLUGIN)
        backend.clock.tick(10)
        backend.clock.step(DAY)
        ledger.unbind(attachment("c-a"), PLUGIN)
        backend.clock.tick(10)
        ledger.bind(claim("b"), PLUGIN)
        backend.clock.step(-DAY)
        backend.clock.tick(10)
        assert [event.clock for event in ledger.history()] == ["proven"] * 3
        answers = [held_by(ledger, NOON + second * SECOND) for second in (5, 15, 25)]
        assert answers == ["c-a", "FREE", "c-b"]
        assert ledger.who(ONE, NOON + 15 * SECOND).between is None
        assert ledger.leases()[0].since == NOON + 20 * SECOND

    def test_an_operator_says_by_how_much_a_clock_was_wrong_as_an_event(self, backend: Backend) -> None:
        backend.define(pool("db", "10.20.0.8/31"))
        ledger = backend.open()
        ledger.bind(claim("a"), PLUGIN)  # 1, NOON
        ledger.bind(claim("z"), PLUGIN)  # 2, of the other address
        backend.clock.tick(10)
        backend.clock.step(YEARS)
        ledger.unbind(attachment("c-a"), PLUGIN)  # 3, NOON + 10
        backend.clock.tick(10)
        ledger.bind(claim("b"), PLUGIN)  # 4, NOON + 20
        backend.clock.step(-YEARS)
        backend.clock.tick(10)
        before = tuple(ledger.history())
        correction = Correction(first=3, last=4, node="node1", ahead=YEARS * SECOND)
        assert ledger.corrected(correction, OPERATOR) == (ONE,)
        assert ledger.corrected(correction, OPERATOR) == ()
        after = tuple(ledger.history())
        assert after[: len(before)] == before
        assert [(event.kind, event.state, event.corrects) for event in after[len(before) :]] == [
            ("Corrected", "LEASED", correction)
        ]
        backend.clock.tick(10)
        answers = [held_by(ledger, NOON + second * SECOND) for second in (5, 15, 25)]
        assert answers == ["c-a", "FREE", "c-b"]
        assert ledger.who(ONE).event == before[-1]
        assert ledger.bind(claim("b"), PLUGIN)[0].address == ONE
        assert fold(ledger.history()).bound == {lease.address: lease.attachment for lease in ledger.leases()}

    def test_a_correction_is_of_one_node_and_the_last_one_counts(self, backend: Backend) -> None:
        backend.define(pool("db", "10.20.0.8/32"))
        ledger = backend.open()
        ledger.bind(claim("a"), PLUGIN)
        backend.clock.tick(10)
        ledger.unbind(attachment("c-a"), PLUGIN)
        assert ledger.corrected(Correction(first=1, last=9, node="another", ahead=5), OPERATOR) == ()
        backend.clock.tick(10)
        for ahead in (1000, 3):
            ledger.corrected(Correction(first=2, last=2, node="", ahead=ahead * SECOND), OPERATOR)
        assert held_by(ledger, NOON + 6 * SECOND) == "c-a"
        assert held_by(ledger, NOON + 7 * SECOND) == "FREE"
        assert ledger.who(ONE, NOON + 7 * SECOND).since == NOON + 7 * SECOND


class TestSeveralNodes:
    """Nodes of a cluster, each with a clock of its own."""

    def node(self, backend: ClusterBackend, folder: Path, name: str, clock: Clock) -> ClusterLedger:
        folder.mkdir(exist_ok=True)
        clock.boot = f"{name} 1"
        return ClusterLedger(Proposer(Replica(str(folder)), backend.cluster, name, current=True), clock=clock)

    def test_a_node_an_hour_ahead_makes_no_rest_longer_for_others(
        self, cluster_backend: ClusterBackend, tmp_path: Path
    ) -> None:
        cluster_backend.define(pool("db", "10.20.0.8/32", quarantine=REST))
        fast, right = Clock(NOON + 3600 * SECOND), Clock()
        one = self.node(cluster_backend, tmp_path / "one", "one", fast)
        other = self.node(cluster_backend, tmp_path / "other", "other", right)
        one.bind(claim("a"), PLUGIN)
        one.unbind(attachment("c-a"), PLUGIN)
        assert not has_rested(other)
        for clock in (fast, right):
            clock.tick(REST)
        assert has_rested(other)
        assert has_rested(one) is False  # the other has just released it
        held = one.who(ONE, fast.now)
        assert held.event is not None

    def test_a_reader_that_comes_later_counts_from_when_it_looks(
        self, cluster_backend: ClusterBackend, tmp_path: Path
    ) -> None:
        used_up(cluster_backend)
        late = Clock(NOON + YEARS * SECOND)
        cluster_backend.clock.tick(REST)
        reader = self.node(cluster_backend, tmp_path / "late", "late", late)
        assert not has_rested(reader)
        late.tick(REST)
        assert has_rested(reader)

    def test_a_reader_that_comes_later_takes_the_releasing_nodes_word(
        self, cluster_backend: ClusterBackend, tmp_path: Path
    ) -> None:
        cluster_backend.define(pool("db", "10.20.0.8/31", quarantine=REST))
        ledger = cluster_backend.open()
        ledger.bind(claim("a"), PLUGIN)
        ledger.unbind(attachment("c-a"), PLUGIN)
        cluster_backend.clock.tick(REST - 10)
        ledger.bind(claim("z"), PLUGIN)  # of the other address: that much time has passed
        late = Clock(NOON - DAY * SECOND)
        reader = self.node(cluster_backend, tmp_path / "late", "late", late)
        assert not has_rested(reader)
        late.tick(10)
        assert has_rested(reader)

    def test_a_word_that_comes_while_one_waits_shortens_the_wait(
        self, cluster_backend: ClusterBackend, tmp_path: Path
    ) -> None:
        cluster_backend.define(pool("db", "10.20.0.8/31", quarantine=REST))
        ledger = cluster_backend.open()
        ledger.bind(claim("a"), PLUGIN)
        ledger.unbind(attachment("c-a"), PLUGIN)
        cluster_backend.clock.tick(REST)
        late = Clock(NOON - DAY * SECOND)
        reader = self.node(cluster_backend, tmp_path / "late", "late", late)
        assert reader.usage()[0].free == 1
        ledger.bind(claim("z"), PLUGIN)
        assert reader.usage()[0].free == 1
        ledger.unbind(attachment("c-z"), PLUGIN)
        assert has_rested(reader)
