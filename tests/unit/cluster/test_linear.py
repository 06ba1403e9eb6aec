"""The judge of histories, on right ones and on wrong ones."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from bench.cluster.history import NEVER, OK, REFUSED, UNKNOWN, Operation
from bench.cluster.linear import MODEL, NOBODY, Step, complaints, linearizable
from podberth.cni.value import replace

if TYPE_CHECKING:
    from collections.abc import Iterable


A = "10.0.0.1"


def op(kind: str, container: str, at: tuple[int, int], got: str = "", **more: object) -> Operation:
    began, ended = at
    parts = {"outcome": OK if ended != NEVER else UNKNOWN, "pod": container[:1], **more}
    return Operation(
        node="n1", kind=kind, began=began, ended=ended, attachment=container, got=tuple(got.split()), **parts  # type: ignore[arg-type]
    )  # fmt: skip


def wrong(operations: Iterable[Operation], held: str = "", kept: str = "", seen: str = "") -> list[str]:
    """`seen`: which containers the ledger has at .1, beside those that were told so."""
    history = list(operations)
    places = {each.attachment: ["10.0.0.1"] for each in history if "10.0.0.1" in each.got}
    places |= {container: ["10.0.0.1"] for container in seen.split()}
    return complaints(history, places, {"10.0.0.1": held} if held else {}, {"10.0.0.1": kept} if kept else {})


def test_what_one_has_ended_another_may_have() -> None:
    assert not wrong([op("bind", "a1", (1, 2), A), op("unbind", "a1", (3, 4), A), op("bind", "b1", (5, 6), A)], "b1")


def test_two_are_told_they_have_it_one_after_the_other() -> None:
    assert wrong([op("bind", "a1", (1, 2), A), op("bind", "b1", (3, 4), A)], "b1")


def test_two_are_told_they_have_it_at_the_same_time() -> None:
    assert wrong([op("bind", "a1", (1, 9), A), op("bind", "b1", (2, 8), A)], "b1")


def test_an_end_that_overlaps_the_next_bind_may_have_come_before_it() -> None:
    assert not wrong([op("bind", "a1", (1, 2), A), op("unbind", "a1", (3, 9), A), op("bind", "b1", (4, 5), A)], "b1")


def test_an_end_that_began_after_the_next_bind_was_answered_came_too_late() -> None:
    assert wrong([op("bind", "a1", (1, 2), A), op("unbind", "a1", (6, 9), A), op("bind", "b1", (4, 5), A)], "b1")


@pytest.mark.parametrize(("seen", "fine"), [("a1", True), ("", False)])
def test_a_bind_of_unknown_end_explains_a_refusal_only_if_it_happened(seen: str, fine: bool) -> None:
    history = [
        op("bind", "a1", (1, NEVER)),
        op("bind", "b1", (5, 6), outcome=REFUSED, refusal="AddressTaken", address=A),
    ]
    assert (not wrong(history, "a1" if fine else "", seen=seen)) == fine


def test_an_end_of_unknown_end_may_come_long_after() -> None:
    ending = op("unbind", "a1", (3, NEVER))
    early, late = op("bind", "b1", (50, 60), A), op("unbind", "a1", (70, 80))
    assert not wrong([op("bind", "a1", (1, 2), A), ending, early, late], "b1")
    assert wrong([op("bind", "a1", (1, 2), A), ending, early, op("unbind", "a1", (70, 80), A)], "b1")


def test_a_bind_of_unknown_end_did_not_come_before_it_began() -> None:
    history = [
        op("bind", "b1", (1, 2), outcome=REFUSED, refusal="AddressTaken", address=A),
        op("bind", "a1", (3, NEVER)),
    ]
    assert wrong(history, "a1", seen="a1")


def test_what_is_reserved_goes_to_nobody_else_also_while_its_pod_is_away() -> None:
    first = [op("bind", "a1", (1, 2), A, sticky=True), op("unbind", "a1", (3, 4), A)]
    assert not wrong([*first, op("bind", "a2", (5, 6), A)], "a2", "a")
    assert wrong([*first, op("bind", "b1", (5, 6), A)], "b1", "a")


def test_a_move_is_within_one_pod_and_from_the_attachment_that_was_named() -> None:
    first = op("bind", "a1", (1, 2), A)
    assert not wrong([first, op("bind", "a2", (3, 4), A, takeover=("a1",))], "a2")
    assert wrong([first, op("bind", "a2", (3, 4), A, takeover=("a0",))], "a2")
    assert wrong([first, op("bind", "b1", (3, 4), A, takeover=("a1",))], "b1")


def test_the_same_claim_again_changes_nothing() -> None:
    assert not wrong([op("bind", "a1", (1, 2), A), op("bind", "a1", (3, 4), A)], "a1")


def test_a_del_that_found_nothing_had_nothing_to_find() -> None:
    bound = op("bind", "a1", (1, 2), A)
    assert wrong([bound, op("unbind", "a1", (3, 4))], "a1")
    assert not wrong([bound, op("unbind", "a1", (3, 4), A), op("unbind", "a1", (5, 6))])


def test_what_the_ledger_ends_with_is_part_of_the_history() -> None:
    assert wrong([op("bind", "a1", (1, 2), A)])
    assert wrong([op("bind", "a1", (1, 2), A), op("unbind", "a1", (3, 4), A)], "a1")


def test_reservations_by_hand_exclude_each_other() -> None:
    mine = op("reserve", "", (1, 2), A, pod="a", address=A)
    theirs = op("reserve", "", (3, 4), pod="b", address=A, outcome=REFUSED, refusal="AddressTaken")
    assert not wrong([mine, theirs], kept="a")
    ended = op("release", "", (5, 6), A, pod="a", address=A)
    assert not wrong([mine, theirs, ended])
    assert wrong([mine, ended, op("release", "", (7, 8), A, pod="a", address=A)])


def register_run(chance: random.Random, length: int) -> list[Step]:
    """Steps of clients of one register that is as it should be, each stretched around the moment it happened."""
    now, steps = NOBODY, []
    for moment in range(0, length * 100, 100):
        says = chance.choice(("bound", "unbound", "not theirs", "reserved", "released", "of others", "still held"))
        who = chance.choice("ab") + chance.choice("12")
        step = Step(says=says, began=0, attachment=who, pod=who[0], sticky=chance.random() < 0.3)
        after = MODEL[says](now, step)
        if after is None:
            continue
        now = after
        began, ended = moment - chance.randrange(300), moment + chance.randrange(300)
        lost = chance.random() < 0.1
        steps.append(replace(step, began=began, ended=NEVER if lost else ended, sure=not lost))
    return steps


@pytest.mark.parametrize("seed", range(40))
def test_whatever_one_register_does_is_linearizable(seed: int) -> None:
    assert linearizable(register_run(random.Random(seed), 200))
