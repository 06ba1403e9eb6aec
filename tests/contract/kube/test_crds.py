"""The custom resource definitions on a real API server: accepted, shown by kubectl, strict, and blind to nothing."""

from __future__ import annotations

import io
import json
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import InvalidConfig
from podberth.kube.errors import Invalid
from podberth.kube.names import address_name
from podberth.kube.resources import (
    ADDRESS_HISTORIES,
    ADDRESS_LEASES,
    ADDRESS_RESERVATIONS,
    NAMESPACES,
    POD_NETWORKS,
    POOLS,
)
from podberth.policy import yamlfiles
from podberth.policy.documents import KINDS, parse_document, raw_document
from tests.checkout import ROOT
from tests.contract.kube.said import DEFINITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.kube.client import Client, Object
    from podberth.kube.resources import Resource
    from tests.servers.kube import KubeServer

OURS = (POOLS, POD_NETWORKS, ADDRESS_RESERVATIONS, ADDRESS_LEASES, ADDRESS_HISTORIES)
POLICIES = ROOT / "docs" / "policies.md"
TIME = 1_800_000_000_123_456_789

EVENT = {
    "time": TIME,
    "kind": "Bound",
    "state": "HELD",
    "pool": "db",
    "namespace": "db",
    "pod": "mysql-0",
    "uid": "u-1",
    "ifname": "eth0",
    "network": "banknet",
    "containerID": "c-1",
    "who": "plugin",
    "why": "ADD",
    "node": "node1",
}
RESERVATION = {"namespace": "db", "pod": "mysql-0", "ifname": "eth0", "origin": "declared", "since": TIME}
LEASE = {key: EVENT[key] for key in ("network", "containerID", "ifname", "namespace", "pod", "uid", "node")}
LEASE |= {"netns": "/run/netns/c-1", "since": TIME}


def address_lease(address: str, **spec: object) -> Object:
    return {
        "metadata": {"name": address_name(ip_address(address)), "labels": {"podberth.io/pool": "db"}},
        "spec": {"address": address, "pool": "db", "sequence": 7, "time": TIME, **spec},
    }


def documented() -> Iterator[Any]:
    """Yield every Pool and PodNetwork of the reference."""
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", POLICIES.read_text(), re.DOTALL)):
        for document in yamlfiles.load(io.BytesIO(block.encode()), f"policies.md block {number}"):
            if isinstance(document.raw, dict) and document.raw.get("kind") in KINDS:
                yield pytest.param(document.raw, id=f"{document.raw['kind']}-{document.where[-4:]}-{number}")


@pytest.fixture
def db(client: Client) -> str:
    if not client.list(NAMESPACES, fields="metadata.name=db").items:
        client.create(NAMESPACES, {"metadata": {"name": "db"}})
    return "db"


@pytest.mark.parametrize("resource", OURS, ids=lambda resource: resource.kind)
def test_a_definition_is_established_with_its_schema(client: Client, resource: Resource) -> None:
    definition = client.get(DEFINITIONS, f"{resource.plural}.{resource.group}")
    conditions = {each["type"]: each["status"] for each in definition["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}  # and not NonStructuralSchema
    assert definition["spec"]["names"]["categories"] == ["podberth"]
    assert (definition["spec"]["scope"] == "Namespaced") == resource.namespaced
    assert "x-kubernetes-validations" not in json.dumps(definition)


@pytest.mark.parametrize("raw", list(documented()))
def test_what_the_reference_shows_is_accepted_and_reads_back_as_the_same(
    client: Client, db: str, raw: dict[str, Any]
) -> None:
    resource = POOLS if raw["kind"] == "Pool" else POD_NETWORKS
    namespace = raw["metadata"].get("namespace", db)
    stored = client.create(resource, raw, namespace, dry_run=True)
    stored["metadata"] = {key: stored["metadata"][key] for key in raw["metadata"]}
    assert parse_document(stored, "test") == parse_document(raw, "test")
    canonical = raw_document(parse_document(raw, "test"))
    assert client.create(resource, canonical, namespace, dry_run=True)["spec"] == canonical["spec"]


def test_the_reference_shows_a_pool_and_both_kinds_of_podnetwork() -> None:
    shown = [param.values[0] for param in documented()]
    assert {raw["kind"] for raw in shown} == {"Pool", "PodNetwork"}
    assert {key for raw in shown for key in ("pod", "statefulSet") if key in raw["spec"]} == {"pod", "statefulSet"}


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (("specs",), "specs"),
        (("spec", "quarantene"), "spec.quarantene"),
        (("spec", "subnets", 0, "gatway"), r"spec.subnets\[0\].gatway"),
        (("spec", "rates", "egres"), "spec.rates.egres"),
        (("spec", "allow", 0, "vlan"), r"spec.allow\[0\].vlan"),
        (("spec", "vlan", "prio"), "spec.vlan.prio"),
    ],
)
def test_a_misspelt_field_is_kept_so_that_it_can_be_refused_by_name(
    client: Client, path: tuple[str | int, ...], named: str
) -> None:
    spec: Any = {
        "subnets": [{"subnet": "10.20.0.0/24"}],
        "rates": {},
        "allow": [{"namespaces": ["db"]}],
        "vlan": {"id": 5},
    }
    raw: Any = {"apiVersion": "podberth.io/v1alpha1", "kind": "Pool", "metadata": {"name": "a"}, "spec": spec}
    inside = raw
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = 1
    stored = client.create(POOLS, raw, dry_run=True)
    stored["metadata"] = {"name": "a"}
    with pytest.raises(InvalidConfig, match=named):
        parse_document(stored, "test")


@pytest.mark.parametrize(
    ("resource", "body", "named"),
    [
        (POOLS, {"subnets": [{"subnet": "10.0.0.0/24"}], "mtu": 67}, "spec.mtu"),
        (POOLS, {"subnets": [{"subnet": "10.0.0.0/24"}], "vlan": 4095}, "spec.vlan"),
        (POOLS, {"subnets": [{"subnet": "10.0.0.0/24"}], "quarantine": "10w"}, "spec.quarantine"),
        (POOLS, {"subnets": [{"subnet": "10.0.0.0/24"}], "allow": [{}]}, r"spec.allow.*namespaces"),
        (POOLS, {"subnets": [{"subnet": "10.0.0.0/24"}], "spoofchk": "yes"}, "spec.spoofchk"),
        (POOLS, {"subnets": [{"subnet": "10.0.0.0/24"}], "antiSpoofing": "on"}, "spec.antiSpoofing"),
        (POD_NETWORKS, {"attachments": [{"pool": "db"}]}, "spec"),
        (POD_NETWORKS, {"pod": "a", "statefulSet": {"name": "a"}, "attachments": [{}]}, "spec"),
        (POD_NETWORKS, {"pod": "a", "attachments": []}, "spec.attachments"),
        (POD_NETWORKS, {"pod": "a", "attachments": [{"mac": "x"}]}, r"spec.attachments.*mac"),
        (POD_NETWORKS, {"pod": "a", "attachments": [{"ordinals": [{}]}]}, "ordinals"),
        (ADDRESS_RESERVATIONS, {"address": "10.0.0.1", "pool": "db", "pod": {"name": "a"}}, "spec.pod.namespace"),
        (ADDRESS_LEASES, {"address": "10.0.0.1", "pool": "db", "sequence": 1}, "spec.time"),
        (ADDRESS_HISTORIES, {"address": "10.0.0.1", "first": 1, "last": 2}, "spec.events"),
    ],
)
def test_what_a_schema_can_refuse_is_refused(
    client: Client, db: str, resource: Resource, body: dict[str, Any], named: str
) -> None:
    name = "10.0.0.1" if resource is ADDRESS_LEASES else "a"
    with pytest.raises(Invalid, match=named):
        client.create(resource, {"metadata": {"name": name}, "spec": body}, db, dry_run=True)


@pytest.mark.parametrize("name", ["mysql-0", "10.20.0", "fd00--1", "FD00"])
def test_an_address_lease_is_named_by_an_address(client: Client, name: str) -> None:
    body = address_lease("10.20.0.1")
    with pytest.raises(Invalid, match=r"metadata\.name"):
        client.create(ADDRESS_LEASES, body | {"metadata": {"name": name}}, dry_run=True)


@pytest.mark.parametrize("address", ["10.20.0.1", "255.255.255.254", "fd00:20::11", "::2", "2001:db8:0:1:ffff::abcd"])
def test_an_address_has_one_name_that_the_server_takes(client: Client, address: str) -> None:
    made = client.create(ADDRESS_LEASES, address_lease(address), dry_run=True)
    assert made["metadata"]["name"] == address_name(ip_address(address))
    assert ip_address(made["metadata"]["name"].replace("-", ":")) == ip_address(address)


def test_an_address_lease_keeps_every_field_to_the_nanosecond(client: Client) -> None:
    spec = {"state": "HELD", "reservation": RESERVATION, "lease": LEASE, "restUntil": TIME}
    body = address_lease("10.20.0.1", **spec, history={"0000000007": EVENT})
    assert client.create(ADDRESS_LEASES, body, dry_run=True)["spec"] == body["spec"]
    events = [{"sequence": 6, **EVENT}, {"sequence": 7, **EVENT}]
    history = {"metadata": {"name": "h"}, "spec": {"address": "10.20.0.1", "first": 6, "last": 7, "events": events}}
    assert client.create(ADDRESS_HISTORIES, history, dry_run=True)["spec"] == history["spec"]


def test_a_reservation_is_of_eth0_if_it_does_not_say(client: Client) -> None:
    spec = {"address": "10.20.0.1", "pool": "db", "pod": {"namespace": "db", "name": "mysql-0"}}
    made = client.create(ADDRESS_RESERVATIONS, {"metadata": {"name": "a"}, "spec": spec}, dry_run=True)
    assert made["spec"] == spec | {"ifname": "eth0"}


def test_kubectl_shows_what_is_asked_for_most(client: Client, db: str, kube: KubeServer) -> None:
    pool = {"subnets": [{"subnet": "10.20.0.0/24"}]}
    network = {"statefulSet": {"name": "mysql", "replicas": 3}, "attachments": [{"pool": "db"}]}
    reservation = {"address": "10.20.0.2", "pool": "db", "pod": {"namespace": "db", "name": "mysql-1"}}
    accepted = [{"type": "Ready", "status": "True", "reason": "Valid", "lastTransitionTime": "2026-01-31T12:00:00Z"}]
    client.create(POOLS, {"metadata": {"name": "db"}, "spec": pool})
    usage = [{"family": 4, "free": 253, "leased": 1}]
    client.merge_patch(POOLS, "db", {"status": {"conditions": accepted, "usage": usage}}, subresource="status")
    client.create(POD_NETWORKS, {"metadata": {"name": "mysql"}, "spec": network}, db)
    client.create(ADDRESS_RESERVATIONS, {"metadata": {"name": "by-hand"}, "spec": reservation})
    client.create(ADDRESS_LEASES, address_lease("10.20.0.1", state="HELD", reservation=RESERVATION, lease=LEASE))
    client.create(ADDRESS_LEASES, address_lease("10.20.0.2", state="RESERVED", reservation=RESERVATION))
    history = {"address": "10.20.0.1", "first": 1, "last": 9, "events": []}
    client.create(ADDRESS_HISTORIES, {"metadata": {"name": "10.20.0.1-1"}, "spec": history})
    assert table(kube, "pbpool", "db") == ["NAME SUBNET FREE LEASED READY", "db 10.20.0.0/24 253 1 True"]
    networks = table(kube, "podnet", "mysql", "-n", "db")
    assert networks == ["NAME POD STATEFULSET DEPLOYMENT REPLICAS POOL READY IN FORCE", "mysql mysql 3 db"]
    reservations = table(kube, "addrres", "by-hand")
    assert reservations == ["NAME ADDRESS POOL NAMESPACE POD IN FORCE", "by-hand 10.20.0.2 db db mysql-1"]
    assert table(kube, "addr", "10.20.0.1", "10.20.0.2") == [
        "NAME ADDRESS POOL NAMESPACE POD NODE STATE",
        "10.20.0.1 10.20.0.1 db db mysql-0 node1 HELD",
        "10.20.0.2 10.20.0.2 db db mysql-0 RESERVED",
    ]
    assert table(kube, "addrhist") == ["NAME ADDRESS FIRST LAST", "10.20.0.1-1 10.20.0.1 1 9"]
    everything = kube.kubectl("get", "podberth", "-A", "-o", "name").split()
    assert sorted(name.partition(".")[0] for name in everything) == [
        "addresshistory",
        "addresslease",
        "addresslease",
        "addressreservation",
        "podnetwork",
        "pool",
    ]
    for resource in OURS:
        for item in client.list(resource).items:
            client.delete(resource, item["metadata"]["name"], item["metadata"].get("namespace", ""))


def table(kube: KubeServer, *arguments: str) -> list[str]:
    """Return the lines that `kubectl get` prints, without the last column, which is the age."""
    return [" ".join(line.split()[:-1]) for line in kube.kubectl("get", *arguments).splitlines()]
