"""Fences while the cluster's store is away: those this node has heard of, and the store is not asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed, TryAgainLater
from podberth.ipam.elsewhere import Alone, Fence
from podberth.ipam.lease import Actor
from podberth.ipam.outlook import Outlook
from podberth.stores.elsewhere import LastKnown

if TYPE_CHECKING:
    from pathlib import Path

BURNT = Fence(node="n1", actor=Actor(who="ops", why="burnt", node="n2"), time=1)


class Asked(Alone):
    """A store that answers with these fences, or fails with this."""

    def __init__(self) -> None:
        self.answer: tuple[Fence, ...] | Exception = ()
        self.times = 0

    def fences(self, node: str = "") -> tuple[Fence, ...]:  # noqa: ARG002
        self.times += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_what_was_heard_last_counts_while_the_store_is_away_or_fails(tmp_path: Path) -> None:
    asked, away = Asked(), [""]
    known = LastKnown(asked, lambda: away[0], Outlook(), str(tmp_path))
    asked.answer = (BURNT,)
    assert known.fences() == (BURNT,)
    asked.answer = StoreFailed("etcd says no")
    assert known.fences() == (BURNT,)
    away[0] = "no endpoint answers"
    assert (known.fences(), asked.times) == ((BURNT,), 2)
    away[0], asked.answer = "", ()
    assert known.fences() == ()


def test_who_has_heard_nothing_is_told_why(tmp_path: Path) -> None:
    asked, away = Asked(), ["no endpoint answers"]
    known = LastKnown(asked, lambda: away[0], Outlook(), str(tmp_path))
    with pytest.raises(TryAgainLater, match="is away: no endpoint answers"):
        known.fences()
    assert asked.times == 0
    away[0], asked.answer = "", StoreFailed("etcd says no")
    with pytest.raises(StoreFailed, match="etcd says no"):
        known.fences()


def test_another_process_knows_what_was_heard_and_since_when(tmp_path: Path) -> None:
    asked, outlook = Asked(), Outlook(tolerant=True)
    asked.answer = (BURNT,)
    LastKnown(asked, lambda: "", Outlook(), str(tmp_path)).remember()
    later = LastKnown(asked, lambda: "no endpoint answers", outlook, str(tmp_path))
    assert (later.fences(), later.fences("n1"), later.fences("n2")) == ((BURNT,), (BURNT,), ())
    assert (outlook.away, outlook.as_of > 0) == ("no endpoint answers", True)
