"""The device kinds that need a kernel with 802.1Q, ipvlan and bridge VLAN filtering, on real kernel objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.sizes import evenly, size
from tests.vm.inside.warm import warm_kubelet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.netns.kubelet import Kubelet, Pod

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.50.0.0/24, gateway: 10.50.0.1}]
  allow: [{namespaces: [bank], vlans: [0, 100, 200]}]
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: plain}
spec:
  statefulSet: {name: plain, replicas: 2}
  attachments: [{pool: db, ordinals: [{range: 10.50.0.11-10.50.0.12}]}]
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: red}
spec:
  statefulSet: {name: red, replicas: 2}
  attachments: [{pool: db, ordinals: [{range: 10.50.0.21-10.50.0.22}], vlan: {id: 100}}]
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: blue}
spec:
  statefulSet: {name: blue, replicas: 1}
  attachments: [{pool: db, ordinals: [{list: [10.50.0.31]}], vlan: {id: 200}}]
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: named}
spec:
  pod: named
  attachments: [{pool: db, addresses: [10.50.0.41], mac: fromAddress}]
"""
DEATHS = size(3, 60)  # of a call
TURNS = size(1, 2)
MACVLAN: dict[str, Any] = {"device": "macvlan", "parent": "up0", "bridge": None}
IPVLAN: dict[str, Any] = {"device": "ipvlan", "parent": "up0", "bridge": None}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kubelet]:
    """A node whose uplink `up0` is one end of a wire."""
    with warm_kubelet(tmp_path / "state", DOCUMENTS) as made:
        made.inside(made.node, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
        for name in ("up0", "up1"):
            # No link-local address: it would appear at a time of its own.
            made.inside(made.node, "ip", "link", "set", name, "addrgenmode", "none")
            made.inside(made.node, "ip", "link", "set", name, "up")
        yield made


def added(node: Kubelet, *names: str, **network: Any) -> list[Pod]:
    pods = [node.pod(name) for name in names]
    for pod in pods:
        answer = node.call("ADD", pod, **network)
        assert answer.code == 0, answer
        assert node.call("CHECK", pod, **network, prevResult=answer.result).code == 0
    return pods


def deleted(node: Kubelet, *pods: Pod, **network: Any) -> None:
    for pod in pods:
        assert node.call("DEL", pod, **network).code == 0


def test_a_filtering_bridge_keeps_vlans_apart(node: Kubelet) -> None:
    red, also_red, blue, plain = added(node, "red-0", "red-1", "blue-0", "plain-0")
    assert node.links(node.node)["bank0"]["linkinfo"]["info_data"]["vlan_filtering"] == 1
    assert node.reaches(red, "10.50.0.22")
    for other in (blue, plain):
        assert node.cut_off(other, "10.50.0.21")
    assert node.cut_off(red, "10.50.0.31")
    deleted(node, red, also_red, blue, plain)
    assert "bank0" not in node.links(node.node)


def test_a_port_of_a_filtering_bridge_is_in_its_vlan_only_and_check_says_if_not(node: Kubelet) -> None:
    (red,) = added(node, "red-0")
    port = next(name for name in node.links(node.node) if name.startswith("pb"))
    shown = json.loads(node.inside(node.node, "bridge", "-json", "vlan", "show", "dev", port))[0]["vlans"]
    assert shown == [{"vlan": 100, "flags": ["PVID", "Egress Untagged"]}]
    node.inside(node.node, "bridge", "vlan", "add", "dev", port, "vid", "200")
    drifted = node.call("CHECK", red, prevResult={"cniVersion": "1.1.0", "ips": [{"address": "10.50.0.21/24"}]})
    assert drifted.result["code"] == 105
    assert f"{port}: vlan: expected 100 untagged" in drifted.result["msg"]


def test_an_operators_bridge_without_filtering_is_left_alone_and_another_made_for_the_vlan(node: Kubelet) -> None:
    node.inside(node.node, "ip", "link", "add", "bank0", "type", "bridge")
    node.inside(node.node, "ip", "link", "set", "bank0", "up")
    node.remember()
    pods = added(node, "red-0", "plain-0")
    assert {"bank0", "bank0.100"} <= set(node.links(node.node))
    assert node.cut_off(pods[1], "10.50.0.21")
    deleted(node, *pods)
    assert "bank0" in node.links(node.node)
    assert "bank0.100" not in node.links(node.node)


def test_an_ipvlan_has_its_parents_mac_and_its_own_address(node: Kubelet) -> None:
    pods = added(node, "plain-0", "plain-1", **IPVLAN)
    inside = node.links(pods[0].netns)["eth0"]
    assert inside["linkinfo"]["info_kind"] == "ipvlan"
    assert inside["address"] == node.links(node.node)["up0"]["address"]
    assert node.reaches(pods[0], "10.50.0.12")
    deleted(node, *pods, **IPVLAN)
    assert "eth0" not in node.links(pods[0].netns)


def test_an_ipvlan_in_layer_three_needs_no_neighbours(node: Kubelet) -> None:
    pods = added(node, "plain-0", "plain-1", **IPVLAN, mode="l3")
    assert node.reaches(pods[0], "10.50.0.12")
    assert "default dev eth0" in node.inside(pods[0].netns, "ip", "route")
    deleted(node, *pods, **IPVLAN, mode="l3")


def test_a_mac_is_refused_on_an_ipvlan_with_nothing_done(node: Kubelet) -> None:
    pod = node.pod("named")
    node.remember()
    refused = node.call("ADD", pod, **IPVLAN)
    assert refused.result["code"] == 2
    assert refused.result["msg"].startswith("mac: ")
    assert node.left_behind() == []


@pytest.mark.parametrize("network", [MACVLAN, IPVLAN], ids=["macvlan", "ipvlan"])
def test_pods_of_a_vlan_share_its_device_and_the_last_takes_it_away(node: Kubelet, network: dict[str, Any]) -> None:
    pods = [node.pod(name) for name in ("red-0", "red-1", "blue-0")]
    node.remember()
    for pod in pods:
        answer = node.call("ADD", pod, **network)
        assert answer.code == 0, answer
    assert {"up0.100", "up0.200"} <= set(node.links(node.node))
    assert node.reaches(pods[0], "10.50.0.22")
    assert node.cut_off(pods[2], "10.50.0.21")
    deleted(node, pods[0], pods[2], **network)
    assert "up0.100" in node.links(node.node)
    assert "up0.200" not in node.links(node.node)
    assert node.inside(pods[1].netns, "ip", "link", "show", "eth0")
    deleted(node, pods[1], **network)
    assert node.left_behind() == []


def test_nothing_is_left_of_a_macvlan_on_a_vlan_killed_at_any_step(node: Kubelet) -> None:
    pod = node.pod("red-0")
    node.remember()
    effects = node.call("ADD", pod, tripwire="", **MACVLAN).effects
    assert "host.do CreateMacvlan" in effects
    deleted(node, pod, **MACVLAN)
    for index in evenly(range(len(effects)), DEATHS):
        # After each is before the next: under emulation once has to do.
        assert node.call("ADD", pod, tripwire=f"{index}:after:kill", **MACVLAN).code != 0
        deleted(node, pod, **MACVLAN)
        assert node.left_behind() == [], f"after {effects[index]}"


def test_a_del_killed_once_the_link_on_a_vlan_is_gone_is_finished_by_the_next(node: Kubelet) -> None:
    pod, other = node.pod("red-0"), node.pod("red-1")
    assert node.call("ADD", other, **MACVLAN).code == 0
    # Its link-local address, and that of the other's link, would appear at a time of their own.
    for namespace, name in ((node.node, "up0.100"), (other.netns, "eth0")):
        node.inside(namespace, "ip", "link", "set", name, "addrgenmode", "none")
        node.inside(namespace, "ip", "-6", "address", "flush", "dev", name)
    node.remember()
    assert node.call("ADD", pod, **MACVLAN).code == 0
    effects = node.call("DEL", pod, tripwire="", **MACVLAN).effects
    # What comes before is of the link itself, as on any device: tests/netns/crash kills there.
    for index in evenly(range(effects.index("host.undo CreateMacvlan"), len(effects)), DEATHS):
        assert node.call("ADD", pod, **MACVLAN).code == 0
        assert node.call("DEL", pod, tripwire=f"{index}:after:kill", **MACVLAN).code != 0
        deleted(node, pod, **MACVLAN)
        assert node.left_behind() == [], f"after {effects[index]}"
    assert "up0.100" in node.links(node.node)
    deleted(node, other, **MACVLAN)
    assert "up0.100" not in node.links(node.node)


def test_a_vlan_device_is_there_for_all_who_come_and_gone_after_the_last_however_they_meet(node: Kubelet) -> None:
    pods = [node.pod(name) for name in ("red-0", "red-1")]
    node.remember()
    for _ in range(TURNS):
        for verb in ("ADD", "DEL"):
            calls = [node.start(verb, pod, **MACVLAN) for pod in pods]
            ended = [(*call.communicate(), call.returncode) for call in calls]
            assert [code for *_, code in ended] == [0, 0], ended
    for staying, leaving in (pods, pods[::-1])[:TURNS]:
        assert node.call("ADD", leaving, **MACVLAN).code == 0
        calls = [node.start(verb, pod, **MACVLAN) for verb, pod in (("DEL", leaving), ("ADD", staying))]
        ended = [(*call.communicate(), call.returncode) for call in calls]
        assert [code for *_, code in ended] == [0, 0], ended
        assert "up0.100" in node.links(node.node)
        deleted(node, staying, **MACVLAN)
    assert node.left_behind() == []
