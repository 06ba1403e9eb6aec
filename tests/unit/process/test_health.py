"""A process is ill if a loop is stuck or gone, and for no other reason."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.process import roll
from podberth.process.health import complaint, problem
from podberth.process.loop import Loop
from podberth.process.metrics import Loops
from tests.waiting import PATIENCE, until


@dataclass(eq=False)
class Sketch:
    """A loop as its state alone."""

    name: str
    last: float = 100.0
    due: float = 400.0
    bound: float = 300.0
    alive: bool = True
    stopping: bool = False
    family: str = ""


def test_loops_within_their_bounds_are_well() -> None:
    assert complaint([Sketch("feed"), Sketch("worker-0")], 400.0) == ""


def test_a_loop_that_is_stuck_or_gone_is_named() -> None:
    said = complaint([Sketch("feed"), Sketch("upkeep", due=399.0), Sketch("finisher", alive=False)], 400.0)
    assert said.split("; ") == [
        "finisher is gone: its thread has ended",
        "upkeep is stuck: no turn has ended for 300 s, and 300 s are allowed",
    ]


def test_a_turn_that_lasts_longer_than_its_bound_is_told_until_it_ends() -> None:
    go = threading.Event()
    turns: list[int] = []

    def turn() -> float:
        turns.append(1)
        assert go.wait(PATIENCE)
        return 3600.0

    loop = Loop("a slow one", turn, turns.append, bound=0.05)  # type: ignore[arg-type]
    loop.start()
    until(lambda: "a slow one is stuck" in problem(), "it never counted as stuck")
    go.set()
    until(lambda: "a slow one" not in problem(), "it counts as stuck for ever")
    loop.stop()
    assert loop.join(PATIENCE)
    assert turns == [1]


def test_a_store_that_is_away_is_a_turn_each_time() -> None:
    again = threading.Semaphore(0)

    def turn() -> float:
        again.release()
        raise TryAgainLater("the store is away")

    loop = Loop("away", turn, lambda _: None, first=0.001, longest=0.001)
    loop.start()
    for _ in range(20):
        assert again.acquire(timeout=PATIENCE)
    assert ("away" in problem(), loop.trouble, roll.failures()["away"] >= 19) == (False, "the store is away", True)
    loop.stop()
    assert loop.join(PATIENCE)
    assert loop not in roll.running()


def test_a_loop_that_waits_for_its_next_turn_is_not_stuck() -> None:
    loop = Loop("patient", lambda: 3600.0, lambda _: None, bound=0.01)
    loop.start(after=3600.0)
    assert complaint([loop], loop.last + 3600.0) == ""
    loop.wake()
    loop.stop()
    assert loop.join(PATIENCE)


def test_metrics_tell_of_the_one_that_is_furthest_behind() -> None:
    loops = [Loop(f"twin-{n}", lambda: 3600.0, lambda _: None, family="twin") for n in range(2)]
    for loop in loops:
        loop.start(after=3600.0)
    loops[0].last -= 50
    found = {
        sample.name: sample.value
        for family in Loops().collect()
        for sample in family.samples
        if sample.labels["loop"] == "twin"
    }
    for loop in loops:
        loop.stop()
        assert loop.join(PATIENCE)
    assert found["podberth_loop_last_turn_seconds"] >= 50
    assert (found["podberth_loop_failures_total"], found["podberth_loop_stuck"]) == (0, 0)


@pytest.mark.parametrize("family", ["worker"])
def test_a_loop_that_was_never_started_is_on_no_roll(family: str) -> None:
    loop = Loop("unborn", lambda: 0.0, lambda _: None, family=family)
    assert loop not in roll.running()
    assert loop.join(0)
