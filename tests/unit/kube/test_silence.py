"""A watch that says nothing, not even a bookmark, is told apart from one in which nothing happens."""

from __future__ import annotations

import json
import queue
from typing import TYPE_CHECKING, cast

from podberth.kube.follow import SLACK, Follower
from podberth.kube.resources import CONFIG_MAPS
from podberth.kube.wire import Lost
from tests.unit.kube.test_hostile_watch import Heard, Script
from tests.waiting import until

if TYPE_CHECKING:
    from podberth.kube.client import Client


class Timed(Script):
    """A server whose watches are lost after the silence that their reader allows, and that counts its lists."""

    def __init__(self) -> None:
        super().__init__()
        self.lists = 0
        self.seconds = 0.0

    def list(self, *_: object, **__: object) -> Script:
        self.lists += 1
        return self

    def open(self, *given: object) -> Script:
        self.seconds = float(cast("float", given[-1]))
        return self

    def read(self) -> bytes:
        try:
            said = self.pieces.get(timeout=self.seconds)
        except queue.Empty:
            raise Lost("timed out") from None
        assert isinstance(said, bytes)
        return said


def followed(script: Script, heard: Heard, silent: float) -> Follower:
    follower = Follower(cast("Client", script), CONFIG_MAPS, heard, longest=0.01, silent=silent)
    follower.start()
    return follower


def test_a_watch_that_says_nothing_is_given_up_and_what_it_has_missed_is_listed() -> None:
    script, heard = Timed(), Heard()
    follower = followed(script, heard, 0.2)
    try:
        until(lambda: script.lists, "nothing was listed")
        script.items = [{"metadata": {"namespace": "a", "name": "missed", "resourceVersion": "1"}}]
        until(lambda: "missed" in heard.names, "it is believed to be alive")
        assert follower.synced.is_set()
        assert follower.trouble == ""
    finally:
        follower.close()


def test_a_bookmark_is_a_word() -> None:
    script = Timed()
    follower = followed(script, Heard(), 1000.0)
    try:
        until(lambda: follower.silence > 0.2, "it is never silent")
        script.say(json.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}}).encode() + b"\n")
        until(lambda: follower.resource_version == "7", "the bookmark was not heard")
        assert follower.silence < 1000.0
        assert script.lists == 1
        before = follower.silence
        script.say(script.event("one"))
        until(lambda: follower.silence < before or follower.resource_version == "2", "an event is no word")
    finally:
        follower.close()


def test_who_has_heard_nothing_for_long_says_so_while_the_watch_is_still_open() -> None:
    follower = followed(Script(), Heard(), -SLACK)
    try:
        until(follower.synced.is_set, "it never followed")
        until(lambda: "the watch of configmaps has said nothing for" in follower.trouble, lambda: follower.trouble)
    finally:
        follower.close()
