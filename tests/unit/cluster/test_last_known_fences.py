"""Fences while the cluster's store is away: those this process has heard of, and the store is not asked."""

from __future__ import annotations

import pytest

from podberth.cni.errors import StoreFailed, TryAgainLater
from podberth.ipam.elsewhere import Alone, Fence
from podberth.ipam.lease import Actor
from podberth.stores.elsewhere import LastKnown

BURNT = Fence(node="n1", actor=Actor(who="ops", why="burnt", node="n2"), time=1)


class Asked(Alone):
    """A store that answers with these fences, or fails with this."""

    def __init__(self) -> None:
        self.answer: tuple[Fence, ...] | Exception = ()
        self.times = 0

    def fences(self) -> tuple[Fence, ...]:
        self.times += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_what_was_heard_last_counts_while_the_store_is_away_or_fails() -> None:
    asked, away = Asked(), [""]
    known = LastKnown(asked, lambda: away[0])
    asked.answer = (BURNT,)
    assert known.fences() == (BURNT,)
    asked.answer = StoreFailed("etcd says no")
    assert known.fences() == (BURNT,)
    away[0] = "no endpoint answers"
    assert (known.fences(), asked.times) == ((BURNT,), 2)
    away[0], asked.answer = "", ()
    assert known.fences() == ()


def test_who_has_heard_nothing_is_told_why() -> None:
    asked, away = Asked(), ["no endpoint answers"]
    known = LastKnown(asked, lambda: away[0])
    with pytest.raises(TryAgainLater, match="is away: no endpoint answers"):
        known.fences()
    assert asked.times == 0
    away[0], asked.answer = "", StoreFailed("etcd says no")
    with pytest.raises(StoreFailed, match="etcd says no"):
        known.fences()
