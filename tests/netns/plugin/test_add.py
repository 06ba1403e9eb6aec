"""What a pod has after ADD, and what the runtime is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet

VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")


def test_a_declared_pod_gets_its_address_mac_and_default_route(node: Kubelet) -> None:
    pod = node.pod("mysql-1")
    answer = node.call("ADD", pod)
    assert answer.code == 0, answer
    assert answer.address == "10.50.0.12/24"
    eth0 = node.links(pod.netns)["eth0"]
    assert [a["local"] for a in eth0["addr_info"] if a["scope"] == "global"] == ["10.50.0.12"]
    assert eth0["address"] == "02:50:0a:32:00:0c"
    assert eth0["operstate"] == "UP"
    assert "default via 10.50.0.1" in node.inside(pod.netns, "ip", "route")


def test_the_result_names_bridge_host_end_and_the_pods_link(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    result = node.call("ADD", pod).result
    bridge, host, inside = result["interfaces"]
    assert bridge["name"] == "bank0"
    assert inside == {"name": "eth0", "mac": "02:50:0a:32:00:0b", "sandbox": pod.path}
    assert result["ips"] == [{"interface": 2, "address": "10.50.0.11/24", "gateway": "10.50.0.1"}]
    assert node.links(node.node)[host["name"]]["master"] == "bank0"
    assert node.links(node.node)[host["name"]]["address"] == host["mac"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_answered_in_its_own_words(node: Kubelet, version: str) -> None:
    pod = node.pod("mysql-0")
    answer = node.call("ADD", pod, cniVersion=version)
    assert answer.code == 0, answer
    assert answer.result["cniVersion"] == version
    assert "10.50.0.11/24" in answer.stdout
    assert node.call("DEL", pod, cniVersion=version).code == 0


def test_dual_stack_gets_one_address_of_each_family_with_the_pools_settings(node: Kubelet) -> None:
    pod = node.pod("any", namespace="web")
    result = node.call("ADD", pod, pool="dual").result
    assert [ip["address"] for ip in result["ips"]] == ["10.60.0.2/24", "fd00:60::2/64"]
    assert result["dns"] == {"nameservers": ["10.0.0.53"], "search": ["bank.example"]}
    eth0 = node.links(pod.netns)["eth0"]
    assert eth0["mtu"] == 1400
    assert [a["local"] for a in eth0["addr_info"] if a["scope"] == "global"] == ["10.60.0.2", "fd00:60::2"]
    for key in ("accept_ra", "autoconf"):  # no address that the ledger does not know
        assert node.inside(pod.netns, "cat", f"/proc/sys/net/ipv6/conf/eth0/{key}").strip() == "0"
    routes = node.inside(pod.netns, "ip", "route")
    assert "default via 10.60.0.1 dev eth0" in routes
    assert "192.0.2.0/24 via 10.60.0.9 dev eth0 proto static metric 7" in " ".join(routes.split())


def test_pods_of_a_vlan_reach_each_other_and_not_the_untagged(node: Kubelet) -> None:
    first, second, other = node.pod("tagged-0"), node.pod("tagged-1"), node.pod("mysql-0")
    for pod in (first, second, other):
        assert node.call("ADD", pod).code == 0
    assert node.reaches(first, "10.50.0.22")
    assert node.cut_off(first, "10.50.0.11")
    assert node.cut_off(other, "10.50.0.21")


def test_a_macvlan_stands_on_its_parent(node: Kubelet) -> None:
    node.inside(node.node, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    node.inside(node.node, "ip", "link", "set", "up0", "up")
    node.inside(node.node, "ip", "link", "set", "up1", "up")
    pods = [node.pod("mysql-0"), node.pod("mysql-1")]
    node.remember()
    for pod in pods:
        answer = node.call("ADD", pod, device="macvlan", parent="up0", bridge=None)
        assert answer.code == 0, answer
    assert node.links(pods[0].netns)["eth0"]["linkinfo"]["info_kind"] == "macvlan"
    assert node.reaches(pods[0], "10.50.0.12")
    for pod in pods:
        assert node.call("DEL", pod, device="macvlan", parent="up0", bridge=None).code == 0
    assert node.left_behind() == []


def test_an_undeclared_pod_is_refused_where_the_network_says_so(node: Kubelet) -> None:
    pod = node.pod("stranger", namespace="web")
    node.remember()
    answer = node.call("ADD", pod, undeclared="refuse")
    assert answer.code == 1
    assert answer.result["code"] == 102
    assert "web/stranger" in str(answer.result["msg"])
    assert "PodNetwork" in str(answer.result["details"])
    assert node.left_behind() == []


def test_an_undeclared_pod_gets_a_dynamic_address_that_is_not_held_for_others(node: Kubelet) -> None:
    answer = node.call("ADD", node.pod("stranger", namespace="web"))
    assert answer.address == "10.50.0.100/24"


def test_addresses_go_to_gos_bridge_when_podberth_is_its_ipam(node: Kubelet) -> None:
    pod = node.pod("mysql-2")
    node.remember()
    ipam = {"type": "podberth", "pool": "db", "stateDir": str(node.state)}
    delegating: dict[str, Any] = {"type": "bridge", "plugin": "bridge", "ipam": ipam, "cniVersion": "1.0.0"}
    answer = node.call("ADD", pod, **delegating)
    assert answer.code == 0, answer
    assert answer.address == "10.50.0.13/24"
    assert node.call("CHECK", pod, **delegating, prevResult=answer.result).code == 0
    assert node.call("DEL", pod, **delegating).code == 0
    assert node.rows("SELECT * FROM leases") == []


def test_gos_tuning_and_portmap_chain_after_it(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    made = node.call("ADD", pod, cniVersion="1.0.0")
    tuned = node.call("ADD", pod, plugin="tuning", type="tuning", cniVersion="1.0.0", mtu=1300, prevResult=made.result)
    assert tuned.code == 0, tuned
    assert node.links(pod.netns)["eth0"]["mtu"] == 1300


def test_an_interface_that_an_earlier_plugin_made_stays_in_the_result(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    before = {
        "cniVersion": "1.0.0",
        "interfaces": [{"name": "net1", "sandbox": pod.path}],
        "ips": [{"interface": 0, "address": "198.51.100.7/24"}],
    }
    result = node.call("ADD", pod, cniVersion="1.0.0", prevResult=before).result
    assert next(i["name"] for i in result["interfaces"]) == "net1"
    assert [ip["address"] for ip in result["ips"]] == ["198.51.100.7/24", "10.50.0.11/24"]
    assert [ip["interface"] for ip in result["ips"]] == [0, 3]


def test_a_pods_annotation_chooses_only_what_the_operator_allows(node: Kubelet) -> None:
    pod = node.pod("asker", namespace="web")
    wish = {"io.kubernetes.cri.pod-annotations": {"podberth.io/network": '[{"addresses": ["10.50.0.77"]}]'}}
    refused = node.call("ADD", pod, runtimeConfig=wish)
    assert refused.code == 1
    assert refused.result["code"] == 102
    node.apply(
        "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {name: db}\nspec:\n"
        "  subnets: [{subnet: 10.50.0.0/24, gateway: 10.50.0.1, hold: [10.50.0.2-10.50.0.99]}]\n"
        "  allow: [{namespaces: [web], addresses: [10.50.0.70-10.50.0.79], podRequests: true},"
        " {namespaces: ['*'], vlans: [0, 100]}]\n"
    )
    granted = node.call("ADD", pod, runtimeConfig=wish)
    assert granted.code == 0, granted
    assert granted.address == "10.50.0.77/24"


def test_the_same_attachment_twice_is_refused_and_stays_as_it_is(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    assert node.call("ADD", pod).code == 0
    before = node.inventory()
    answer = node.call("ADD", pod)
    assert answer.code == 1
    assert "DEL it first" in str(answer.result["details"])
    assert node.inventory() == before
