"""Documents become values and back; every complaint names file, document and field."""

from __future__ import annotations

from io import BytesIO
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import InvalidConfig
from podberth.net.settings import Dns, Rates, Route, Settings, Vlan
from podberth.policy.documents import API_VERSION, document_of, parse_document, parse_documents, raw_document
from podberth.policy.podnetwork import AttachmentPolicy, Ordinals, PodNetwork, Run, compact
from podberth.policy.yamlfiles import load
from tests.unit.policy.declared import ip

if TYPE_CHECKING:
    from podberth.policy.documents import Document

MYSQL = """
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: db, name: mysql}
spec:
  statefulSet: {name: mysql, replicas: 3, start: 1}
  attachments:
  - pool: db
    network: banknet
    ordinals:
    - list: [10.20.0.11, 10.20.0.7, 10.20.0.13, 10.20.0.14]
    - base: "fd00:20::10"
    sticky: true
    device: eth1
    mac: fromAddress
    mtu: 9000
    vlan: {id: 100, priority: 3}
    rates: {egress: 1000}
    routes: [{dst: 10.0.0.0/8, gw: 10.20.0.1}]
    dns: {nameservers: [10.0.0.53]}
    sysctls: {net.ipv4.tcp_keepalive_time: "60"}
  - {ifname: eth1, ordinals: [{range: 10.30.0.1-10.30.0.3}]}
"""


def parse(text: str) -> tuple[Document, ...]:
    return parse_documents(load(BytesIO(text.encode()), "db.yaml"), "apply: db.yaml")


def podnetwork(**spec: object) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "PodNetwork",
        "metadata": {"namespace": "db", "name": "mysql"},
        "spec": spec,
    }


def of_pod(**attachment: object) -> dict[str, Any]:
    return podnetwork(pod="mysql-0", attachments=[attachment])


def of_set(target: dict[str, object], **attachment: object) -> dict[str, Any]:
    return podnetwork(statefulSet={"name": "mysql", **target}, attachments=[attachment])


def of_deployment(name: str = "web", spec: dict[str, object] | None = None, **attachment: object) -> dict[str, Any]:
    return podnetwork(deployment={"name": name}, **(spec or {}), attachments=[attachment])


def test_a_statefulset_is_read_with_every_field() -> None:
    (document,) = parse(MYSQL)
    assert str(document) == "PodNetwork db/mysql"
    assert document.body == PodNetwork(
        namespace="db",
        name="mysql",
        stateful_set="mysql",
        replicas=3,
        source="apply: db.yaml",
        attachments=(
            AttachmentPolicy(
                ifname="eth0",
                network="banknet",
                pool="db",
                ordinals=(
                    Ordinals(start=1, addresses=tuple(ip(f"10.20.0.{n}") for n in (11, 7, 13, 14))),
                    Ordinals(start=1, addresses=Run(first=ip("fd00:20::11"), count=3)),
                ),
                sticky=True,
                device="eth1",
                settings=Settings(
                    mac="fromAddress",
                    mtu=9000,
                    vlan=Vlan(id=100, priority=3),
                    rates=Rates(egress=1000),
                    routes=(Route(dst=ip_network("10.0.0.0/8"), gw=ip("10.20.0.1")),),
                    dns=Dns(nameservers=("10.0.0.53",)),
                    sysctls=(("net.ipv4.tcp_keepalive_time", "60"),),
                ),
            ),
            AttachmentPolicy(
                ifname="eth1", ordinals=(Ordinals(start=1, addresses=Run(first=ip("10.30.0.1"), count=3)),)
            ),
        ),
    )


def test_a_pod_is_read_with_both_families() -> None:
    raw = of_pod(addresses=["10.20.0.11", "fd00:20::11"], mac="02-00-00-00-00-AA")
    body = parse_document(raw, "x").body
    assert isinstance(body, PodNetwork)
    assert body.attachments[0].addresses == (ip("10.20.0.11"), ip("fd00:20::11"))
    assert body.attachments[0].settings.mac == "02:00:00:00:00:aa"
    assert (body.pod, body.stateful_set, body.attachments[0].ifname) == ("mysql-0", None, "eth0")


def test_a_pool_is_read_with_its_source() -> None:
    spec = {"subnets": [{"subnet": "10.20.0.0/24"}]}
    raw = {"apiVersion": API_VERSION, "kind": "Pool", "metadata": {"name": "db"}, "spec": spec}
    document = parse_document(raw, "apply: db.yaml")
    assert (document.key, document.body.source) == (("Pool", "", "db"), "apply: db.yaml")
    assert parse_document(raw_document(document), "apply: db.yaml") == document


def test_a_complaint_names_file_document_line_and_field() -> None:
    text = "# two\n" + MYSQL.replace("10.20.0.7", "10.20.0.70").lstrip() + "---\n" + MYSQL.replace("10.20.0.7", "no")
    with pytest.raises(InvalidConfig) as wrong:
        parse(text)
    assert wrong.value.message == (
        "db.yaml[1]: spec.attachments[0].ordinals[0].list[1]: expected an IP address, got 'no'"
    )
    assert wrong.value.details == "the document begins on line 24"


BAD: list[tuple[object, str]] = [
    (None, "document: expected an object, got null"),
    ([], "document: expected an object"),
    ({}, "apiVersion: required field is missing"),
    ({"apiVersion": "v1"}, "apiVersion: expected 'podberth.io/v1alpha1', got 'v1'"),
    ({"apiVersion": 1}, "apiVersion: expected a string, got 1"),
    ({"apiVersion": API_VERSION}, "kind: required field is missing"),
    ({"apiVersion": API_VERSION, "kind": "podnetwork"}, "kind: expected one of 'Pool', 'PodNetwork', got 'podnetwork'"),
    ({"apiVersion": API_VERSION, "kind": "PodNetwork"}, "metadata: required field is missing"),
    ({"apiVersion": API_VERSION, "kind": "PodNetwork", "metadata": {}}, "spec: required field is missing"),
    ({**of_pod(), "specs": {}}, "specs: unknown field; did you mean 'spec'?"),
    ({**of_pod(), "metadata": {"name": "x"}}, "metadata.namespace: required field is missing"),
    ({**of_pod(), "metadata": {"namespace": "db"}}, "metadata.name: required field is missing"),
    ({**of_pod(), "metadata": {"namespace": "../db", "name": "x"}}, "metadata.namespace: expected a name of lower"),
    ({**of_pod(), "metadata": {"namespace": "db", "nmae": "x"}}, "metadata.nmae: unknown field; did you mean 'name'?"),
    (podnetwork(pod="x"), "spec.attachments: expected a list of at least one"),
    (podnetwork(pod="x", attachments=[]), "spec.attachments: expected a list of at least one"),
    (podnetwork(pod="x", attachments={"a": 1}), "spec.attachments: expected a list, got an object"),
    (podnetwork(pod="x", attachments=[1]), "spec.attachments[0]: expected an object, got 1"),
    (podnetwork(pod="x", attachments=[{}] * 65), "spec.attachments: expected at most 64 members"),
    (podnetwork(attachments=[{}]), "spec: expected exactly one of pod, statefulSet and deployment"),
    (podnetwork(pod="x", statefulSet={"name": "x"}, attachments=[{}]), "spec: expected exactly one of pod,"),
    (podnetwork(pod="x/y", attachments=[{}]), "spec.pod: expected a name of lower-case"),
    (podnetwork(pods="x", attachments=[{}]), "spec.pods: unknown field; did you mean 'pod'?"),
    (podnetwork(pod="x", attachments=[{}, {}]), "attachments[1].ifname: an earlier attachment declares 'eth0' on any"),
    (of_pod(adresses=[]), "spec.attachments[0].adresses: unknown field; did you mean 'addresses'?"),
    (of_pod(ordinals=[]), "spec.attachments[0].ordinals: `ordinals` are for a statefulSet"),
    (of_pod(addresses="10.20.0.11"), "spec.attachments[0].addresses: expected a list"),
    (of_pod(addresses=["10.20.0.11/24"]), "addresses[0]: expected an IP address, got '10.20.0.11/24'"),
    (of_pod(addresses=["10.20.0.1", "10.20.0.2"]), "addresses: expected one address a family, got two of IPv4"),
    (of_pod(addresses=["10.20.0.1"] * 3), "addresses: expected at most 2 members"),
    (of_pod(ifname="eth0/1"), "spec.attachments[0].ifname: expected an interface name"),
    (of_pod(network="../x"), "spec.attachments[0].network: expected a letter or digit"),
    (of_pod(pool=""), "spec.attachments[0].pool: expected"),
    (of_pod(sticky="yes"), "spec.attachments[0].sticky: expected true or false, got 'yes'"),
    (of_pod(device="x" * 16), "spec.attachments[0].device: expected an interface name of 1..15 bytes"),
    (of_pod(mac="01:00:00:00:00:01"), "spec.attachments[0].mac: expected"),
    (of_pod(vlan={"id": 4095}), "spec.attachments[0].vlan.id: expected a whole number"),
    (of_pod(vlan={"id": 1, "priority": 8}), "spec.attachments[0].vlan.priority: expected a whole number 0..7"),
    (of_pod(rates={"egress": -1}), "spec.attachments[0].rates.egress: expected a whole number"),
    (of_pod(rates={"out": 1}), "spec.attachments[0].rates.out: unknown field"),
    (of_pod(routes=[{"gw": "10.0.0.1"}]), "spec.attachments[0].routes[0].dst: required field is missing"),
    (of_pod(sysctls={"kernel.shmmax": "1"}), "spec.attachments[0].sysctls: expected a sysctl key that begins with"),
    (of_set({}, addresses=["10.20.0.1"]), "attachments[0].addresses: `addresses` are for a single pod"),
    (of_set({"name": None}), "spec.statefulSet.name: required field is missing"),
    (of_set({"replicas": 0}), "spec.statefulSet.replicas: expected a whole number 1..65536, got 0"),
    (of_set({"replicas": 65537}), "spec.statefulSet.replicas: expected a whole number 1..65536"),
    (of_set({"start": -1}), "spec.statefulSet.start: expected a whole number"),
    (of_set({"start": 1}), "spec.statefulSet.start: says nothing without `ordinals`"),
    (of_set({"replica": 1}), "spec.statefulSet.replica: unknown field; did you mean 'replicas'?"),
    (of_set({}, mac="02:00:00:00:00:11"), "attachments[0].mac: '02:00:00:00:00:11' can't be the MAC of every replica"),
    (of_set({}, ordinals=[{}]), "ordinals[0]: expected exactly one of list, range and base, got none"),
    (of_set({}, ordinals=[{"list": ["10.0.0.1"], "base": "::1"}]), "exactly one of list, range and base, got list and"),
    (of_set({}, ordinals=[{"list": []}]), "ordinals[0].list: expected at least one address"),
    (of_set({}, ordinals=[{"list": ["10.0.0.1", "::1"]}]), "ordinals[0].list: expected addresses of one family"),
    (of_set({}, ordinals=[{"list": ["10.0.0.1", "10.0.0.2", "10.0.0.1"]}]), "list: 10.0.0.1 is there twice"),
    (of_set({}, ordinals=[{"range": "10.0.0.1"}]), "ordinals[0].range: expected a range as"),
    (of_set({}, ordinals=[{"range": "10.0.0.2-10.0.0.1"}]), "ordinals[0].range: expected the first and last"),
    (of_set({}, ordinals=[{"range": "10.0.0.2-::1"}]), "ordinals[0].range: expected the first and last"),
    (of_set({}, ordinals=[{"range": "10.0.0.0-10.1.0.0"}]), "ordinals[0].range: expected at most 65536 addresses"),
    (of_set({}, ordinals=[{"range": "::-ffff::"}]), "ordinals[0].range: expected at most 65536 addresses"),
    (of_set({}, ordinals=[{"base": "10.0.0.1"}]), "ordinals[0].base: needs the number of replicas"),
    (of_set({"replicas": 2}, ordinals=[{"base": "255.255.255.255"}]), "ordinals[0].base: 255.255.255.255 plus 1 is"),
    (of_set({"replicas": 3}, ordinals=[{"list": ["10.0.0.1"]}]), "list: 1 addresses are too few for 3 replicas"),
    (of_deployment(ordinals=[]), "attachments[0].ordinals: `ordinals` are for a statefulSet; a deployment has"),
    (of_deployment(addresses=["10.0.0.1", "10.0.0.0-10.0.0.3"]), "addresses[1]: 10.0.0.1 is there twice"),
    (of_deployment(addresses=["10.0.0.2-10.0.0.1"]), "attachments[0].addresses[0]: expected the first and last"),
    (of_deployment(addresses=["10.0.0.0-10.0.4.0"]), "attachments[0].addresses: expected at most 1024 addresses"),
    (of_deployment(addresses=["::/0"]), "attachments[0].addresses: expected at most 1024 addresses"),
    (of_deployment(sticky=True), "attachments[0].sticky: no pod of a Deployment comes again under its name"),
    (of_deployment(mac="02:00:00:00:00:11"), "attachments[0].mac: '02:00:00:00:00:11' can't be the MAC of every pod"),
    (of_deployment("w" * 47), "spec.deployment.name: Kubernetes cuts the pods' names"),
    (of_deployment(spec={"pod": "web"}), "spec: expected exactly one of pod, statefulSet and deployment"),
    (of_deployment(spec={"retention": "withStatefulSet"}), "spec.retention: expected forever, or a duration as 24h"),
    (of_deployment(spec={"retention": "a week"}), "spec.retention: expected forever, or a duration as 24h"),
    (of_set({}, ordinals=[{"list": ["10.0.0.1"]}, {"list": ["10.0.0.2"]}]), "ordinals: expected one entry a family"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "complaint"), BAD)
def test_a_bad_document_is_refused_with_the_path(raw: object, complaint: str) -> None:
    with pytest.raises(InvalidConfig) as wrong:
        parse_document(raw, "apply: db.yaml", "db.yaml[0]")
    assert wrong.value.message.startswith("db.yaml[0]: ")
    assert complaint in wrong.value.message


def test_a_deployment_is_read_with_what_its_pods_share() -> None:
    raw = of_deployment(spec={"retention": "24h"}, addresses=["fd00::4", "10.0.0.21-10.0.0.23", "10.0.0.8/31"])
    body = parse_document(raw, "x").body
    assert isinstance(body, PodNetwork)
    assert (body.pod, body.stateful_set, body.deployment, body.retention) == (None, None, "web", 86400)
    assert body.attachments[0].shared == tuple(
        ip(a) for a in ("10.0.0.8", "10.0.0.9", "10.0.0.21", "10.0.0.22", "10.0.0.23", "fd00::4")
    )
    written = raw_document(document_of(body, "x"))
    assert written["spec"] == {
        "deployment": {"name": "web"},
        "retention": 86400,
        "attachments": [{"ifname": "eth0", "addresses": ["10.0.0.8-10.0.0.9", "10.0.0.21-10.0.0.23", "fd00::4"]}],
    }


@pytest.mark.parametrize(("said", "read"), [("forever", "forever"), ("withStatefulSet", "withStatefulSet"), (60, 60)])
def test_how_long_a_statefulset_keeps_its_addresses_is_read(said: object, read: object) -> None:
    raw = of_set({})
    raw["spec"]["retention"] = said
    body = parse_document(raw, "x").body
    assert isinstance(body, PodNetwork)
    assert body.retention == read


def test_one_replica_may_have_a_mac_of_its_own() -> None:
    body = parse_document(of_set({"replicas": 1}, mac="02:00:00:00:00:11"), "x").body
    assert isinstance(body, PodNetwork)
    assert body.attachments[0].settings.mac == "02:00:00:00:00:11"


def test_base_counts_from_the_ordinal_not_from_start() -> None:
    body = parse_document(of_set({"replicas": 2, "start": 5}, ordinals=[{"base": "10.0.0.10"}]), "x").body
    assert isinstance(body, PodNetwork)
    assert body.attachments[0].ordinals == (Ordinals(start=5, addresses=Run(first=ip("10.0.0.15"), count=2)),)


def test_metadata_of_kubectl_is_no_error() -> None:
    raw = of_pod()
    raw["metadata"].update(labels={"a": "b"}, annotations={}, uid="x", resourceVersion="1", creationTimestamp="t")
    assert parse_document({**raw, "status": {}}, "x").name == "mysql"


names = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
v4 = st.integers(2**24, 2**31).map(IPv4Address)
v6 = st.integers(2**124, 2**125).map(IPv6Address)
routes = st.builds(Route, dst=st.just(ip_network("10.0.0.0/8")), gw=st.none() | v4, mtu=st.none() | st.just(1400))
settings = st.builds(
    Settings,
    mac=st.none() | st.just("fromAddress"),
    mtu=st.none() | st.integers(1280, 9000),
    vlan=st.none() | st.just(Vlan(id=0)) | st.builds(Vlan, id=st.integers(1, 4094), priority=st.integers(0, 7)),
    rates=st.none() | st.builds(Rates, egress=st.integers(1, 1000), ingress=st.none() | st.integers(1, 1000)),
    routes=st.none() | st.lists(routes, max_size=2).map(tuple),
    dns=st.none() | st.builds(Dns, nameservers=st.lists(v4.map(str), min_size=1, max_size=2).map(tuple)),
    sysctls=st.none() | st.just((("net.ipv4.tcp_sack", "1"), ("net.core.somaxconn", "9"))),
)


retentions: st.SearchStrategy[str | int] = st.sampled_from(["forever", 60, 86400])


def lists(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    runs = st.builds(lambda first, n: tuple(first + i for i in range(n)), of, st.integers(1, 4))
    return runs | st.lists(of, min_size=1, max_size=4, unique=True).map(tuple)


@st.composite
def podnetworks(draw: st.DrawFn) -> PodNetwork:
    kind, start = draw(st.sampled_from(["pod", "stateful_set", "deployment"])), draw(st.integers(0, 3))
    given = st.lists(v4 | v6, max_size=4, unique=True)
    shared = given.map(lambda them: tuple(sorted(them, key=lambda a: (a.version, int(a)))))
    attachments = []
    for ifname in draw(st.lists(names, min_size=1, max_size=3, unique=True)):
        families: list[st.SearchStrategy[Any]] = [family for family in (v4, v6) if draw(st.booleans())]
        attachments.append(
            AttachmentPolicy(
                ifname=ifname,
                network=draw(st.none() | names),
                pool=draw(st.none() | names),
                addresses=tuple(draw(family) for family in families) if kind == "pod" else (),
                ordinals=tuple(Ordinals(start=start, addresses=compact(draw(lists(f)))) for f in families)
                if kind == "stateful_set"
                else (),
                shared=draw(shared) if kind == "deployment" else (),
                sticky=draw(st.none() | st.just(False) if kind == "deployment" else st.none() | st.booleans()),
                device=draw(st.none() | names),
                settings=draw(settings),
            )
        )
    return PodNetwork(
        namespace=draw(names),
        name=draw(names),
        **{kind: draw(names)},
        replicas=draw(st.none() | st.just(1)) if kind == "stateful_set" else None,
        retention=draw(retentions),
        attachments=tuple(attachments),
        source="apply: x",
    )


@given(podnetworks())
def test_a_document_written_and_read_again_is_the_same(body: PodNetwork) -> None:
    document = document_of(body, "apply: x")
    assert parse_document(raw_document(document), "apply: x") == document
