"""Watches of a real API server: what comes, in which order, and how they end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from podberth.kube import errors
from podberth.kube.client import RIGHTS
from podberth.kube.resources import CONFIG_MAPS, PODS
from podberth.kube.watch import watch
from tests.contract.kube.said import config_map, put
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.kube.client import Client
    from podberth.kube.watch import Watch
    from tests.servers.kube import KubeServer


def heard(watching: Watch, most: int) -> list[str]:
    """Return the first `most` events as 'TYPE name', and end the watch."""
    found: list[str] = []
    for kind, item in watching:
        found.append(f"{kind} {item['metadata'].get('name', '')}".rstrip())
        if len(found) == most:
            watching.close()
    return found


def test_a_watch_tells_all_changes_after_its_version_in_their_order(client: Client, namespace: str) -> None:
    version = put(client, namespace, "before")
    put(client, namespace, "a", "b")
    client.merge_patch(CONFIG_MAPS, "a", {"data": {"value": "1"}}, namespace)
    client.delete(CONFIG_MAPS, "b", namespace)
    watching = watch(client, CONFIG_MAPS, version, namespace)
    assert heard(watching, 4) == ["ADDED a", "ADDED b", "MODIFIED a", "DELETED b"]


def test_a_watch_with_selectors_tells_what_they_choose(client: Client, namespace: str) -> None:
    version = put(client, namespace, "before")
    client.create(CONFIG_MAPS, config_map("a", pool="web"), namespace)
    client.create(CONFIG_MAPS, config_map("b", pool="db"), namespace)
    client.merge_patch(CONFIG_MAPS, "b", {"metadata": {"labels": {"pool": "web"}}}, namespace)
    watching = watch(client, CONFIG_MAPS, version, namespace, labels="pool=db")
    assert heard(watching, 2) == ["ADDED b", "DELETED b"]


def test_an_object_larger_than_any_packet_arrives_whole(client: Client, namespace: str) -> None:
    version = put(client, namespace, "before")
    client.create(CONFIG_MAPS, config_map("large", "x" * 700_000), namespace)
    watching = watch(client, CONFIG_MAPS, version, namespace)
    for _, item in watching:
        assert len(item["data"]["value"]) == 700_000
        watching.close()


def test_a_watch_that_waits_is_closed_by_another_thread(client: Client, namespace: str) -> None:
    version = put(client, namespace, "before")
    watching = watch(client, CONFIG_MAPS, version, namespace)
    found: list[list[str]] = []
    thread = threading.Thread(target=lambda: found.append(heard(watching, 2)))
    thread.start()
    put(client, namespace, "a")
    until(lambda: not found and thread.is_alive())
    watching.close()
    thread.join()
    assert found[0] in ([], ["ADDED a"])


def test_a_watch_ends_when_the_servers_time_for_it_is_over(client: Client, namespace: str) -> None:
    version = put(client, namespace, "before")
    assert heard(watch(client, CONFIG_MAPS, version, namespace, seconds=1), 1) == []


def test_a_quiet_watch_is_told_how_far_it_has_come(client: Client, namespace: str) -> None:
    version = put(client, namespace, "before")
    watching = watch(client, CONFIG_MAPS, version, namespace, seconds=15)  # the word comes two seconds before its end
    put(client, "default", f"elsewhere-{namespace}")
    told = list(watching)
    assert {kind for kind, _ in told} == {"BOOKMARK"}
    assert int(told[-1][1]["metadata"]["resourceVersion"]) > int(version)


def test_a_version_that_was_compacted_is_gone(client: Client, namespace: str, kube: KubeServer) -> None:
    put(client, namespace, "a")
    kube.kill()
    kube.start()  # what the server remembers of changes begins now
    kube.compact()
    with pytest.raises(errors.Gone, match=r"watch configmaps: .*too old"):
        heard(watch(client, CONFIG_MAPS, "1"), 1)


def test_a_watch_whose_server_dies_is_unavailable(client: Client, namespace: str, kube: KubeServer) -> None:
    version = put(client, namespace, "before")
    watching = watch(client, CONFIG_MAPS, version, namespace)
    put(client, namespace, "a")
    events = iter(watching)
    assert next(events)[0] == "ADDED"
    kube.kill()
    try:
        with pytest.raises(errors.Unavailable, match="watch configmaps"):
            next(events)
    finally:
        kube.start()


def test_who_may_not_watch_is_told_what_is_missing(kube: KubeServer, connect: Callable[[Path], Client]) -> None:
    nobody = connect(kube.user("nobody"))
    with pytest.raises(errors.Forbidden) as caught:
        watch(nobody, PODS, "1")
    assert caught.value.details == f'RBAC must grant: verb watch, resource pods, API group "": {RIGHTS}'
