"""When what could not be ended is tried again: each DEL by itself, and soon if only its container was busy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.agent.finisher import LONGEST_BUSY, Finisher, pause
from podberth.cni.errors import KernelRefused
from podberth.verbs.finish import Occupied
from tests.unit.verbs.test_finish import Everything, node_of, removing
from tests.waiting import until

if TYPE_CHECKING:
    from podberth.cni.errors import CniError
    from podberth.cni.pod import Attachment


def test_a_busy_container_is_looked_at_again_soon_however_often_it_was_busy() -> None:
    for tries in (1, 5, 50):
        assert pause(Occupied("busy"), tries) <= LONGEST_BUSY
    assert pause(KernelRefused("stuck"), 50) > LONGEST_BUSY


def test_a_del_that_is_stuck_keeps_no_other_from_its_end() -> None:
    parts = Everything([removing("a"), removing("b")], stuck=frozenset({"a"}))
    node = node_of(parts)
    told: list[tuple[Attachment, CniError]] = []
    finisher = Finisher(lambda _: node, lambda *each: told.append(each), lambda _: None)
    finisher.add("/state", removing("a").key)
    finisher.start()
    until(lambda: len(told) >= 2, "the stuck one was not told of")
    finisher.add("/state", removing("b").key)
    until(lambda: finisher.waiting == 1, "the other one does not end")
    finisher.stop(5)
    assert [each.attachment.container_id for each in parts.records] == ["a"]
    assert {each.container_id for each, _ in told} == {"a"}


def test_a_container_that_was_busy_for_a_moment_is_nothing_to_tell() -> None:
    parts = Everything([removing("a"), removing("b")])
    parts.others = {"container:a": 3}
    node = node_of(parts)
    told: list[tuple[Attachment, CniError]] = []
    finisher = Finisher(lambda _: node, lambda *each: told.append(each), lambda _: None)
    for name in ("a", "b"):
        finisher.add("/state", removing(name).key)
    finisher.start()
    until(lambda: finisher.waiting == 0, "one does not end")
    finisher.stop(5)
    assert (parts.records, told) == ({}, [])
