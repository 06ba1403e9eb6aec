"""Statuses of objects: written in the end, given up where they are refused, and no news of what is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.agent.statuses import Statuses
from podberth.kube.errors import Conflict, Invalid, NotFound, Unavailable
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.errors import CniError


class Server:
    """Fails each write of an object by the next of its answers, and takes it once there is none left."""

    def __init__(self) -> None:
        self.answers: dict[str, list[CniError]] = {}
        self.asked: list[tuple[str, str]] = []
        self.said: dict[str, str] = {}
        self.told: list[str] = []
        self.statuses: Statuses[str, str] = Statuses("status", self._write, lambda key, _: key, self.told.append)

    def _write(self, key: str, status: str) -> None:
        self.asked.append((key, status))
        if self.answers.get(key):
            raise self.answers[key].pop(0)
        self.said[key] = status


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.statuses.start()
    yield made
    made.statuses.stop(5)


def test_a_status_is_written_once_the_server_is_back_and_its_absence_is_told_once(server: Server) -> None:
    server.answers["web-0"] = [Unavailable("away")] * 3
    server.statuses.put("web-0", "up")

    until(lambda: server.said == {"web-0": "up"})
    assert server.told == ["web-0: away"]


def test_a_status_that_is_refused_is_told_and_given_up_and_the_next_one_is_written(server: Server) -> None:
    server.answers["web-0"] = [Invalid("too long")]
    for status in ("long", "short"):
        server.statuses.put("web-0", status)
        until(lambda status=status: ("web-0", status) in server.asked)  # type: ignore[misc]

    until(lambda: server.said == {"web-0": "short"})
    assert server.asked == [("web-0", "long"), ("web-0", "short")]
    assert server.told == ["web-0: too long"]


@pytest.mark.parametrize("gone", [NotFound("none"), Conflict("another")])
def test_an_object_that_is_gone_gets_none_and_nobody_is_told(server: Server, gone: CniError) -> None:
    server.answers["web-0"] = [gone]
    server.statuses.put("web-0", "up")
    until(lambda: server.asked)
    server.statuses.put("web-1", "up")

    until(lambda: "web-1" in server.said)
    assert server.asked == [("web-0", "up"), ("web-1", "up")]
    assert server.told == []
