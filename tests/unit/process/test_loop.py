"""A loop goes on: whatever its turns raise, and whatever its log does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.process.loop import Loop, report
from podberth.process.reason import reason
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator


class Wordless(Exception):
    """An error whose words can't be had."""

    def __str__(self) -> str:
        raise UnicodeError


FAILURES: tuple[BaseException, ...] = (
    TypeError("unhashable type: 'list'"), TryAgainLater("the store is away"), RecursionError(), MemoryError(),
    Wordless(), SystemExit(3), KeyboardInterrupt(), GeneratorExit(),
)  # fmt: skip


class Turns:
    """A loop that fails as it is told, then goes well; `well` is set by the first turn that does."""

    def __init__(self, *failures: BaseException, deaf: bool = False) -> None:
        self.failures = list(failures)
        self.lines: list[str] = []
        self.deaf = deaf
        self.turns = 0
        self.well = threading.Event()
        self.loop = Loop("test", self.turn, self.log, first=0.001, longest=0.01)

    def turn(self) -> float:
        self.turns += 1
        if self.failures:
            raise self.failures.pop(0)
        self.well.set()
        return 3600.0

    def log(self, line: str) -> None:
        if self.deaf:
            raise BrokenPipeError
        self.lines.append(line)


def state(loop: Loop) -> tuple[bool, bool]:
    return loop.alive, loop.stopping


@pytest.fixture
def stopped() -> Iterator[list[Loop]]:
    loops: list[Loop] = []
    yield loops
    for loop in loops:
        loop.stop()
        assert loop.join(PATIENCE)


@pytest.mark.parametrize("deaf", [False, True])
def test_a_loop_goes_on_after_anything_a_turn_raises(stopped: list[Loop], *, deaf: bool) -> None:
    turns = Turns(*FAILURES, deaf=deaf)
    stopped.append(turns.loop)
    turns.loop.start()
    assert turns.well.wait(PATIENCE)
    assert turns.loop.alive
    assert turns.loop.trouble == ""
    assert turns.lines == ([] if deaf else [reason(failure) for failure in FAILURES])


def test_a_loop_that_waits_is_woken(stopped: list[Loop]) -> None:
    turns = Turns()
    stopped.append(turns.loop)
    turns.loop.start()
    assert turns.well.wait(PATIENCE)
    turns.well.clear()
    turns.loop.wake()
    assert turns.well.wait(PATIENCE)


def test_a_loop_that_is_stopped_ends_and_says_so() -> None:
    turns = Turns()
    assert state(turns.loop) == (True, False)
    turns.loop.start()
    assert turns.well.wait(PATIENCE)
    turns.loop.stop()
    assert turns.loop.join(PATIENCE)
    assert state(turns.loop) == (False, True)


def test_a_reason_is_the_message_or_the_type_too() -> None:
    assert reason(TryAgainLater("the store is away", "wait")) == "the store is away"
    assert reason(TypeError("no")) == "TypeError: no"


def test_a_log_that_can_t_be_written_raises_nothing() -> None:
    def broken(line: str) -> None:
        raise OSError(28, line)

    lines: list[str] = []
    report(broken, "one")
    report(lines.append, "two")
    assert lines == ["two"]


def test_a_failure_that_comes_again_and_again_is_logged_once(stopped: list[Loop]) -> None:
    turns = Turns(*(TypeError("no"),) * 5, TypeError("other"), TypeError("no"))
    stopped.append(turns.loop)
    turns.loop.start()
    assert turns.well.wait(PATIENCE)
    assert turns.lines == ["TypeError: no", "TypeError: other", "TypeError: no"]


def test_a_loop_that_is_joined_by_itself_does_not_wait(stopped: list[Loop]) -> None:
    said: list[bool] = []

    def turn() -> float:
        said.append(loop.join())
        return 3600.0

    loop = Loop("self", turn, lambda _: None)
    stopped.append(loop)
    loop.start()
    until(lambda: said, "it waits for itself")
    assert said == [False]


def test_a_reason_is_had_of_an_error_without_words() -> None:
    assert reason(Wordless()) == "Wordless"
