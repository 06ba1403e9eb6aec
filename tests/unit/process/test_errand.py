"""Threads that end: their failures are raised by those who wait, and nothing is lost in silence."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from podberth.process.errand import Errand, call, together
from podberth.process.outbox import Outbox
from tests.waiting import PATIENCE


def test_a_call_returns_or_raises_what_its_thread_does() -> None:
    assert call(threading.get_ident) != threading.get_ident()
    with pytest.raises(SystemExit):
        call(partial(exec, "raise SystemExit(1)"))


def test_all_have_ended_when_the_first_failure_is_raised() -> None:
    ended: list[int] = []

    def one(number: int) -> int:
        if number == 1:
            raise ValueError(number)
        ended.append(number)
        return number

    with pytest.raises(ValueError, match="1"):
        together([partial(one, number) for number in range(5)])
    assert sorted(ended) == [0, 2, 3, 4]
    assert together([partial(one, number) for number in (7, 5)]) == [7, 5]


def test_a_failure_tells_those_who_wait_for_something_else() -> None:
    told = threading.Event()
    errand = Errand(partial(exec, "raise KeyError"), told.set)
    assert told.wait(PATIENCE)
    with pytest.raises(KeyError):
        errand.wait()


def test_a_wait_has_a_bound() -> None:
    go = threading.Event()
    errand = Errand(lambda: go.wait(PATIENCE))
    assert not errand.wait(0.01)
    go.set()
    assert errand.wait()


class Post:
    """Where events are sent; it fails for some."""

    def __init__(self, most: int = 10) -> None:
        self.sent: list[str] = []
        self.lost: list[tuple[str, int]] = []
        self.go = threading.Event()
        self.box: Outbox[str] = Outbox("post", self.send, lambda why, count: self.lost.append((why, count)), most)

    def send(self, event: str) -> None:
        assert self.go.wait(PATIENCE)
        if event == "bad":
            raise TypeError("odd")
        self.sent.append(event)


def test_an_outbox_goes_on_after_anything_it_fails_of() -> None:
    post = Post()
    for event in ("a", "bad", "b"):
        assert post.box.put(event)
    post.go.set()
    post.box.settle()
    assert (post.sent, post.lost) == (["a"], [("TypeError: odd", 2)])
    assert post.box.put("c")
    post.box.settle()
    assert post.sent == ["a", "c"]


def test_every_loss_is_told_also_one_of_the_same_reason() -> None:
    post = Post()
    post.go.set()
    for _ in range(3):
        assert post.box.put("bad")
        while post.box._waiting:
            threading.Event().wait(0.001)
    post.box.settle()
    assert sum(count for _, count in post.lost) == 3


def test_an_outbox_that_is_full_takes_no_more_and_does_not_wait() -> None:
    post = Post(most=2)
    taken = [post.box.put(str(number)) for number in range(10)]
    post.go.set()
    post.box.settle()
    assert taken.count(True) in (2, 3)  # one may be on its way
    assert len(post.sent) == taken.count(True)
