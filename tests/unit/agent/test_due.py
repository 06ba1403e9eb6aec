"""Work that is due: the last of a key counts, what is tried again yields to what is new, the oldest is given up."""

from __future__ import annotations

import threading

from podberth.agent.due import Due

PATIENCE = 60.0  # seconds, the bound of a wait for a thread


def test_of_the_work_of_one_key_the_last_counts_and_what_waits_is_bounded() -> None:
    done: list[tuple[str, int]] = []
    over = threading.Event()

    def act(key: str, work: int) -> None:
        done.append((key, work))
        if key == "last":
            over.set()

    due: Due[str, int] = Due("due", act, done_with_failure, most=3)
    for key, work in (("given up", 0), ("a", 1), ("b", 1), ("a", 2), ("last", 1)):
        due.put(key, work)  # before the start: all wait
    due.start()
    assert over.wait(PATIENCE)
    due.stop(PATIENCE)
    assert done == [("b", 1), ("a", 2), ("last", 1)]


def test_another_try_yields_to_work_that_came_meanwhile_and_else_is_made() -> None:
    done: list[int] = []
    over = threading.Event()

    def act(key: str, work: int) -> None:
        done.append(work)
        if work == 1:
            due.put(key, 2)
            due.again(key, 1, 0.0)
        elif work == 2:
            due.again(key, 3, 0.01)
        else:
            over.set()

    due: Due[str, int] = Due("due", act, done_with_failure)
    due.start()
    due.put("a", 1)
    assert over.wait(PATIENCE)
    due.stop(PATIENCE)
    assert done == [1, 2, 3]


def test_work_that_fails_is_told_and_keeps_no_other_waiting() -> None:
    told: list[str] = []
    over = threading.Event()

    def act(key: str, work: None) -> None:
        if key == "bad":
            raise ValueError("no")
        over.set()

    due: Due[str, None] = Due("due", act, told.append)
    due.put("bad", None)
    due.put("good", None)
    due.start()
    assert over.wait(PATIENCE)
    due.stop(PATIENCE)
    assert told == ["ValueError: no"]


def test_work_that_hangs_keeps_other_keys_waiting_only_where_there_is_one_loop_and_its_own_key_always() -> None:
    began, hung, over = threading.Event(), threading.Event(), threading.Event()
    done: list[tuple[str, int]] = []

    def act(key: str, work: int) -> None:
        if (key, work) == ("hangs", 1):
            began.set()
            assert hung.wait(PATIENCE)
        done.append((key, work))
        if (key, work) == ("hangs", 2):
            over.set()
        elif key == "other":
            hung.set()  # the first ends once the other is done

    due: Due[str, int] = Due("due", act, done_with_failure, loops=2)
    due.start()
    due.put("hangs", 1)
    assert began.wait(PATIENCE)
    due.put("hangs", 2)
    due.put("other", 1)
    assert over.wait(PATIENCE)
    due.stop(PATIENCE)
    assert done == [("other", 1), ("hangs", 1), ("hangs", 2)]


def test_of_one_owners_keys_that_hang_no_other_owners_wait() -> None:
    began, over = threading.Event(), threading.Event()

    def act(key: tuple[str, int], _: None) -> None:
        if key[0] == "hangs":
            began.set()
            assert over.wait(PATIENCE)
        else:
            over.set()

    due: Due[tuple[str, int], None] = Due("due", act, done_with_failure, loops=2, whose=lambda key: key[0])
    for number in range(3):
        due.put(("hangs", number), None)
    due.start()
    assert began.wait(PATIENCE)
    due.put(("other", 0), None)
    assert over.wait(PATIENCE)
    due.stop(PATIENCE)


def done_with_failure(why: str) -> None:
    raise AssertionError(why)
