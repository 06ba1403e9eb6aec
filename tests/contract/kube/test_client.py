"""The verbs of a Kubernetes API against a real one, and what its refusals come to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.kube import errors
from podberth.kube.client import RIGHTS, Call
from podberth.kube.resources import ADDRESS_LEASES, CONFIG_MAPS, PODS, POOLS, Resource
from tests.contract.kube.said import DEFINITIONS, config_map, names, put
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.kube.client import Client
    from tests.servers.kube import KubeServer


def test_what_was_created_can_be_read_and_not_created_again(client: Client, namespace: str) -> None:
    made = client.create(CONFIG_MAPS, config_map("a", "1"), namespace)
    assert client.get(CONFIG_MAPS, "a", namespace) == made
    with pytest.raises(errors.AlreadyExists, match=f"create configmaps {namespace}/a: .*already exists"):
        client.create(CONFIG_MAPS, config_map("a", "2"), namespace)


def test_of_many_who_create_the_same_object_one_succeeds(client: Client, namespace: str) -> None:
    outcomes: list[str] = []

    def create() -> None:
        try:
            client.create(CONFIG_MAPS, config_map("a"), namespace)
            outcomes.append("created")
        except errors.AlreadyExists:
            outcomes.append("exists")

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created", *["exists"] * 7]


def test_a_dry_run_creates_nothing(client: Client, namespace: str) -> None:
    assert client.create(CONFIG_MAPS, config_map("a"), namespace, dry_run=True)["metadata"]["uid"]
    with pytest.raises(errors.NotFound, match=f"get configmaps {namespace}/a"):
        client.get(CONFIG_MAPS, "a", namespace)


def test_replacing_what_has_changed_meanwhile_is_a_conflict(client: Client, namespace: str) -> None:
    first = client.create(CONFIG_MAPS, config_map("a", "1"), namespace)
    second = client.replace(CONFIG_MAPS, first | {"data": {"value": "2"}})
    assert second["data"] == {"value": "2"}
    with pytest.raises(errors.Conflict, match=f"update configmaps {namespace}/a") as caught:
        client.replace(CONFIG_MAPS, first | {"data": {"value": "3"}})
    assert isinstance(caught.value, TryAgainLater)


def test_a_merge_patch_that_names_an_old_version_is_a_conflict(client: Client, namespace: str) -> None:
    version = put(client, namespace, "a")
    changed = client.merge_patch(CONFIG_MAPS, "a", {"data": {"value": None, "other": "1"}}, namespace)
    assert changed["data"] == {"other": "1"}
    with pytest.raises(errors.Conflict):
        client.merge_patch(CONFIG_MAPS, "a", {"metadata": {"resourceVersion": version}, "data": {}}, namespace)


def test_a_json_patch_whose_test_fails_changes_nothing(client: Client, namespace: str) -> None:
    client.create(CONFIG_MAPS, config_map("a", "1"), namespace)
    replace = {"op": "replace", "path": "/data/value", "value": "2"}
    test = {"op": "test", "path": "/data/value", "value": "1"}
    assert client.json_patch(CONFIG_MAPS, "a", [test, replace], namespace)["data"] == {"value": "2"}
    with pytest.raises(errors.Invalid):
        client.json_patch(CONFIG_MAPS, "a", [test, replace | {"value": "3"}], namespace)
    assert client.get(CONFIG_MAPS, "a", namespace)["data"] == {"value": "2"}


def test_applied_fields_belong_to_their_manager(client: Client, namespace: str) -> None:
    body = config_map("a", "1") | {"metadata": {"name": "a", "namespace": namespace}}
    client.apply(CONFIG_MAPS, body, manager="one")
    other = body | {"data": {"value": "2"}}
    with pytest.raises(errors.Conflict, match="one"):
        client.apply(CONFIG_MAPS, other, manager="two", force=False)
    assert client.apply(CONFIG_MAPS, other, manager="two")["data"] == {"value": "2"}


def test_an_object_of_another_uid_or_version_is_not_deleted(client: Client, namespace: str) -> None:
    made = client.create(CONFIG_MAPS, config_map("a"), namespace)["metadata"]
    with pytest.raises(errors.Conflict):
        client.delete(CONFIG_MAPS, "a", namespace, uid="c0ffee00-0000-0000-0000-000000000000")
    with pytest.raises(errors.Conflict):
        client.delete(CONFIG_MAPS, "a", namespace, resource_version="1")
    client.delete(CONFIG_MAPS, "a", namespace, uid=made["uid"], resource_version=made["resourceVersion"])
    with pytest.raises(errors.NotFound):
        client.delete(CONFIG_MAPS, "a", namespace)


def test_a_list_in_pages_has_everything_that_the_selectors_choose(client: Client, namespace: str) -> None:
    for i in range(7):
        client.create(CONFIG_MAPS, config_map(f"a{i}", pool="db" if i % 2 else "web"), namespace)
    everything = client.list(CONFIG_MAPS, namespace, limit=2)
    assert names([*everything.items]) == [f"a{i}" for i in range(7)]
    assert int(everything.resource_version) > 0
    assert names([*client.list(CONFIG_MAPS, namespace, labels="pool=db", limit=1).items]) == ["a1", "a3", "a5"]
    assert names([*client.list(CONFIG_MAPS, namespace, fields="metadata.name=a4").items]) == ["a4"]


def test_the_rest_of_a_list_is_gone_once_its_version_was_compacted(
    client: Client, namespace: str, kube: KubeServer
) -> None:
    put(client, namespace, "a", "b", "c")
    call = Call(verb="list", resource=CONFIG_MAPS, namespace=namespace, query=(("limit", "1"),))
    token = client.call(call)["metadata"]["continue"]
    put(client, namespace, "d")
    kube.compact()
    rest = Call(verb="list", resource=CONFIG_MAPS, namespace=namespace, query=(("limit", "1"), ("continue", token)))
    with pytest.raises(errors.Gone, match="continue"):
        client.call(rest)


def test_the_status_is_written_apart_from_the_spec(client: Client) -> None:
    pool = {"metadata": {"name": "of-status"}, "spec": {"subnets": [{"subnet": "10.30.0.0/24"}]}}
    client.create(POOLS, pool)
    usage = [{"family": 4, "size": 254}]
    patch = {"spec": {"allocation": "lowest"}, "status": {"usage": usage}}
    after = client.merge_patch(POOLS, "of-status", patch, subresource="status")
    assert after["status"] == {"usage": usage}
    assert "allocation" not in after["spec"]
    assert client.get(POOLS, "of-status", subresource="status")["status"] == {"usage": usage}
    client.delete(POOLS, "of-status")


def test_forbidden_says_which_verb_and_resource_are_missing(
    kube: KubeServer, connect: Callable[[Path], Client]
) -> None:
    reader = connect(kube.user("reader"))
    kube.allow("reader", ("podberth.io", "addressleases", ["get", "list"]))
    assert reader.list(ADDRESS_LEASES).items == []
    with pytest.raises(errors.Forbidden, match='User "reader" cannot create') as caught:
        reader.create(ADDRESS_LEASES, {"metadata": {"name": "10.20.0.1"}})
    missing = "verb create, resource addressleases, API group podberth.io"
    assert caught.value.details == f"RBAC must grant: {missing}: {RIGHTS}"
    with pytest.raises(errors.Forbidden) as caught:
        reader.merge_patch(PODS, "mysql-0", {}, "db", subresource="status")
    assert caught.value.details == f'RBAC must grant: verb patch, resource pods/status, API group "": {RIGHTS}'


def test_who_is_not_known_is_unauthorized(kube: KubeServer, connect: Callable[[Path], Client]) -> None:
    stranger = connect(kube.write_kubeconfig("stranger", {"token": "nobody"}))
    with pytest.raises(errors.Unauthorized, match="list pods"):
        stranger.list(PODS)


def test_a_resource_that_is_not_installed_is_not_found(client: Client) -> None:
    missing = Resource(group="podberth.io", version="v1alpha1", plural="ships", kind="Ship", namespaced=False)
    with pytest.raises(errors.NotFound, match=r"list ships\.podberth\.io"):
        client.list(missing)


def test_an_object_that_the_schema_refuses_is_invalid_and_the_field_named(client: Client) -> None:
    with pytest.raises(errors.Invalid, match=r"spec\.subnets"):
        client.create(POOLS, {"metadata": {"name": "empty"}, "spec": {"subnets": []}})


def test_a_name_cannot_lead_to_another_path(client: Client) -> None:
    for name in ("../../../readyz", "a?watch=1", "a\r\nX-Evil: 1"):
        with pytest.raises((errors.NotFound, errors.Invalid)):
            client.get(DEFINITIONS, name)


def test_a_server_that_is_away_is_unavailable_until_it_is_back(
    kube: KubeServer, client: Client, namespace: str
) -> None:
    put(client, namespace, "a")
    kube.kill()
    try:
        with pytest.raises(errors.Unavailable, match="refused"):
            client.get(CONFIG_MAPS, "a", namespace)
        with pytest.raises(errors.Unavailable, match="refused"):
            put(client, namespace, "b")
    finally:
        kube.start()
    put(client, namespace, "b")
    assert names([*client.list(CONFIG_MAPS, namespace).items]) == ["a", "b"]


def reads(client: Client, namespace: str) -> bool:
    """Say whether the server answers in the client's time."""
    try:
        client.get(CONFIG_MAPS, "a", namespace)
    except errors.Unavailable:
        return False
    return True


def test_a_write_to_a_server_that_says_nothing_is_unknown_and_a_read_unavailable(
    kube: KubeServer, connect: Callable[..., Client], namespace: str
) -> None:
    put(connect(kube.kubeconfig), namespace, "a")
    hasty = connect(kube.kubeconfig, timeout=1.0)
    until(lambda: reads(hasty, namespace), "no answer came within a second")  # its connection stays open
    kube.freeze()
    try:
        with pytest.raises(errors.Unknown, match=f"create configmaps {namespace}/b: sent, and the answer was lost"):
            put(hasty, namespace, "b")
        with pytest.raises(errors.Unavailable, match="timed out"):
            hasty.get(CONFIG_MAPS, "a", namespace)
    finally:
        kube.thaw()
