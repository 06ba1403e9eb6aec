"""Network configurations as written for sriov-cni work unchanged with `"type": "sriov"`: those of its documentation.

Its README and configuration reference show a minimal network with host-local, an extended one, one without addresses
for userspace drivers, and one with every key. What igb refuses of the last is refused here too, by name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podberth.entry import handle
from tests.netns.kubelet import Answer
from tests.vm.inside import card
from tests.vm.inside.card import PF, Node, as_it_was, declared, node_with_card

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Pod

HOST_LOCAL = {
    "type": "host-local",
    "subnet": "10.56.217.0/24",
    "routes": [{"dst": "0.0.0.0/0"}],
    "gateway": "10.56.217.1",
}
MINIMAL: dict[str, Any] = {"type": "sriov", "cniVersion": "0.3.1", "name": "sriov-network", "ipam": HOST_LOCAL}
EXTENDED: dict[str, Any] = {
    "cniVersion": "0.3.1",
    "name": "sriov-advanced",
    "type": "sriov",
    "vlan": 1000,
    "spoofchk": "off",
    "trust": "on",
    "ipam": HOST_LOCAL,
}
USERSPACE: dict[str, Any] = {"cniVersion": "0.3.1", "name": "sriov-dpdk", "type": "sriov", "vlan": 1000}
EVERY_KEY: dict[str, Any] = {
    "cniVersion": "0.3.1",
    "name": "sriov-dpdk",
    "type": "sriov",
    "deviceID": "0000:01:10.2",
    "mac": "CA:FE:C0:FF:EE:00",
    "vlan": 1000,
    "vlanQoS": 4,
    "vlanProto": "802.1ad",
    "min_tx_rate": 100,
    "max_tx_rate": 200,
    "spoofchk": "off",
    "trust": "on",
    "link_state": "enable",
    "logLevel": "debug",
    "logFile": "/tmp/sriov.log",
}
LEASES = Path("/var/lib/cni/networks")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The VM, with its card; one pod is declared by name."""
    with node_with_card(tmp_path_factory.mktemp("node") / "state", declared("named-0", "10.60.0.9", vlan=7)) as made:
        yield made


@pytest.fixture
def node(whole: Node) -> Iterator[Node]:
    """The node, which has to be in the end as it was."""
    with as_it_was(whole):
        yield whole


def call(node: Node, verb: str, pod: Pod, conf: dict[str, Any], **changes: Any) -> Answer:
    """Call the plugin `sriov` as Multus does: with the device beside the keys, if it is not among them."""
    whole = {"deviceID": "0000:01:10.0", "stateDir": str(node.kubelet.state), **conf, **changes}
    return Answer(*handle(node.kubelet.env(verb, pod), json.dumps(whole).encode(), "sriov"), "")


def leased(network: str) -> list[str]:
    """Return host-local's leases of a network."""
    return sorted(entry.name for entry in (LEASES / network).glob("10.*"))


def test_the_minimal_network(node: Node) -> None:
    pod = node.kubelet.pod("any-0")
    answer = call(node, "ADD", pod, MINIMAL)
    assert answer.code == 0, answer
    assert answer.result["cniVersion"] == "0.3.1"
    (ip,) = answer.result["ips"]
    assert (ip["address"].split(".")[:3], ip["gateway"]) == (["10", "56", "217"], "10.56.217.1")
    assert answer.result["routes"] == [{"dst": "0.0.0.0/0", "gw": "10.56.217.1"}]
    inside = node.kubelet.links(pod.netns)["eth0"]
    assert inside["addr_info"][0]["local"] == ip["address"].split("/")[0]
    assert "default via 10.56.217.1 dev eth0" in node.kubelet.inside(pod.netns, "ip", "route")
    assert leased("sriov-network") == [ip["address"].split("/")[0]]
    assert call(node, "DEL", pod, MINIMAL).code == 0
    assert call(node, "DEL", pod, MINIMAL).code == 0
    assert leased("sriov-network") == []


def test_the_extended_network(node: Node) -> None:
    pod = node.kubelet.pod("any-0")
    answer = call(node, "ADD", pod, EXTENDED)
    assert answer.code == 0, answer
    told = card.vf(0)
    assert (told["vlan_list"][0]["vlan"], told["spoofchk"], told["trust"]) == (1000, False, True)
    assert call(node, "DEL", pod, EXTENDED).code == 0
    assert leased("sriov-advanced") == []


def test_a_network_without_ipam_gives_an_interface_without_addresses(node: Node) -> None:
    pod = node.kubelet.pod("any-0")
    answer = call(node, "ADD", pod, USERSPACE)
    assert answer.code == 0, answer
    assert answer.result.get("ips", []) == []
    assert card.vf(0)["vlan_list"][0]["vlan"] == 1000
    assert node.kubelet.links(pod.netns)["eth0"]["operstate"] == "UP"
    assert call(node, "DEL", pod, USERSPACE).code == 0


def test_every_key_at_once_as_far_as_the_driver_takes_it(node: Node) -> None:
    pod, taken = node.kubelet.pod("any-0"), dict(EVERY_KEY)
    for key, setting in (("vlanProto", "proto 802.1ad"), ("min_tx_rate", "min_tx_rate 100"), ("link_state", "enable")):
        refused = call(node, "ADD", pod, taken)
        assert refused.result["code"] == 103
        assert setting in refused.result["msg"]
        assert f"({key})" in refused.result["details"]
        assert node.left_behind() == []
        del taken[key]
    answer = call(node, "ADD", pod, taken)
    assert answer.code == 0, answer
    told = card.vf(1)
    assert told["vlan_list"][0] == {"vlan": 1000, "qos": 4}
    assert (told["address"], told["rate"]["max_tx"], told["spoofchk"]) == ("ca:fe:c0:ff:ee:00", 200, False)
    assert node.kubelet.links(pod.netns)["eth0"]["address"] == "ca:fe:c0:ff:ee:00"
    assert call(node, "DEL", pod, taken).code == 0
    log = Path("/tmp/sriov.log").read_text()
    assert f"ADD of sriov-dpdk/{pod.container_id}/eth0" in log
    assert f"ip link set {PF} vf 1 vlan 1000" in log


def test_the_runtimes_mac_is_set(node: Node) -> None:
    pod = node.kubelet.pod("any-0")
    asked = {"runtimeConfig": {"mac": "CA:FE:C0:FF:EE:00"}, "capabilities": {"mac": True}}
    answer = call(node, "ADD", pod, MINIMAL, **asked)
    assert answer.code == 0, answer
    assert card.vf(0)["address"] == "ca:fe:c0:ff:ee:00"
    assert call(node, "DEL", pod, MINIMAL).code == 0


def test_podberth_gives_the_addresses_where_ipam_names_it(node: Node) -> None:
    pod = node.kubelet.pod("named-0")
    ipam = {"type": "podberth", "pool": "db", "stateDir": str(node.kubelet.state)}
    answer = call(node, "ADD", pod, {**MINIMAL, "ipam": ipam})
    assert answer.code == 0, answer
    assert answer.result["ips"][0]["address"] == "10.60.0.9/24"
    assert card.vf(0)["vlan_list"][0]["vlan"] == 7
    assert call(node, "DEL", pod, {**MINIMAL, "ipam": ipam}).code == 0


def test_an_add_that_fails_after_ipam_gives_the_address_back(node: Node) -> None:
    pod = node.kubelet.pod("any-0")
    refused = call(node, "ADD", pod, {**MINIMAL, "vlan": 5, "link_state": "enable"})
    assert refused.result["code"] == 103
    assert leased("sriov-network") == []
    assert node.left_behind() == []


def test_a_declaration_that_names_a_pool_does_not_fit_a_network_with_other_ipam(node: Node) -> None:
    refused = call(node, "ADD", node.kubelet.pod("named-0"), MINIMAL)
    assert refused.result["code"] == 7
    assert "has its addresses from host-local, but PodNetwork (pod) bank/named-0" in refused.result["msg"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vlan": 4095}, "vlan: expected a whole number 0..4094, got 4095"),
        ({"vlanQoS": 3}, "vlanQoS: needs `vlan` beside it"),
        ({"vlan": 0, "vlanQoS": 3}, "vlanQoS: says nothing about untagged frames"),
        ({"vlan": 5, "vlanProto": "802.1x"}, "vlanProto: expected one of '802.1q', '802.1ad'"),
        ({"min_tx_rate": 20, "max_tx_rate": 10}, "min_tx_rate: 20 Mbit/s are more than max_tx_rate, 10 Mbit/s"),
        ({"spoofchk": "maybe"}, "spoofchk: expected 'on' or 'off'"),
        ({"link_state": "up"}, "link_state: expected one of 'auto', 'enable', 'disable'"),
        ({"deviceID": "eth1"}, "deviceID: expected a PCI address"),
        ({"ipam": {"type": "no-such-plugin"}}, "ipam.type: there is no plugin 'no-such-plugin' in CNI_PATH"),
        ({"logFile": "relative"}, "logFile: expected an absolute path"),
        ({"logLevel": "loud"}, "logLevel: expected one of"),
    ],
)
def test_what_is_wrong_is_refused_by_name_before_any_change(node: Node, changes: dict[str, Any], words: str) -> None:
    refused = call(node, "ADD", node.kubelet.pod("any-0"), {**MINIMAL, **changes})
    assert refused.code == 1
    assert words in refused.result["msg"]
    assert node.left_behind() == []
