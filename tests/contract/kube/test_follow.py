"""Following a collection of a real API server: nothing lost, nothing told twice, wherever it was left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed
from podberth.kube.follow import Follower
from podberth.kube.resources import CONFIG_MAPS, PODS
from tests.contract.kube.said import names, put
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from podberth.kube.client import Client, Object
    from tests.servers.kube import KubeServer


class Index:
    """Keeps what it is told, by name, and every difference as 'NAME@VERSION' or '-NAME'."""

    def __init__(self, refusing: int = 0) -> None:
        self.items: dict[str, str] = {}
        self.told: list[str] = []
        self.lists = 0
        self.versions: list[str] = []
        self.refusing = refusing

    def replace(self, items: Sequence[Object], resource_version: str) -> None:
        self.lists += 1
        self.versions.append(resource_version)
        for name in sorted(self.items.keys() - {*names([*items])}):
            self._gone(name)
        for item in items:
            self._is(item)

    def change(self, kind: str, item: Object) -> None:
        if self.refusing:
            self.refusing -= 1
            raise StoreFailed("the disk is full")
        if kind == "DELETED":
            self._gone(item["metadata"]["name"])
        else:
            self._is(item)

    def reached(self, resource_version: str) -> None:
        self.versions.append(resource_version)

    def _is(self, item: Object) -> None:
        name, version = item["metadata"]["name"], item["metadata"]["resourceVersion"]
        if self.items.get(name) != version:
            self.items[name] = version
            self.told.append(f"{name}@{version}")

    def _gone(self, name: str) -> None:
        del self.items[name]
        self.told.append(f"-{name}")


@pytest.fixture
def follow(client: Client, namespace: str) -> Iterator[Callable[..., Follower]]:
    """Follow the config maps of the test's namespace."""
    begun: list[Follower] = []

    def one(handler: Index, start: str = "") -> Follower:
        begun.append(Follower(client, CONFIG_MAPS, handler, namespace=namespace, start=start))
        begun[-1].start()
        return begun[-1]

    yield one
    for follower in begun:
        follower.close()


def test_what_is_there_is_listed_and_what_comes_is_told(
    client: Client, namespace: str, follow: Callable[..., Follower]
) -> None:
    put(client, namespace, "a", "b")
    index = Index()
    follower = follow(index)
    assert follower.synced.wait(PATIENCE)
    assert sorted(index.items) == ["a", "b"]
    client.delete(CONFIG_MAPS, "a", namespace)
    last = put(client, namespace, "c")
    until(lambda: follower.resource_version == last)
    assert sorted(index.items) == ["b", "c"]
    assert (index.lists, index.told[2]) == (1, "-a")


def test_nothing_is_lost_or_told_twice_when_the_server_is_killed(
    client: Client, namespace: str, follow: Callable[..., Follower], kube: KubeServer
) -> None:
    written = [put(client, namespace, f"before-{i}") for i in range(5)]
    index = Index()
    follower = follow(index)
    until(lambda: len(index.items) == 5)
    written += [put(client, namespace, f"first-{i}") for i in range(20)]  # some of them are still on their way
    kube.kill()
    until(lambda: bool(follower.trouble) and not follower.synced.is_set())
    kube.start()
    written += [put(client, namespace, f"second-{i}") for i in range(20)]
    until(lambda: len(index.items) == 45)
    assert [told.partition("@")[2] for told in index.told] == sorted(written, key=int)
    assert follower.synced.wait(PATIENCE)
    assert follower.trouble == ""


def test_who_left_at_a_version_goes_on_from_there_without_a_list(
    client: Client, namespace: str, follow: Callable[..., Follower]
) -> None:
    version = put(client, namespace, "a", "b")
    last = put(client, namespace, "c")
    index = Index()
    follow(index, start=version)
    until(lambda: len(index.told) == 1)
    assert (index.told, index.lists) == ([f"c@{last}"], 0)


def test_who_left_at_a_version_that_is_gone_is_told_the_difference(
    client: Client, namespace: str, follow: Callable[..., Follower], kube: KubeServer
) -> None:
    version = put(client, namespace, "a", "b")
    index = Index()
    follower = follow(index)
    until(lambda: len(index.items) == 2)
    follower.close()
    client.delete(CONFIG_MAPS, "a", namespace)
    last = put(client, namespace, "c")
    kube.kill()
    kube.start()  # what the server remembers of changes begins now
    kube.compact()
    index.told.clear()
    follow(index, start=version)
    until(lambda: len(index.told) == 2)
    assert (index.told, index.lists) == (["-a", f"c@{last}"], 2)


def test_a_server_that_is_frozen_is_noticed_and_what_comes_then_is_told(
    client: Client, namespace: str, kube: KubeServer, connect: Callable[..., Client]
) -> None:
    index = Index()
    follower = Follower(connect(kube.kubeconfig, 1.0), CONFIG_MAPS, index, namespace=namespace, silent=1.0)
    follower.start()
    try:
        assert follower.synced.wait(PATIENCE)
        until(lambda: index.lists > 2 and not follower.trouble)  # the server has nothing to say, and answers
        kube.freeze()
        until(lambda: bool(follower.trouble))
        kube.thaw()
        put(client, namespace, "after")
        until(lambda: "after" in index.items and not follower.trouble)
    finally:
        kube.thaw()
        follower.close()


def test_what_the_handler_could_not_take_is_told_again(
    client: Client, namespace: str, follow: Callable[..., Follower]
) -> None:
    index = Index(refusing=2)
    follower = follow(index)
    assert follower.synced.wait(PATIENCE)
    versions = [put(client, namespace, name) for name in "ab"]
    until(lambda: len(index.told) == 2)
    assert index.told == [f"a@{versions[0]}", f"b@{versions[1]}"]


def test_a_follower_that_may_not_watch_says_what_is_missing(
    kube: KubeServer, connect: Callable[[Path], Client]
) -> None:
    kube.allow("lister", ("", "pods", ["list"]))
    follower = Follower(connect(kube.user("lister")), PODS, Index())
    follower.start()
    until(lambda: "cannot watch" in follower.trouble)
    assert not follower.synced.is_set()
    follower.close()


def test_a_hundred_followers_in_one_process_hear_everything(
    client: Client, namespace: str, follow: Callable[..., Follower]
) -> None:
    indexes = [Index() for _ in range(100)]
    followers = [follow(index) for index in indexes]
    assert all(follower.synced.wait(PATIENCE) for follower in followers)
    written = [put(client, namespace, f"a{i}") for i in range(30)]
    until(lambda: all(len(index.told) == 30 for index in indexes))
    for index in indexes:
        assert index.told == [f"a{i}@{version}" for i, version in enumerate(written)]
    for follower in followers:
        follower.close()
