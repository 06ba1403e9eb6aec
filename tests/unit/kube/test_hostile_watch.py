"""No line of a watch ends its follower: the next good one is told."""

from __future__ import annotations

import json
import queue
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from podberth.kube.follow import Follower
from podberth.kube.resources import CONFIG_MAPS
from podberth.kube.wire import Lost
from podberth.process import health
from tests.sizes import size
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.kube.client import Client


class Script:
    """An API server of which every watch is told what is in the queue, one piece for each read."""

    def __init__(self) -> None:
        self.pieces: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()
        self.items: list[Any] = []
        self.version = 1

    def list(self, *_: object, **__: object) -> Script:
        return self

    @property
    def resource_version(self) -> str:
        return str(self.version)

    def open(self, *_: object) -> Script:
        return self

    def read(self) -> bytes:
        said = self.pieces.get()
        if isinstance(said, BaseException):
            raise said
        return said

    def close(self) -> None:
        """The next watch has another connection."""

    def hang_up(self) -> None:
        self.pieces.put(b"")

    def say(self, *pieces: bytes | BaseException) -> None:
        for piece in pieces:
            self.pieces.put(piece)

    def event(self, name: str) -> bytes:
        self.version += 1
        metadata = {"namespace": "a", "name": name, "resourceVersion": str(self.version)}
        return json.dumps({"type": "ADDED", "object": {"metadata": metadata}}).encode() + b"\n"


class Heard:
    """What a handler was told."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def replace(self, items: Sequence[dict[str, Any]], resource_version: str) -> None:  # noqa: ARG002
        self.names = {item["metadata"]["name"] for item in items}

    def change(self, kind: str, item: dict[str, Any]) -> None:  # noqa: ARG002
        self.names.add(item["metadata"]["name"].strip())

    def reached(self, resource_version: str) -> None:
        """Nothing is kept."""


class Following:
    """A follower of the script, which hears whatever comes."""

    def __init__(self) -> None:
        self.script, self.heard = Script(), Heard()
        self.follower = Follower(cast("Client", self.script), CONFIG_MAPS, self.heard, longest=0.01)
        self.number = 0

    def hears(self) -> bool:
        self.number += 1
        name = f"n{self.number}"
        self.script.say(b"\n", b"", self.script.event(name))  # a line that was begun ends with its watch
        until(lambda: name in self.heard.names, lambda: f"deaf: {self.follower.trouble}")
        return self.follower._loop.alive


@pytest.fixture
def following() -> Iterator[Following]:
    made = Following()
    made.follower.start()
    yield made
    made.follower.close()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(("type", "object", "metadata", "name", "resourceVersion", "code", "reason", "details")), inner
    ),
    max_leaves=8,
)  # fmt: skip
EVENTS = st.builds(
    lambda kind, found: json.dumps({"type": kind, "object": found}).encode(),
    st.sampled_from(("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "", "OTHER")) | VALUES,
    VALUES,
)
SAID = st.binary(max_size=60) | EVENTS | VALUES.map(lambda value: json.dumps(value).encode())
LINES = SAID.map(lambda said: said + b"\n")
FAILURES = st.sampled_from([Lost("reset"), OSError("no"), MemoryError(), RecursionError()])


@settings(
    max_examples=size(100, 5000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(pieces=st.lists(LINES | FAILURES, min_size=1, max_size=3))
@example(pieces=[b'{"type": "ADDED", "object": {"metadata": []}}\n'])
@example(pieces=[b'{"type": "ERROR", "object": {"code": 410}}\n'])
@example(pieces=[b'{"type": "ERROR", "object": {"code": "many"}}\n'])
@example(pieces=[b'{"type": "BOOKMARK", "object": null}\n'])
@example(pieces=[b"[" * 100_000 + b"\n"])
def test_after_any_lines_the_next_good_event_is_told(following: Following, pieces: list[bytes | BaseException]) -> None:
    following.script.say(*pieces)
    assert following.hears()
    assert health.problem() == ""
