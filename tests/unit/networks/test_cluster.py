"""Which networks each pod has, whatever it selects: the cluster's, or another in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podberth.cni.errors import InvalidConfig, Refused
from podberth.networks.allocation import RESOURCE
from tests.unit.networks.described import CONF_DIR, DescribedNode, call, defined, listed, named, planned, pod

OWN = {"cniVersion": "1.0.0", "name": "own", "type": "bridge"}


def system(name: str, config: object = None, **annotations: str) -> dict[str, Any]:
    return defined(name, config, namespace="kube-system", **annotations)


def first(node: DescribedNode, **said: Any) -> tuple[str, str]:
    """Return how the first network is called, and its first plugin's type."""
    op = planned(node, call(**said))[0]
    return op.label, json.loads(op.config)["plugins"][0]["type"]


def test_a_name_is_that_of_a_definition_before_that_of_a_file() -> None:
    node = DescribedNode(pod(), system("cluster", {"type": "ptp"}))
    assert first(node) == ("kube-system/cluster", "ptp")


def test_a_name_is_that_of_a_file_where_there_is_no_definition() -> None:
    node = DescribedNode(pod(), defined("cluster", {"type": "ptp"}))
    assert first(node) == ("cluster", "bridge")


def test_definitions_are_looked_for_in_the_namespace_of_the_configuration() -> None:
    node = DescribedNode(pod(), defined("cluster", {"type": "ptp"}, namespace="net"))
    assert first(node, multusNamespace="net") == ("net/cluster", "ptp")


def test_without_an_api_server_a_name_is_that_of_a_file() -> None:
    node = DescribedNode(system("cluster", {"type": "ptp"}))
    assert first(node, kubeconfig=None) == ("cluster", "bridge")
    assert node.asked == []


def test_a_definition_of_the_clusters_network_that_is_wrong_is_not_passed_over() -> None:
    with pytest.raises(InvalidConfig, match=r"^NetworkAttachmentDefinition kube-system/cluster: "):
        first(DescribedNode(pod(), system("cluster", "{")))


def test_a_name_that_nothing_has_is_refused_with_both_places() -> None:
    with pytest.raises(InvalidConfig, match=f"^clusterNetwork: there is no network other in {CONF_DIR}, .*kube-system"):
        first(DescribedNode(pod()), clusterNetwork="other")


def test_a_folder_stands_for_the_network_of_its_first_file() -> None:
    # They are handed over with lists first, as runtimes read them.
    files = [listed("b", "ptp", path="/d/10-b.conflist"), listed("a", "macvlan", path="/d/05-a.conf")]
    assert first(DescribedNode(pod(), networks={"/d": files}), clusterNetwork="/d") == ("a", "macvlan")


def test_a_file_stands_for_its_network() -> None:
    node = DescribedNode(pod(), networks={"/d/05-a.conf": [listed("a", "ptp", path="/d/05-a.conf")]})
    assert first(node, clusterNetwork="/d/05-a.conf") == ("a", "ptp")
    assert node.asked == ["Pod bank/web-0"]


@pytest.mark.parametrize(
    ("said", "key"),
    [({"clusterNetwork": "/d"}, "clusterNetwork"), ({"defaultNetworks": ["/d"]}, "defaultNetworks")],
)
def test_a_path_that_has_no_network_is_refused_by_its_key(said: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{key}: there is no network at /d$"):
        planned(DescribedNode(pod()), call(**said))


def test_more_networks_of_each_pod_come_before_those_that_it_selects() -> None:
    networks = {CONF_DIR: [listed("cluster"), listed("logs")], "/d": [listed("paths")]}
    node = DescribedNode(pod(networks="storage"), defined("storage"), system("audit"), networks=networks)
    assert named(planned(node, call(defaultNetworks=["logs", "audit", "/d"]))) == [
        ("cluster", "eth0"), ("logs", "net1"), ("kube-system/audit", "net2"), ("paths", "net3"),
        ("bank/storage", "net4"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "namespace", "count"),
    [
        ({}, "bank", 2),
        ({}, "kube-system", 1),
        ({"systemNamespaces": ["bank"]}, "bank", 1),
        ({"systemNamespaces": ["bank"]}, "kube-system", 2),
        ({"systemNamespaces": []}, "kube-system", 2),
    ],
)
def test_a_pod_of_the_systems_namespaces_has_the_first_alone(said: dict[str, Any], namespace: str, count: int) -> None:
    node = DescribedNode(pod(namespace), networks={CONF_DIR: [listed("cluster"), listed("logs")]})
    args = f"K8S_POD_NAMESPACE={namespace};K8S_POD_NAME=web-0;K8S_POD_UID=u1"
    assert len(planned(node, call(args=args, defaultNetworks=["logs"], **said))) == count


def test_a_pod_of_the_systems_namespaces_may_select_networks() -> None:
    node = DescribedNode(pod("kube-system", networks="storage"), system("storage"))
    args = "K8S_POD_NAMESPACE=kube-system;K8S_POD_NAME=web-0;K8S_POD_UID=u1"
    assert named(planned(node, call(args=args)))[1:] == [("kube-system/storage", "net1")]


def test_networks_that_are_written_out_are_each_pods() -> None:
    node = DescribedNode(pod(networks="storage"), defined("storage"), networks={})
    said: dict[str, Any] = {
        "clusterNetwork": None,
        "delegates": [OWN, {**OWN, "name": "more"}],
        "defaultNetworks": ["not-read"],
    }
    assert named(planned(node, call(**said))) == [("own", "eth0"), ("more", "net1"), ("bank/storage", "net2")]


@pytest.mark.parametrize(
    ("annotation", "label"),
    [
        ("other", "kube-system/other"),
        ("bank/other", "bank/other"),
        ('[{"name": "other", "namespace": ""}]', "kube-system/other"),
    ],
)
def test_a_pod_may_name_a_definition_in_the_place_of_the_clusters_network(annotation: str, label: str) -> None:
    node = DescribedNode(pod(default=annotation), system("other"), defined("other"))
    (op,) = planned(node, call())
    assert (op.label, op.ifname, op.default) == (label, "eth0", True)


def test_what_a_pod_names_stands_in_the_place_of_the_first_network_alone() -> None:
    objects = (pod(default="other", networks="storage"), system("other"), defined("storage"))
    written: dict[str, Any] = {"clusterNetwork": None, "delegates": [OWN, {**OWN, "name": "more"}]}
    assert named(planned(DescribedNode(*objects), call(**written))) == [
        ("kube-system/other", "eth0"), ("more", "net1"), ("bank/storage", "net2"),
    ]  # fmt: skip


@pytest.mark.parametrize("annotation", ["", "  ", "[]"])
def test_an_annotation_that_names_nothing_leaves_the_clusters_network(annotation: str) -> None:
    assert named(planned(DescribedNode(pod(default=annotation)), call())) == [("cluster", "eth0")]


def test_two_in_the_place_of_one_are_refused() -> None:
    node = DescribedNode(pod(default="a,b"), system("a"), system("b"))
    with pytest.raises(Refused, match=r"^v1\.multus-cni\.io/default-network: expected one network, got 2$"):
        planned(node, call())


def test_a_definition_that_is_not_there_is_refused_in_that_place_too() -> None:
    with pytest.raises(Refused, match=r"^there is no NetworkAttachmentDefinition kube-system/other$"):
        planned(DescribedNode(pod(default="other")), call())


def test_a_network_of_devices_needs_one_in_that_place_too() -> None:
    node = DescribedNode(pod(default="other"), system("other", **{RESOURCE: "example.com/vf"}))
    with pytest.raises(Refused, match=r"kube-system/other \(eth0\)\), and the kubelet has given it none"):
        planned(node, call())
    given = DescribedNode(
        pod(), system("cluster", **{RESOURCE: "example.com/vf"}), devices=[("example.com/vf", "0000:03:02.1")]
    )
    assert '"deviceID":"0000:03:02.1"' in planned(given, call())[0].config


@pytest.mark.parametrize(("annotation", "allowed"), [("other", True), ("bank/other", True), ("more/other", False)])
def test_isolation_leaves_the_clusters_own_definitions_to_each_pod(annotation: str, allowed: bool) -> None:
    node = DescribedNode(pod(default=annotation), system("other"), defined("other"), defined("other", namespace="more"))
    if allowed:
        assert len(planned(node, call(namespaceIsolation=True))) == 1
        return
    with pytest.raises(Refused, match=r"^namespaceIsolation: a pod of bank may not select more/other$"):
        planned(node, call(namespaceIsolation=True))
