"""Streams of health: what is new at once, what is not as a heartbeat, and nothing that was not just looked at."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from podberth.dra.health import Health
from podberth.dra.messages import watched
from podberth.dra.watch import STREAMS, Watch
from podberth.protobuf.wire import Message
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator


class Node:
    """One device, whose look may fail, and streams of its health."""

    def __init__(self, heartbeat: float) -> None:
        self.health = Health(pool="node1", device="vf-1")
        self.broken = threading.Event()
        self.changes: list[str] = []
        self.failures: list[str] = []
        self.watch = Watch(self._look, lambda each: self.changes.append(each.why), self.failures.append,
                           period=0.01, heartbeat=heartbeat)  # fmt: skip

    def _look(self) -> tuple[Health, ...]:
        if self.broken.is_set():
            raise OSError("the card does not answer")
        return (self.health,)

    def stream(self) -> tuple[list[str], threading.Thread]:
        """Return what a stream says, as it comes, and the thread that hears it."""
        heard: list[str] = []

        def hear() -> None:
            for body in self.watch.stream(lambda: True):
                heard.extend(each.text(5) for each in Message(body).messages(1))

        thread = threading.Thread(target=hear, daemon=True)
        thread.start()
        return heard, thread


@pytest.fixture
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    made = Node(getattr(request, "param", 1e9))
    yield made
    made.watch.stop(5)


def test_a_stream_says_all_at_once_and_each_change_and_then_ends_with_the_driver(node: Node) -> None:
    node.watch.start()
    heard, thread = node.stream()
    until(lambda: heard == [""])
    node.health = Health(pool="node1", device="vf-1", why="ens1f0 is down")
    until(lambda: heard == ["", "ens1f0 is down"])
    node.watch.end()
    thread.join(60)

    assert not thread.is_alive()
    assert node.changes == ["ens1f0 is down"]
    assert list(node.watch.stream(lambda: True)) == []


@pytest.mark.parametrize("node", [0.0], indirect=True)
def test_a_heartbeat_says_what_was_looked_at_anew_and_a_node_that_can_not_be_looked_at_falls_silent(node: Node) -> None:
    node.watch.start()
    heard, _ = node.stream()
    until(lambda: len(heard) > 3)
    node.broken.set()
    until(lambda: node.failures)
    said = len(heard)
    time.sleep(0.1)  # ten looks
    again, _ = node.stream()  # of a kubelet that has started anew: it would take what is old for new
    time.sleep(0.1)

    assert (len(heard), again, node.failures) == (said, [], ["OSError: the card does not answer"])
    node.broken.clear()
    until(lambda: len(heard) > said and again)


def test_nothing_is_said_before_the_first_look(node: Node) -> None:
    node.broken.set()
    node.watch.start()
    heard, _ = node.stream()
    until(lambda: node.failures)
    assert heard == []
    node.broken.clear()
    until(lambda: heard == [""])


def test_of_too_many_streams_the_oldest_ends(node: Node) -> None:
    node.watch.start()
    threads = []
    for _ in range(STREAMS + 2):
        heard, thread = node.stream()
        until(lambda heard=heard: heard == [""])  # type: ignore[misc]
        threads.append(thread)
    for thread in threads[:2]:
        thread.join(60)

    assert [thread.is_alive() for thread in threads] == [False, False] + [True] * STREAMS


def test_a_stream_whose_peer_is_gone_ends(node: Node) -> None:
    node.watch.start()
    there = threading.Event()
    there.set()
    stream = node.watch.stream(there.is_set)
    next(stream)
    there.clear()
    node.watch.gone()

    assert list(stream) == []


def test_a_device_is_told_with_its_pool_its_health_and_the_time() -> None:
    (healthy, sick) = Message(watched([("n", "a", ""), ("n", "b", "why")], 1_800_000_000, 30)).messages(1)

    assert (healthy.message(1).text(1), healthy.message(1).text(2)) == ("n", "a")
    assert [healthy.number(field) for field in (2, 3, 4)] == [1, 1_800_000_000, 30]
    assert (healthy.text(5), sick.number(2), sick.text(5)) == ("", 2, "why")
