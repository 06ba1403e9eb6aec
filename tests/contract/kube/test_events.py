"""Events on a real API server, as `kubectl describe` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.kube.client import RIGHTS
from podberth.kube.errors import Forbidden
from podberth.kube.events import NORMAL, WARNING, Recorder
from podberth.kube.resources import ADDRESS_LEASES, EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.kube.client import Client, Object
    from tests.servers.kube import KubeServer


def about(namespace: str, name: str = "mysql-0") -> Object:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "uid": "u-1"}}


def posted(client: Client, namespace: str) -> list[str]:
    """Return 'NAME REASON COUNT MESSAGE' of each event of a namespace."""
    found = client.list(EVENTS, namespace).items
    return sorted(f"{e['involvedObject']['name']} {e['reason']} {e['count']} {e['message']}" for e in found)


def test_the_same_reason_on_the_same_object_counts_up(client: Client, namespace: str) -> None:
    recorder = Recorder(client, "podberth-agent", "node1")
    for message in ("10.20.0.11 is taken", "10.20.0.12 is taken", "10.20.0.13 is taken"):
        recorder.post(about(namespace), WARNING, "AddressTaken", message)
    recorder.post(about(namespace), NORMAL, "AddressBound", "10.20.0.14")
    recorder.post(about(namespace, "mysql-1"), WARNING, "AddressTaken", "10.20.0.11 is taken")
    assert posted(client, namespace) == [
        "mysql-0 AddressBound 1 10.20.0.14",
        "mysql-0 AddressTaken 3 10.20.0.13 is taken",
        "mysql-1 AddressTaken 1 10.20.0.11 is taken",
    ]


def test_a_process_that_has_just_started_counts_on(client: Client, namespace: str) -> None:
    for _ in range(3):
        Recorder(client, "podberth-agent", "node1").post(about(namespace), NORMAL, "Repaired", "vlan")
    Recorder(client, "podberth-agent", "node2").post(about(namespace), NORMAL, "Repaired", "vlan")
    assert posted(client, namespace) == ["mysql-0 Repaired 1 vlan", "mysql-0 Repaired 3 vlan"]


def test_an_event_that_the_server_has_forgotten_begins_anew(client: Client, namespace: str) -> None:
    recorder = Recorder(client, "podberth-agent", "node1")
    recorder.post(about(namespace), NORMAL, "Repaired", "vlan")
    (event,) = client.list(EVENTS, namespace).items
    client.delete(EVENTS, event["metadata"]["name"], namespace)
    recorder.post(about(namespace), NORMAL, "Repaired", "mac")
    assert posted(client, namespace) == ["mysql-0 Repaired 1 mac"]


def test_describe_shows_the_events_of_a_cluster_wide_object_of_ours(client: Client, kube: KubeServer) -> None:
    spec = {"address": "10.20.0.77", "pool": "db", "sequence": 1, "time": 1}
    lease = client.create(ADDRESS_LEASES, {"metadata": {"name": "10.20.0.77"}, "spec": spec})
    Recorder(client, "podberth-agent", "node1").post(lease, WARNING, "Conflicted", "a host answers for 10.20.0.77")
    (event,) = client.list(EVENTS, "default", fields="involvedObject.name=10.20.0.77").items
    assert event["involvedObject"]["uid"] == lease["metadata"]["uid"]
    assert "a host answers for 10.20.0.77" in kube.kubectl("describe", "addresslease", "10.20.0.77")
    client.delete(ADDRESS_LEASES, "10.20.0.77")


def test_a_message_of_any_length_is_cut_to_what_the_server_takes(client: Client, namespace: str) -> None:
    Recorder(client, "podberth-agent", "node1").post(about(namespace), NORMAL, "Repaired", "ä" * 4000)
    (event,) = client.list(EVENTS, namespace).items
    assert event["message"] == "ä" * 512


def test_who_may_not_post_is_told_what_is_missing(
    kube: KubeServer, connect: Callable[[Path], Client], namespace: str
) -> None:
    mute = connect(kube.user("mute"))
    with pytest.raises(Forbidden) as caught:
        Recorder(mute, "podberth-agent", "node1").post(about(namespace), NORMAL, "Repaired", "vlan")
    assert caught.value.details == f'RBAC must grant: verb create, resource events, API group "": {RIGHTS}'
