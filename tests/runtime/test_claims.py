"""Pods whose interfaces come by resource claims: runtime and API server are real, kubelet's side is a strict fake."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from podberth.kube.errors import NotFound
from podberth.kube.resources import NAMESPACES, NODES
from tests.runtime.claims import NODE, POOLS, claims
from tests.runtime.cri import Refused
from tests.runtime.kubelet import VERSIONS, Unprepared
from tests.runtime.relay import relayed
from tests.runtime.site import POD_NAMESPACE, site
from tests.servers import resource_api
from tests.servers.kube import KubeServer
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtime.claims import Claims
    from tests.runtime.containerd import Containerd
    from tests.runtime.site import Sandbox


@pytest.fixture(scope="module")
def api(newest_containerd: Containerd) -> Iterator[KubeServer]:
    with TemporaryDirectory(prefix="podberth-api-") as folder, KubeServer(Path(folder)) as server:
        resource_api.serve(server.operator, "v1", "v1beta1")
        server.operator.client.create(NODES, {"metadata": {"name": NODE}})
        server.operator.client.create(NAMESPACES, {"metadata": {"name": POD_NAMESPACE}})
        with relayed(newest_containerd.node, server.port, Path(folder)):
            yield server


@pytest.fixture
def bank(newest_containerd: Containerd, api: KubeServer, request: pytest.FixtureRequest) -> Iterator[Claims]:
    said = getattr(request, "param", {})
    with (
        TemporaryDirectory(prefix="podberth-claims-") as folder,
        site(newest_containerd, Path(folder), POOLS) as made,
        claims(made, api, Path(folder), said.get("version", next(iter(VERSIONS))), said.get("places", 4)) as found,
    ):
        yield found


def start(bank: Claims, name: str, uid: str) -> Sandbox:
    about = {"name": name, "uid": uid, "namespace": POD_NAMESPACE, "attempt": 0}
    return bank.site.run(name, metadata=about)


@pytest.mark.parametrize("bank", [{"version": each} for each in VERSIONS], ids=VERSIONS, indirect=True)
def test_a_pod_gets_its_fixed_address_by_a_claim_and_its_status_says_so_before_the_pod_is_there(bank: Claims) -> None:
    uid = str(uuid.uuid4())
    claim = bank.claim(f"c-{uid}", "mysql-1", uid, operator={"network": {"undeclared": "refuse"}})
    names = bank.kubelet.prepare(claim)
    told = until(lambda: bank.told(claim), "the status says nothing")
    assert told[0]["networkData"]["ips"] == ["10.70.0.41/24"]
    assert told[0]["networkData"]["interfaceName"] == "net1"

    sandbox = start(bank, "mysql-1", uid)
    container = bank.site.container(sandbox, *names)

    assert "inet 10.70.0.41/24" in bank.addresses(sandbox)
    assert "10.90.0.0/16 via 10.70.0.254" in bank.site.inside(sandbox, "ip", "route")
    assert told[0]["networkData"]["hardwareAddress"] in bank.site.inside(sandbox, "ip", "link", "show", "net1")
    assert bank.site.exec(container, "ip", "link", "show", "net1") == 0

    bank.site.remove(sandbox)
    bank.kubelet.unprepare(claim)
    bank.kubelet.unprepare(claim)
    assert [line for line in bank.site.left_behind() if bank.link not in line] == []


def test_a_claim_that_is_prepared_twice_is_one(bank: Claims) -> None:
    uid = str(uuid.uuid4())
    claim = bank.claim(f"c-{uid}", "mysql-0", uid)

    assert bank.kubelet.prepare(claim) == bank.kubelet.prepare(claim)
    bank.kubelet.unprepare(claim)


def test_a_sandbox_that_is_made_anew_gets_the_same_link_back(bank: Claims) -> None:
    uid = str(uuid.uuid4())
    claim = bank.claim(f"c-{uid}", "mysql-2", uid)
    bank.kubelet.prepare(claim)
    first = start(bank, "mysql-2", uid)
    before = bank.addresses(first)
    bank.site.remove(first)

    second = start(bank, "mysql-2", uid)

    assert "inet 10.70.0.42/24" in before
    assert "inet 10.70.0.42/24" in bank.addresses(second)
    bank.site.remove(second)
    bank.kubelet.unprepare(claim)
    assert [line for line in bank.site.left_behind() if bank.link not in line] == []


def test_a_container_does_not_start_without_the_link_though_the_agent_is_dead_and_starts_once_it_is_back(
    bank: Claims,
) -> None:
    uid = str(uuid.uuid4())
    claim = bank.claim(f"c-{uid}", "mysql-3", uid)
    names = bank.kubelet.prepare(claim)
    bank.kill()

    sandbox = start(bank, "mysql-3", uid)
    with pytest.raises(Refused, match="the pod has no link net1 of its resource claim"):
        bank.site.container(sandbox, *names)

    bank.start()
    until(lambda: "10.70.0.43" in bank.addresses(sandbox), "the link does not come")
    bank.site.container(sandbox, *names)
    bank.site.remove(sandbox)
    bank.kubelet.unprepare(claim)
    assert [line for line in bank.site.left_behind() if bank.link not in line] == []


def test_slices_that_a_kubelet_deletes_late_after_its_start_are_there_again(bank: Claims) -> None:
    mine = f"bridge-{bank.link}-"
    until(lambda: [name for name in bank.devices() if name.startswith(mine)], bank.log)
    resource = bank.kube.operator.resource({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice"})
    for each in bank.kube.operator.client.list(resource).items:
        with contextlib.suppress(NotFound):  # the agent writes them anew meanwhile
            bank.kube.operator.client.delete(resource, each["metadata"]["name"])

    until(lambda: [name for name in bank.devices() if name.startswith(mine)], bank.log)


def test_the_health_of_a_pods_device_is_told_unknown_while_the_agent_is_dead_and_told_again_by_the_next(
    bank: Claims,
) -> None:
    uid = str(uuid.uuid4())
    claim = bank.claim(f"c-{uid}", "mysql-0", uid)
    bank.kubelet.prepare(claim)
    device = NODE, f"bridge-{bank.link}-0"
    watching = bank.kubelet.watch()
    until(lambda: watching.of(*device) == ("Healthy", ""))
    assert {name for name in watching.devices() if bank.link in name} == {
        name for name in bank.devices() if bank.link in name
    }
    bank.kill()
    until(lambda: watching.of(*device) == ("Unknown", ""))
    bank.start()
    until(lambda: watching.of(*device) == ("Healthy", ""))
    watching.close()
    bank.kubelet.unprepare(claim)


def test_a_pod_that_ended_while_the_agent_was_dead_leaves_nothing(bank: Claims) -> None:
    uid = str(uuid.uuid4())
    claim = bank.claim(f"c-{uid}", "mysql-0", uid)
    bank.kubelet.prepare(claim)
    sandbox = start(bank, "mysql-0", uid)
    bank.kill()
    bank.site.remove(sandbox)
    bank.start()

    bank.kubelet.unprepare(claim)

    assert [line for line in bank.site.left_behind() if bank.link not in line] == []


def test_an_address_goes_by_the_claims_name_where_its_parameters_say_so(bank: Claims) -> None:
    uid = str(uuid.uuid4())
    claim = bank.claim("ledger", "web-7d9f-x2x4k", uid, says={"identity": "Claim"})
    bank.kubelet.prepare(claim)

    assert until(lambda: bank.told(claim))[0]["networkData"]["ips"] == ["10.70.0.77/24"]
    assert "10.70.0.77" in bank.site.podberth("leases")
    bank.kubelet.unprepare(claim)


def test_a_claim_asks_for_an_address_and_the_pool_says_whether_it_may(bank: Claims) -> None:
    uid = str(uuid.uuid4())
    asked = {"attachment": {"pool": "trade", "addresses": ["10.70.0.33"]}}
    claim = bank.claim(f"c-{uid}", "web-1", uid, says=asked)
    bank.kubelet.prepare(claim)
    assert until(lambda: bank.told(claim))[0]["networkData"]["ips"] == ["10.70.0.33/24"]
    bank.kubelet.unprepare(claim)

    other = {"attachment": {"pool": "trade", "addresses": ["10.70.0.55"]}}
    with pytest.raises(Unprepared, match=r"10\.70\.0\.55"):
        bank.kubelet.prepare(bank.claim(f"d-{uid}", "web-1", uid, says=other))
    assert bank.site.rows("leases") == []


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ({"network": {"pool": "trade"}}, "parameters.network: is the operator's to say"),
        ({"interface": "eth0"}, "interface: the pod of"),
        ({"attachment": {"pool": "trade", "vlan": {"id": 5000}}}, "vlan"),
    ],
)
def test_parameters_that_can_not_be_are_refused_by_the_path_of_the_field(
    bank: Claims, says: dict[str, object], why: str
) -> None:
    uid = str(uuid.uuid4())
    with pytest.raises(Unprepared, match=why):
        bank.kubelet.prepare(bank.claim(f"c-{uid}", "web-1", uid, says=says))
    assert bank.site.rows("attachments") == []


def test_the_node_offers_the_places_of_its_shared_link(bank: Claims) -> None:
    wanted = [f"bridge-{bank.link}-{number}" for number in range(4)]

    until(lambda: [name for name in bank.devices() if bank.link in name] == wanted, bank.log)
