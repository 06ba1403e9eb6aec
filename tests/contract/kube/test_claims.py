"""What a DRA driver tells an API server: slices of a node, one set after another, and all that a claim has got."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from podberth.dra.devices import IN_SLICE, Shared, devices, whole
from podberth.dra.driver import DRIVER
from podberth.dra.prepared import Interface, Prepared
from podberth.dra.publisher import Publisher, resource
from podberth.kube.errors import Invalid, NotFound
from podberth.kube.resources import NODES
from tests.servers import resource_api
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.dra.devices import Device
    from podberth.kube.client import Client
    from tests.servers.kube import KubeServer

CLAIM = Interface(
    request="net1",
    pool="node1",
    device="vf-1",
    ifname="net1",
    conf="{}",
    identity="Pod",
    mac="02:00:00:00:00:01",
    ips=("10.0.0.1/24", "fd00::1/64"),
)


@pytest.fixture(params=[("v1", "v1beta1"), ("v1beta1",)], ids=["v1", "v1beta1"])
def version(request: pytest.FixtureRequest, kube: KubeServer) -> Iterator[str]:
    """The newest version that the server has."""
    resource_api.serve(kube.operator, *request.param)
    yield str(request.param[0])
    resource_api.remove(kube.operator)


@pytest.fixture
def node(client: Client) -> Iterator[str]:
    name = f"node-{uuid.uuid4().hex[:8]}"
    client.create(NODES, {"metadata": {"name": name}})
    yield name
    client.delete(NODES, name)


def places(count: int) -> dict[str, Device]:
    return devices((), (Shared(kind="bridge", link="br0", places=count),)) if count else {}


def there(client: Client, version: str, node: str) -> list[dict[str, Any]]:
    about = resource("resourceslices", "ResourceSlice", version, namespaced=False)
    return [each for each in client.list(about).items if each["spec"]["nodeName"] == node]


def test_slices_are_made_and_made_anew_with_a_new_generation_only_if_something_has_changed(
    client: Client, version: str, node: str
) -> None:
    publisher = Publisher(client, node)
    assert publisher.publish(places(3)) == 1
    first = there(client, version, node)
    assert publisher.publish(places(3)) == 1
    assert there(client, version, node) == first

    assert publisher.publish(places(IN_SLICE + 1)) == 2
    second = there(client, version, node)
    assert sorted(len(each["spec"]["devices"]) for each in second) == [1, IN_SLICE]
    assert {each["spec"]["pool"]["generation"] for each in second} == {2}

    assert Publisher(client, node).publish(places(0)) == 3
    assert [each["spec"]["devices"] for each in there(client, version, node)] == [[]]


def test_a_set_of_which_one_slice_is_refused_fills_the_server_with_no_halves(
    client: Client, version: str, node: str
) -> None:
    publisher = Publisher(client, node)
    publisher.publish(places(2))
    refused = {**places(IN_SLICE), "zz": replace(places(1)["bridge-br0-0"], name="No_Label")}
    for _ in range(4):
        with pytest.raises(Invalid):
            publisher.publish(refused)
        made = there(client, version, node)
        assert [len(each["spec"]["devices"]) for each in whole(made)] == [2]
        assert len(made) <= 2

    generation = publisher.publish(places(3))
    (only,) = there(client, version, node)
    assert (only["spec"]["pool"]["generation"], len(only["spec"]["devices"])) == (generation, 3)


def test_slices_that_somebody_has_deleted_are_made_anew(client: Client, version: str, node: str) -> None:
    publisher = Publisher(client, node)
    publisher.publish(places(IN_SLICE + 1))
    about = resource("resourceslices", "ResourceSlice", version, namespaced=False)
    client.delete(about, there(client, version, node)[0]["metadata"]["name"])  # one of two

    publisher.publish(places(IN_SLICE + 1))
    assert sorted(len(each["spec"]["devices"]) for each in there(client, version, node)) == [1, IN_SLICE]


def test_slices_of_another_node_or_driver_are_left_alone(client: Client, version: str, node: str) -> None:
    about = resource("resourceslices", "ResourceSlice", version, namespaced=False)
    pool = {"name": node, "generation": 7, "resourceSliceCount": 1}
    for driver, at in (("gpu.example.com", node), (DRIVER, "elsewhere")):
        spec = {"driver": driver, "nodeName": at, "pool": pool, "devices": []}
        client.create(about, {"metadata": {"generateName": "x-"}, "spec": spec})

    assert Publisher(client, node).publish(places(1)) == 1
    kept = [each for each in client.list(about).items if each["spec"]["pool"]["generation"] == 7]
    assert len(kept) == 2


def test_a_claim_is_told_all_its_devices_at_once_and_what_another_driver_said_stays(
    client: Client, version: str, namespace: str, node: str
) -> None:
    about = resource("resourceclaims", "ResourceClaim", version, namespaced=True)
    made = client.create(about, {"metadata": {"name": "fast"}, "spec": {}}, namespace)
    other = {"driver": "gpu.example.com", "pool": "p", "device": "gpu-0"}
    body = {"metadata": {"namespace": namespace, "name": "fast"}, "status": {"devices": [other]}}
    client.apply(about, body, manager="gpu.example.com", subresource="status")
    prepared = Prepared(
        namespace=namespace,
        name="fast",
        uid=made["metadata"]["uid"],
        pod_name="db-0",
        pod_uid="p1",
        interfaces=(CLAIM,),
    )

    Publisher(client, node).tell(prepared)

    told = client.get(about, "fast", namespace)["status"]["devices"]
    assert other in told
    (own,) = [each for each in told if each["driver"] == DRIVER]
    assert own["networkData"] == {
        "interfaceName": "net1",
        "hardwareAddress": "02:00:00:00:00:01",
        "ips": ["10.0.0.1/24", "fd00::1/64"],
    }


def test_a_claim_is_asked_for_by_its_name(client: Client, version: str, namespace: str, node: str) -> None:
    about = resource("resourceclaims", "ResourceClaim", version, namespaced=True)
    made = client.create(about, {"metadata": {"name": "fast"}, "spec": {}}, namespace)

    assert Publisher(client, node).claim(namespace, "fast")["metadata"]["uid"] == made["metadata"]["uid"]
    with pytest.raises(NotFound):
        Publisher(client, node).claim(namespace, "slow")


def test_a_server_without_resource_claims_is_told_as_such_and_found_once_it_has_them(
    client: Client, kube: KubeServer, node: str
) -> None:
    publisher = Publisher(client, node)
    with pytest.raises(NotFound):
        publisher.publish(places(1))

    resource_api.serve(kube.operator, "v1")
    try:
        assert until(lambda: publisher.publish(places(1))) == 1
    finally:
        resource_api.remove(kube.operator)


def test_a_server_without_resource_claims_is_told_by_its_age(client: Client, node: str) -> None:
    with pytest.raises(NotFound, match=r"has no resource\.k8s\.io/v1 or /v1beta1: Kubernetes has it from 1\.32 on"):
        Publisher(client, node).publish(places(1))
