"""A kind with several versions on a real API server: the newest is followed, also one that comes or goes later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podberth.kube.errors import NotFound
from podberth.kube.follow import Follower
from podberth.kube.resources import MULTI_NETWORK_POLICIES
from podberth.kube.served import served
from tests.servers.multi_network_policies import V1BETA1, V1BETA2, remove, serve, versioned
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.kube.client import Client, Object

RANGE = {"port": 5000, "endPort": 5900}


class Ports:
    """What each object says of ports, as the follower tells it; and how often all were listed."""

    def __init__(self) -> None:
        self.there: dict[str, Any] = {}
        self.lists = 0

    def replace(self, items: Sequence[Object], resource_version: str) -> None:
        del resource_version
        self.lists += 1
        self.there = {}
        for item in items:
            self.change("ADDED", item)

    def change(self, kind: str, item: Object) -> None:
        assert kind != "DELETED"
        self.there[item["metadata"]["name"]] = item["spec"]["ingress"][0]["ports"]

    def reached(self, resource_version: str) -> None:
        pass


@pytest.fixture
def policies(client: Client) -> Iterator[None]:
    """Have the kind gone after the test."""
    yield
    remove(client)


def write(client: Client, version: Any, namespace: str, name: str) -> None:
    body = {"metadata": {"name": name}, "spec": {"podSelector": {}, "ingress": [{"ports": [RANGE]}]}}
    client.create(version, body, namespace)


@pytest.mark.usefixtures("policies")
def test_the_newest_version_that_is_served_is_followed_also_where_one_comes_or_goes_later(
    client: Client, namespace: str
) -> None:
    serve(client, versioned("v1beta1"))
    write(client, V1BETA1, namespace, "old")
    ports = Ports()
    follower = Follower(client, MULTI_NETWORK_POLICIES, ports, longest=0.5)
    follower.start()
    try:
        until(lambda: ports.there == {"old": [{"port": 5000}]})
        serve(client, versioned("v1beta1", "v1beta2"))
        write(client, V1BETA2, namespace, "new")
        write(client, V1BETA1, namespace, "as-the-old")
        both = {"old": [{"port": 5000}], "as-the-old": [{"port": 5000}], "new": [RANGE]}
        until(lambda: ports.there == both)
        serve(client, versioned("v1beta1"))
        until(lambda: ports.there == {name: [{"port": 5000}] for name in both})
        serve(client, versioned("v1beta2"))
        until(lambda: ports.there == both)
        assert follower.trouble == ""
    finally:
        follower.close()


@pytest.mark.usefixtures("policies")
def test_a_kind_of_which_the_server_has_no_version_is_not_found_and_is_followed_once_it_is_there(
    client: Client, namespace: str
) -> None:
    with pytest.raises(NotFound):
        served(client, MULTI_NETWORK_POLICIES)
    ports = Ports()
    follower = Follower(client, MULTI_NETWORK_POLICIES, ports, longest=0.5)
    follower.start()
    try:
        until(lambda: bool(follower.trouble))
        serve(client, versioned("v1beta2"))
        write(client, V1BETA2, namespace, "one")
        until(lambda: ports.there == {"one": [RANGE]})
        assert served(client, MULTI_NETWORK_POLICIES) == V1BETA2
    finally:
        follower.close()
