"""An API server that is frozen ends no connection: the age of its last word says that it is away."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.kube.errors import Unavailable
from podberth.stores.kubernetes.declared import Declarations
from podberth.stores.kubernetes.follow import QUIET, SILENT, Follow
from podberth.stores.kubernetes.store import KubernetesCluster
from podberth.stores.replica.feed import Feed
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.stores.replica.shared import Seen
    from tests.servers.kube import KubeServer

HOME = "podberth-system"


class Asked(Client):
    """A client that counts how often it was asked for the server's clock, and answered."""

    answered = 0

    def date(self) -> str:
        date = super().date()
        self.answered += 1
        return date


class Impatient(KubernetesCluster):
    """A cluster whose server may say nothing for shorter than it may elsewhere."""

    quiet, silent = 0.1, 1.0


@pytest.fixture
def client(kube: KubeServer) -> Iterator[Asked]:
    made = Asked(load(str(kube.kubeconfig)), timeout=0.5)
    yield made
    made.close()


def test_a_feed_of_a_frozen_server_is_away_and_follows_again_once_it_goes_on(
    kube: KubeServer, client: Asked, tmp_path: Path
) -> None:
    proposer = Proposer(Replica(str(tmp_path)), Impatient(client, HOME, "test"), "node1", current=False)
    feed = Feed(proposer, lambda _: None)
    feed.start()
    try:
        until(lambda: not feed.away, lambda: feed.away)
        kube.freeze()
        until(lambda: feed.away, "it is frozen, and the feed takes it for there")
        kube.thaw()
        until(lambda: not feed.away, lambda: feed.away)
    finally:
        kube.thaw()
        feed.stop()


def test_a_follow_of_a_frozen_server_ends_and_says_for_how_long_nothing_was_heard(
    kube: KubeServer, client: Asked
) -> None:
    following = begun(client)
    failures: list[BaseException] = []
    thread = threading.Thread(target=lambda: failures.append(failure(following)))
    thread.start()
    try:
        until(lambda: client.answered, "it never asked")
        kube.freeze()
        until(lambda: not thread.is_alive(), "it goes on with a frozen server")
    finally:
        kube.thaw()
        following.interrupt()
        thread.join()
    assert isinstance(failures[0], Unavailable)
    assert "it has said nothing for" in failures[0].message


def test_a_server_that_has_nothing_to_say_and_answers_is_not_away(client: Asked) -> None:
    following = begun(client, quiet=0.5, silent=6.0)  # a busy machine may be seconds late
    thread = threading.Thread(target=following.run)
    thread.start()
    try:
        until(lambda: client.answered > 15, "it asks no more")
        assert following.trouble == ""
        assert thread.is_alive()
    finally:
        following.interrupt()
        thread.join()


def test_a_server_is_asked_well_before_its_silence_counts() -> None:
    assert 2 * QUIET < SILENT


def begun(client: Client, quiet: float = Impatient.quiet, silent: float = Impatient.silent) -> Follow:
    cluster = Impatient(client, HOME, "test")
    (*_, last) = cluster.load()
    told: list[Seen] = []
    declarations = Declarations(client, HOME, "test")
    return Follow(client, declarations, last.position, told.append, lambda: False, quiet=quiet, silent=silent)


def failure(following: Follow) -> BaseException:
    try:
        following.run()
    except Unavailable as found:
        return found
    return AssertionError("it ended without a reason")
