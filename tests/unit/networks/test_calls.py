"""Which calls the type plans for a pod, by what the API server has."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podberth.cni.errors import InvalidConfig, Refused, TryAgainLater
from podberth.net.suited import Suited
from podberth.networks.allocation import RESOURCE
from podberth.networks.legs import MOST_BYTES, MOST_OF_A_POD
from tests.unit.networks.described import (
    BIN_DIR,
    CONF_DIR,
    NETNS,
    POD_ARGS,
    DescribedNode,
    call,
    defined,
    listed,
    named,
    planned,
    pod,
    requests,
)

STATIC = "kubernetes.io/config.hash"


def test_a_pod_without_an_annotation_has_the_clusters_network_alone() -> None:
    assert named(planned(DescribedNode(pod()), call())) == [("cluster", "eth0")]


def test_a_pod_has_the_networks_that_it_selects_behind_the_clusters() -> None:
    node = DescribedNode(
        pod(networks="storage, shared/backup@bak0"), defined("storage"), defined("backup", namespace="shared")
    )
    assert named(planned(node, call())) == [("cluster", "eth0"), ("bank/storage", "net1"), ("shared/backup", "bak0")]


def test_a_network_that_is_selected_twice_is_called_twice() -> None:
    node = DescribedNode(pod(networks="storage,storage"), defined("storage"))
    assert named(planned(node, call()))[1:] == [("bank/storage", "net1"), ("bank/storage", "net2")]


def test_a_call_has_what_its_plugins_are_to_be_told() -> None:
    op = planned(DescribedNode(pod()), call(cniDir="/c"))[0]
    assert (op.network, op.netns, op.container_id, op.cache) == ("cluster", NETNS, "c1", "/c")
    assert op.args == tuple(POD_ARGS.split(";"))
    assert json.loads(op.config) == {"cniVersion": "1.0.0", "name": "cluster", "plugins": [{"type": "bridge"}]}


@pytest.mark.parametrize(
    ("path", "said", "wanted"),
    [
        ("/usr/lib/cni", {}, (BIN_DIR, "/usr/lib/cni")),
        (f"/usr/lib/cni:{BIN_DIR}", {}, (BIN_DIR, "/usr/lib/cni")),
        ("/usr/lib/cni", {"binDir": "/b"}, ("/b", "/usr/lib/cni")),
    ],
)
def test_plugins_are_looked_for_in_the_folder_of_the_configuration_first(
    path: str, said: dict[str, Any], wanted: tuple[str, ...]
) -> None:
    assert planned(DescribedNode(pod()), call(path=path, **said))[0].path == wanted


def test_the_clusters_network_is_the_default_one_though_another_has_the_default_route() -> None:
    node = DescribedNode(pod(networks='[{"name": "storage", "default-route": ["10.0.0.1"]}]'), defined("storage"))
    ops = planned(node, call())
    assert [op.default for op in ops] == [True, False]
    assert [(op.sheds, op.gateways) for op in ops] == [(("4",), ()), (("4",), ("10.0.0.1",))]


def test_what_the_runtime_offers_goes_to_the_first_network_alone() -> None:
    node = DescribedNode(pod(networks="storage"), defined("storage"))
    ops = planned(node, call(runtimeConfig={"portMappings": [{"hostPort": 80}]}))
    assert [op.capabilities for op in ops] == ['{"portMappings":[{"hostPort":80}]}', ""]


def test_a_pod_that_the_api_server_does_not_have_is_tried_again() -> None:
    with pytest.raises(TryAgainLater, match=r"no pod bank/web-0 with the UID u1$") as refused:
        planned(DescribedNode(), call())
    assert refused.value.code == 11


def test_a_pod_of_the_same_name_with_another_uid_is_another() -> None:
    with pytest.raises(TryAgainLater, match=r"no pod bank/web-0 with the UID u1"):
        planned(DescribedNode(pod(uid="u2", networks="storage"), defined("storage")), call())


def test_a_call_without_a_uid_is_about_any_pod_of_the_name() -> None:
    args = "K8S_POD_NAMESPACE=bank;K8S_POD_NAME=web-0"
    node = DescribedNode(pod(uid="u2", networks="storage"), defined("storage"))
    assert named(planned(node, call(args=args)))[1:] == [("bank/storage", "net1")]
    with pytest.raises(TryAgainLater, match=r"no pod bank/web-0$"):
        planned(DescribedNode(), call(args=args))


def test_a_static_pod_is_known_by_the_uid_that_its_annotation_says() -> None:
    mirror = pod(uid="of-the-mirror", networks="storage", **{STATIC: "u1"})
    assert named(planned(DescribedNode(mirror, defined("storage")), call()))[1:] == [("bank/storage", "net1")]


def test_a_static_pod_as_it_was_before_is_another() -> None:
    with pytest.raises(TryAgainLater, match=r"no pod bank/web-0"):
        planned(DescribedNode(pod(uid="of-the-mirror", **{STATIC: "u0"})), call())


def test_a_static_pods_networks_are_found_once_its_node_is_ready_too() -> None:
    mirror = pod(uid="of-the-mirror", networks="storage", **{STATIC: "u1"})
    node = DescribedNode(mirror, defined("storage"), files=["/run/ready"])
    assert len(planned(node, call(readinessindicatorfile="/run/ready"))) == 2


def test_a_definition_that_is_not_there_is_refused_by_its_name() -> None:
    with pytest.raises(Refused, match=r"^there is no NetworkAttachmentDefinition shared/storage$"):
        planned(DescribedNode(pod(networks="shared/storage"), defined("storage")), call())


def test_a_definition_without_a_config_is_the_nodes_own_network() -> None:
    node = DescribedNode(
        pod(networks="storage"),
        defined("storage", ""),
        networks={"/own": [listed("cluster"), listed("storage", "macvlan")]},
    )
    _, op = planned(node, call(confDir="/own"))
    assert (op.label, json.loads(op.config)["plugins"]) == ("bank/storage", [{"type": "macvlan"}])


def test_an_annotation_that_can_not_be_read_is_refused_by_its_place() -> None:
    with pytest.raises(InvalidConfig, match=r"^k8s\.v1\.cni\.cncf\.io/networks\[0\]\.name: "):
        planned(DescribedNode(pod(networks='[{"namespace": "bank"}]')), call())


@pytest.mark.parametrize("annotations", [None, {}, {"k8s.v1.cni.cncf.io/networks": 7}])
def test_a_pod_whose_annotations_say_nothing_selects_nothing(annotations: object) -> None:
    document = pod()
    document["metadata"]["annotations"] = annotations
    assert len(planned(DescribedNode(document), call())) == 1


def test_a_wish_that_no_plugin_takes_is_refused() -> None:
    node = DescribedNode(pod(networks='[{"name": "storage", "ips": ["10.0.0.5"]}]'), defined("storage"))
    with pytest.raises(Refused, match=r"^bank/storage: the pod asks for ips"):
        planned(node, call())


def test_wishes_reach_the_network_that_they_are_about() -> None:
    config = {"cniVersion": "1.0.0", "type": "macvlan", "capabilities": {"ips": True}}
    node = DescribedNode(pod(networks='[{"name": "storage", "ips": ["10.0.0.5"]}]'), defined("storage", config))
    first, second = planned(node, call())
    assert (first.capabilities, second.capabilities) == ("", '{"ips":["10.0.0.5"]}')
    assert ("IP=10.0.0.5" in first.args, "IP=10.0.0.5" in second.args) == (False, True)


@pytest.mark.parametrize(
    ("namespaces", "selected", "counts"),
    [
        (None, "storage", True), (["bank"], "storage", True), (["ba*"], "storage", True), (["ops"], "storage", False),
        ([], "storage", False), ([], "kube-system/shared", True), (["bank"], "storage,ops/other", False),
    ],
)  # fmt: skip
def test_a_definition_counts_where_its_namespace_is_trusted(
    namespaces: list[str] | None, selected: str, counts: bool
) -> None:
    others = (defined("shared", namespace="kube-system"), defined("other", namespace="ops"))
    node, made = (
        DescribedNode(pod(networks=selected), defined("storage"), *others),
        call(definitionNamespaces=namespaces),
    )
    if counts:
        assert len(planned(node, made)) == 2
    else:
        with pytest.raises(Refused, match=r"^definitionNamespaces: .* do not count on this node"):
            planned(node, made)


@pytest.mark.parametrize("said", [{"type": "multus"}, {"type": "bridge", "ipam": {"type": "podberth-networks"}}])
def test_a_definition_calls_no_meta_plugin_nor_has_addresses_from_one(said: dict[str, object]) -> None:
    storage = defined("storage", {"cniVersion": "1.0.0", **said})
    with pytest.raises(Refused, match=r"calls networks, and is in none itself$"):
        planned(DescribedNode(pod(networks="storage"), storage), call())


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    unread = [defined("large", "[" * (MOST_BYTES + 1)), defined("half", "[" * (MOST_OF_A_POD // 8 + 1))]
    for networks, last in (("large", "large"), (",".join(["half"] * 8), "half")):
        with pytest.raises(Refused, match=rf"^bank/{last}: its configuration has \d+ bytes"):
            planned(DescribedNode(pod(networks=networks), *unread), call())


def test_a_network_of_devices_needs_one_that_the_kubelet_has_given() -> None:
    storage = defined("storage", **{RESOURCE: "example.com/vf"})
    with pytest.raises(Refused, match=r"^bank/web-0: its networks need 1 of .* and the kubelet has given it none$"):
        planned(DescribedNode(pod(networks="storage"), storage), call())


@pytest.mark.parametrize("given", [(), ("0000:03:02.2",), ("0000:03:02.2", "0000:03:02.3")])
def test_a_device_that_the_kubelet_has_not_given_the_pod_is_not_had_by_naming_it(given: tuple[str, ...]) -> None:
    said = '[{"name": "storage", "deviceID": "0000:03:02.1"}]'
    with pytest.raises(Refused, match=r"the kubelet has given (it|bank/web-0) (none|0000:03:02\.2)"):
        planned(of_devices(said, *given), call())


def test_a_pod_has_the_one_that_it_names_of_those_that_the_kubelet_has_given_it() -> None:
    said = '[{"name": "storage", "interface": "a", "deviceID": "0000:03:02.2"}, {"name": "storage", "interface": "b"}]'
    ops = planned(of_devices(said, VF, OTHER), call())
    assert [json.loads(op.config)["plugins"][0]["deviceID"] for op in ops[1:]] == [OTHER, VF]


def test_one_device_is_not_had_twice_by_naming_it_twice() -> None:
    said = '[{"name": "storage", "deviceID": "0000:03:02.1"}, {"name": "storage", "deviceID": "0000:03:02.1"}]'
    with pytest.raises(Refused, match="the pod's annotation"):
        planned(of_devices(said, VF, OTHER), call())


def test_the_plugins_of_an_auxiliary_chain_are_the_last_network_behind_one_that_passes_through() -> None:
    said = {"clusterNetwork": "/etc/cni/net.d/10-cluster.conflist", "auxiliaryCNIChainName": "vendor"}
    networks = {"/etc/cni/net.d/10-cluster.conflist": [listed("cluster")], CONF_DIR: []}
    chains = {"/etc/cni/net.d/vendor": listed("any", "mesh", "tuning").plugins}
    objects = (pod(networks="storage"), defined("storage"))
    ops = planned(DescribedNode(*objects, networks=networks, chains=chains), call(**said))
    assert named(ops) == [("cluster", "eth0"), ("bank/storage", "net1"), ("vendor", "net2")]
    made = json.loads(ops[-1].config)
    assert (made["name"], made["cniVersion"]) == ("vendor", "1.1.0")
    assert [plugin["type"] for plugin in made["plugins"]] == ["passthru", "mesh", "tuning"]
    assert ops[-1].capabilities == ""
    assert named(planned(DescribedNode(*objects, networks=networks), call(**said)))[-1] == ("bank/storage", "net1")


def test_what_a_pod_asks_for_is_the_operators_to_permit_where_he_has_rules() -> None:
    config = {"cniVersion": "1.0.0", "type": "macvlan", "capabilities": {"ips": True}}
    said = '[{"name": "storage", "ips": ["10.0.0.5"], "interface": "data0"}, {"name": "storage", "interface": "b"}]'
    node = DescribedNode(pod(networks=said), defined("storage", config))
    rules = [{"namespaces": ["bank"], "networks": ["*"], "requests": ["mac"]}]
    assert requests(node, call()) == []
    assert requests(node, call(allow=rules)) == [("bank/storage", ("ips",))]


VF, OTHER = "0000:03:02.1", "0000:03:02.2"
OF = "example.com/vf"


def of_devices(networks: str, *devices: str, suits: dict[str, Suited] | None = None, **said: str) -> DescribedNode:
    storage = defined("storage", {"cniVersion": "1.0.0", "type": "sriov", **json.loads(said.get("config", "{}"))},
                      **{RESOURCE: OF})  # fmt: skip
    return DescribedNode(
        pod(networks=networks), storage, defined("plain"), devices=[(OF, each) for each in devices], suits=suits
    )


def test_a_network_of_devices_has_the_one_that_the_kubelet_has_given_its_pod() -> None:
    node = of_devices("plain,storage", VF)
    _, plain, storage = planned(node, call())
    (plugin,) = json.loads(storage.config)["plugins"]
    assert (plugin["deviceID"], plugin["pciBusID"], plugin["args"]) == (VF, VF, {"cni": {RESOURCE: OF}})
    assert json.loads(storage.capabilities) == {"deviceID": VF}
    assert VF not in plain.config
    assert node.asked[-1] == "devices of bank/web-0 u1"
    assert (storage.info_from, storage.info_file) == (
        "/var/run/k8s.cni.cncf.io/devinfo/dp/example.com-vf-0000:03:02.1-device.json",
        "/var/run/k8s.cni.cncf.io/devinfo/cni/bank-storage-c1_net2",
    )


def test_the_kubelet_is_asked_only_for_networks_that_need_a_device_of_its() -> None:
    node = of_devices("plain")
    planned(node, call())
    assert not [asked for asked in node.asked if asked.startswith("devices")]


def test_devices_are_dealt_in_the_order_of_the_networks_and_by_what_suits_each() -> None:
    def devices(suits: dict[str, Suited] | None = None) -> list[str]:
        ops = planned(of_devices("storage,storage", VF, OTHER, suits=suits), call())
        return [json.loads(op.config)["plugins"][0]["deviceID"] for op in ops[1:]]

    assert devices() == [VF, OTHER]
    assert devices({"net1": Suited(devices=(OTHER,), by="PodNetwork bank/web")}) == [OTHER, VF]
    with pytest.raises(
        Refused, match=r"^bank/storage \(net2\): the kubelet has given bank/web-0 .* and PodNetwork bank"
    ):
        devices(dict.fromkeys(("net1", "net2"), Suited(devices=(VF,), by="PodNetwork bank/web (pfs ens1f0)")))


def bond_of(resource: str, *devices: tuple[str, str], spread: int = 2, members: int = 2) -> dict[str, Any]:
    """Return what the plugin of a bond is told of its devices, pairs of resource and device; ports go by the slot."""
    ports = tuple((each, each[:-2]) for _, each in devices)
    suits = Suited(devices=tuple(each for _, each in devices), count=members, spread=spread, ports=ports)
    storage = defined("storage", {"cniVersion": "1.0.0", "type": "podberth", "device": "bond"}, **{RESOURCE: resource})
    node = DescribedNode(pod(networks="storage"), storage, devices=list(devices), suits={"net1": suits})
    op = planned(node, call())[1]
    (plugin,) = json.loads(op.config)["plugins"]
    assert json.loads(op.capabilities) == {"deviceID": plugin["deviceID"]}
    assert op.info_file == ""
    where = {path.rpartition("/dp/")[2] for path in op.info_from.split(",")}
    given = {device: resource for resource, device in devices}
    for device in plugin["deviceID"].split(","):
        assert f"{given[device].replace('/', '-')}-{device}-device.json" in where
    assert "pciBusID" not in plugin
    assert plugin["args"]["cni"][RESOURCE] == resource.replace(" ", "")
    return dict(plugin)


def test_a_bond_has_as_many_devices_of_its_resource_as_members_of_different_ports() -> None:
    given = [(OF, "0000:03:02.1"), (OF, "0000:03:02.2"), (OF, "0000:03:0a.1")]
    assert bond_of(OF, *given)["deviceID"] == "0000:03:02.1,0000:03:0a.1"
    assert bond_of(OF, *given, members=3)["deviceID"] == "0000:03:02.1,0000:03:02.2,0000:03:0a.1"
    with pytest.raises(Refused, match=r"^bank/storage \(net1\): the kubelet has given .* bond of 2 over 2 ports"):
        bond_of(OF, *given[:2])


def test_a_bond_of_a_resource_for_each_port_has_one_of_each() -> None:
    given = [
        ("a.example/left", "0000:03:02.1"),
        ("a.example/left", "0000:03:02.2"),
        ("a.example/right", "0000:03:0a.1"),
    ]
    assert bond_of("a.example/right, a.example/left", *given)["deviceID"] == "0000:03:0a.1,0000:03:02.1"
    with pytest.raises(Refused, match=r"names 2 resources \(a\.example/left,a\.example/right\), and .* of 3 functions"):
        bond_of("a.example/left,a.example/right", *given, members=3)
    with pytest.raises(Refused, match=r"names 2 resources .* made of 1 function$"):
        bond_of("a.example/left,a.example/right", *given, members=1)


def test_what_a_pod_names_for_one_network_is_not_dealt_to_another() -> None:
    networks = json.dumps([{"name": "storage", "deviceID": VF}, {"name": "storage"}])
    ops = planned(of_devices(networks, VF, OTHER), call())
    plugins = [json.loads(op.config)["plugins"][0] for op in ops[1:]]
    assert [plugin["deviceID"] for plugin in plugins] == [VF, OTHER]
    assert [plugin.get("args") for plugin in plugins] == [{"cni": {RESOURCE: OF}}] * 2  # the kubelet has given both


def test_a_pod_can_not_say_that_the_kubelet_has_chosen_its_device() -> None:
    networks = json.dumps([{"name": "plain", "deviceID": VF, "cni-args": {RESOURCE: OF, "more": 1}}])
    (plugin,) = json.loads(planned(of_devices(networks), call())[1].config)["plugins"]
    assert plugin["args"] == {"cni": {"more": 1}}


def test_a_plugin_that_takes_a_file_about_its_device_is_told_where_it_is() -> None:
    node = of_devices("storage", VF, config='{"capabilities": {"CNIDeviceInfoFile": true}}')
    storage = planned(node, call())[1]
    assert json.loads(storage.capabilities)["CNIDeviceInfoFile"] == storage.info_file


@pytest.mark.parametrize("device", ["gpu-1", "../../x", ""])
def test_a_resource_whose_devices_are_no_functions_is_refused(device: str) -> None:
    with pytest.raises(InvalidConfig, match="that are no virtual functions"):
        planned(of_devices("storage", device), call())


def test_without_a_pod_name_nobody_knows_its_devices() -> None:
    node = DescribedNode(defined("cluster", namespace="kube-system", **{RESOURCE: OF}))
    with pytest.raises(InvalidConfig, match="K8S_POD_NAME"):
        planned(node, call(args=""))


def test_isolation_refuses_a_definition_of_another_namespace() -> None:
    objects = (pod(networks="other/storage"), defined("storage", namespace="other"))
    assert len(planned(DescribedNode(*objects), call())) == 2
    assert len(planned(DescribedNode(*objects), call(namespaceIsolation=True, globalNamespaces="x,other"))) == 2
    with pytest.raises(Refused, match=r"^namespaceIsolation: a pod of bank may not select other/storage$"):
        planned(DescribedNode(*objects), call(namespaceIsolation=True))


def test_isolation_refuses_before_the_definition_is_looked_for() -> None:
    node = DescribedNode(pod(networks="other/storage"))
    with pytest.raises(Refused, match="namespaceIsolation"):
        planned(node, call(namespaceIsolation=True))
    assert "NetworkAttachmentDefinition other/storage" not in node.asked


@pytest.mark.parametrize(("said", "args"), [({"kubeconfig": None}, POD_ARGS), ({}, ""), ({}, "K8S_POD_NAME=web-0")])
def test_without_an_api_server_or_a_pod_nobody_is_asked_for_one(said: dict[str, Any], args: str) -> None:
    node = DescribedNode()
    assert named(planned(node, call(args=args, **said))) == [("cluster", "eth0")]
    assert not [asked for asked in node.asked if asked.startswith("Pod ")]


def test_a_readiness_file_that_is_not_there_is_waited_for() -> None:
    said = {"readinessindicatorfile": "/run/ready"}
    assert len(planned(DescribedNode(pod(), files=["/run/ready"]), call(**said))) == 1
    with pytest.raises(TryAgainLater, match=r"^readinessindicatorfile: there is no /run/ready yet$"):
        planned(DescribedNode(pod()), call(**said))
