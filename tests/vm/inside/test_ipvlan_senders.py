"""Ipvlans whose pods may do all in their own namespace: the parent drops what is no pod's and not the node's."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import pytest

from podberth.linux.sender_rules import link_local
from tests.netns.agent.running import agent, ended
from tests.netns.linux.test_parent_senders import STOPPED
from tests.netns.plugin import forging as forge
from tests.sizes import evenly, size
from tests.vm.inside.warm import warm_kubelet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.netns.kubelet import Kubelet, Pod

POOLS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: shared}
spec:
  subnets: [{subnet: 10.60.0.0/24}, {subnet: "fd00:60::/64"}]
  antiSpoofing: true
---
"""
LAST = {"first-0": 11, "other-0": 12, "loose-0": 13, "loose-1": 14}
PODS = "---\n".join(
    json.dumps({
        "apiVersion": "podberth.io/v1alpha1", "kind": "PodNetwork", "metadata": {"namespace": "bank", "name": name},
        "spec": {"pod": name, "attachments": [{
            "ifname": "eth0", "addresses": [f"10.60.0.{last}", f"fd00:60::{last}"],
            **({"antiSpoofing": False} if name.startswith("loose") else {}),
        }]},
    }) + "\n"
    for name, last in LAST.items()
)  # fmt: skip
IPVLAN: dict[str, Any] = {"device": "ipvlan", "parent": "up0", "bridge": None, "pool": "shared"}
TAGGED: dict[str, Any] = {**IPVLAN, "vlan": {"id": 7}}
PLACES = size(4, 1000)  # at which a call is killed


@contextmanager
def node_with_an_uplink(folder: Path) -> Iterator[Kubelet]:
    """A node that has addresses in the pods' subnets, on the wire to a router; `up0.7` and `up1.7` are a VLAN of it."""
    with warm_kubelet(folder / "state", POOLS + PODS) as made:
        made.namespace(router(made))
        made.inside(made.node, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1", "netns", router(made))
        made.inside(router(made), "ip", "link", "add", "link", "up1", "name", "up1.7", "type", "vlan", "id", "7")
        for namespace, link, last in ((made.node, "up0", 2), (router(made), "up1", 1), (router(made), "up1.7", 1)):
            made.inside(namespace, "ip", "address", "add", f"10.60.0.{last}/24", "dev", link)
            made.inside(namespace, "ip", "address", "add", f"fd00:60::{last}/64", "dev", link, "nodad")
            made.inside(namespace, "ip", "link", "set", link, "up")
        yield made


def router(node: Kubelet) -> str:
    return f"router-{node.mark}"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kubelet]:
    with node_with_an_uplink(tmp_path) as made:
        yield made


def added(node: Kubelet, name: str) -> Pod:
    pod = node.pod(name)
    add(node, pod)
    return pod


def add(node: Kubelet, pod: Pod, network: dict[str, Any] = IPVLAN) -> None:
    answer = node.call("ADD", pod, **network)
    assert answer.code == 0, answer


def unbound(node: Kubelet, pod: Pod) -> forge.Sender:
    """Take the pod's own rules away, as its root can, and give it the right to send as anybody; return who it is."""
    node.inside(pod.netns, "nft", "flush", "ruleset")
    mac = node.links(pod.netns)["eth0"]["address"]
    last = LAST[pod.name]
    return forge.Sender(mac=mac, ipv4=f"10.60.0.{last}", ipv6=f"fd00:60::{last}", link=str(link_local(mac)))


def heard(node: Kubelet, link: str, pod: Pod, *frames: bytes, own: forge.Sender | None = None) -> list[bool]:
    """Say of each frame that the pod sends whether it comes out at the router's link; `own`: who alone is let pass."""
    last = forge.frame("02:50:00:00:00:11", 0x88B5, bytes(46)) if own is None else forge.honest(own)["a datagram"]
    found = []
    with forge.wire(router(node), link) as listener:
        for frame in frames:
            forge.send(pod.netns, "eth0", frame, last)
            came = forge.heard(listener, last)
            assert came
            found.append(any(one.startswith(frame) for one in came))
    return found


def pings(node: Kubelet, namespace: str, address: str, source: str = "") -> bool:
    command = ["nsenter", f"--net=/run/netns/{namespace}", "ping", "-c", "1", "-w", "20", "-q", address]
    if source:
        command[-1:] = ["-I", source, address]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(("network", "link"), [(IPVLAN, "up1"), (TAGGED, "up1.7")], ids=["untagged", "a VLAN"])
def test_a_pod_that_may_do_all_in_its_namespace_is_nobody_but_a_pod_of_its_parent(
    node: Kubelet, network: dict[str, Any], link: str
) -> None:
    pods = [node.pod(name) for name in ("first-0", "other-0")]
    node.remember()
    for pod in pods:
        add(node, pod, network)
    me = unbound(node, pods[0])
    victim = forge.Sender(mac="02:50:00:00:00:77", ipv4="10.60.0.99", ipv6="fd00:60::99", link="fe80::77")
    forged = forge.forged(me, victim)
    assert heard(node, link, pods[0], *(forged[what] for what in STOPPED)) == [False] * len(STOPPED)
    assert all(heard(node, link, pods[0], *forge.honest(me).values()))
    other = forge.ipv4(me.mac, "10.60.0.12", "10.60.0.1")
    assert heard(node, link, pods[0], other) == [True]  # a pod of the same parent: its own link has no rules now
    for pod in pods:
        assert node.call("DEL", pod, **network).code == 0
    assert node.left_behind() == []


def test_checked_pods_in_a_vlan_reach_their_router(node: Kubelet) -> None:
    node.inside(router(node), "ip", "address", "flush", "dev", "up1")  # it answers by one of them
    pods = [node.pod(name) for name in ("first-0", "other-0")]
    for pod in pods:
        add(node, pod, TAGGED)
    for address in ("10.60.0.1", "fd00:60::1"):
        assert all(node.reaches(pod, address) for pod in pods)
    for pod in pods:
        assert node.call("DEL", pod, **TAGGED).code == 0


def test_a_macvlan_in_a_vlan_is_checked_at_the_parent_and_reaches_its_router(node: Kubelet) -> None:
    network = {**TAGGED, "device": "macvlan"}
    pod = node.pod("first-0")
    add(node, pod, network)
    me = unbound(node, pod)
    victim = forge.Sender(mac="02:50:00:00:00:77", ipv4="10.60.0.99", ipv6="fd00:60::99", link="fe80::77")
    assert heard(node, "up1.7", pod, forge.forged(me, victim)["another's IPv4"], own=me) == [False]
    node.inside(router(node), "ip", "address", "flush", "dev", "up1")
    assert all(node.reaches(pod, address) for address in ("10.60.0.1", "fd00:60::1"))
    assert node.call("DEL", pod, **network).code == 0


def test_a_pod_that_gives_itself_another_address_is_heard_by_nobody_with_that(node: Kubelet) -> None:
    pod = added(node, "first-0")
    unbound(node, pod)
    for address in ("10.60.0.77/24", "fd00:60::77/64"):
        node.inside(pod.netns, "ip", "address", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
    for own, other, to in (("10.60.0.11", "10.60.0.77", "10.60.0.1"), ("fd00:60::11", "fd00:60::77", "fd00:60::1")):
        assert pings(node, pod.netns, to, own)
        forged = ["nsenter", f"--net=/run/netns/{pod.netns}", "ping", "-c", "1", "-W", "1", "-q", "-I", other, to]
        assert subprocess.run(forged, capture_output=True, check=False).returncode != 0
        node.inside(router(node), "ip", "neighbor", "flush", "all")
        assert not pings_once(router(node), other)
    assert node.call("DEL", pod, **IPVLAN).code == 0


def pings_once(namespace: str, address: str) -> bool:
    command = ["nsenter", f"--net=/run/netns/{namespace}", "ping", "-c", "1", "-W", "2", "-q", address]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_an_ipvlan_that_a_pod_makes_itself_is_checked_too(node: Kubelet) -> None:
    """It stands on the same parent, and knows no rules of the pod's."""
    pod = added(node, "first-0")
    me = unbound(node, pod)
    node.inside(pod.netns, "ip", "link", "add", "link", "eth0", "name", "eth9", "type", "ipvlan", "mode", "l2")
    node.inside(pod.netns, "ip", "link", "set", "eth9", "up")
    last = forge.frame("02:50:00:00:00:11", 0x88B5, bytes(46))
    forged = forge.ipv4(me.mac, "10.60.0.99", "10.60.0.1"), forge.arp(me.mac, "10.60.0.1", "10.60.0.99", reply=True)
    with forge.wire(router(node), "up1") as listener:
        forge.send(pod.netns, "eth9", *forged, last)
        came = forge.heard(listener, last)
    assert came
    assert not any(one.startswith(forged) for one in came)
    assert node.call("DEL", pod, **IPVLAN).code == 0


def test_the_node_itself_is_not_touched_also_by_addresses_that_it_gets_later(node: Kubelet) -> None:
    pod = added(node, "first-0")
    for address in ("10.60.0.3/24", "fd00:60::3/64"):
        node.inside(node.node, "ip", "address", "add", address, "dev", "up0", *(["nodad"] if ":" in address else []))
    for version, last in ((4, 2), (4, 3), (6, 2), (6, 3)):
        prefix = "10.60.0." if version == 4 else "fd00:60::"
        for namespace in (node.node, router(node)):
            node.inside(namespace, "ip", "neighbor", "flush", "all")
        assert pings(node, node.node, f"{prefix}1", f"{prefix}{last}")
        node.inside(router(node), "ip", "neighbor", "flush", "all")
        assert pings(node, router(node), f"{prefix}{last}")
    assert node.call("DEL", pod, **IPVLAN).code == 0


@pytest.mark.parametrize("mode", ["l3", "l3s"])
def test_in_other_modes_it_is_the_same_for_packets(node: Kubelet, mode: str) -> None:
    network = {**IPVLAN, "mode": mode}
    pod = node.pod("first-0")
    add(node, pod, network)
    me = unbound(node, pod)
    to = forge.octets(node.links(router(node))["up1"]["address"])
    own, other = (forge.ipv4(me.mac, source, "10.60.0.1") for source in ("10.60.0.11", "10.60.0.77"))
    with forge.wire(router(node), "up1") as listener:
        for _ in range(2):
            forge.send(pod.netns, "eth0", to + other[6:], to + own[6:])
        came = forge.heard(listener, to)
        assert came
    assert any(own[14:18] in one and IPv4Address("10.60.0.11").packed in one for one in came)
    assert not any(IPv4Address("10.60.0.77").packed in one[26:30] for one in came)
    assert node.call("DEL", pod, **network).code == 0


def test_pods_that_are_not_checked_stay_within_reach(node: Kubelet) -> None:
    before, checked, after = pods = [node.pod(name) for name in ("loose-0", "first-0", "loose-1")]
    node.remember()
    for pod in pods:
        add(node, pod)
    for pod in pods:
        node.inside(router(node), "ip", "neighbor", "flush", "all")
        for address in ("10.60.0.1", "fd00:60::1"):
            assert node.reaches(pod, address), (pod.name, address)
    assert node.call("DEL", before, **IPVLAN).code == 0
    me = unbound(node, after)
    gone = forge.ipv4(me.mac, "10.60.0.13", "10.60.0.1")
    assert node.call("DEL", checked, **IPVLAN).code == 0
    add(node, checked)  # by which it is seen who is there still
    assert heard(node, "up1", after, gone) == [False]
    for pod in (after, checked):
        assert node.call("DEL", pod, **IPVLAN).code == 0
    assert node.left_behind() == []


def test_what_somebody_takes_away_at_the_parent_is_found_and_put_back(node: Kubelet) -> None:
    pod = added(node, "first-0")
    loose = added(node, "loose-0")
    result = {"cniVersion": "1.1.0", "ips": [{"address": "10.60.0.11/24"}, {"address": "fd00:60::11/64"}]}
    assert node.call("CHECK", pod, **IPVLAN, prevResult=result).code == 0
    for command in (
        ("delete", "element", "netdev", "podberth-senders", "senders4-up0", "{ 10.60.0.11 }"),
        ("delete", "table", "netdev", "podberth-senders"),
        ("flush", "ruleset"),
    ):
        node.inside(node.node, "nft", *command)
        assert node.call("CHECK", pod, **IPVLAN, prevResult=result).result["code"] == 105
        node.podberth("check", "--repair")
        assert node.call("CHECK", pod, **IPVLAN, prevResult=result).code == 0
        assert node.reaches(loose, "10.60.0.1")
    for each in (pod, loose):
        assert node.call("DEL", each, **IPVLAN).code == 0


def test_an_agent_that_ends_dels_later_leaves_no_rule_and_cuts_nobody_off(node: Kubelet) -> None:
    pods = [node.pod(name) for name in ("first-0", "other-0")]
    node.remember()
    with agent(node):
        for pod in pods:
            add(node, pod)
        assert node.call("DEL", pods[0], **IPVLAN).code == 0
        assert ended(node, pods[0])
        assert node.reaches(pods[1], "10.60.0.1")
        me = unbound(node, pods[1])
        assert heard(node, "up1", pods[1], forge.ipv4(me.mac, "10.60.0.11", "10.60.0.1")) == [False]
        assert node.call("DEL", pods[1], **IPVLAN).code == 0
        assert ended(node, pods[1])
        assert node.left_behind() == []


@pytest.mark.parametrize("verb", ["ADD", "DEL"])
def test_nothing_is_left_of_a_call_that_was_killed(node: Kubelet, verb: str) -> None:
    pod = node.pod("first-0")
    node.remember()
    if verb == "DEL":
        assert node.call("ADD", pod, **IPVLAN).code == 0
    effects = node.call(verb, pod, tripwire="", **IPVLAN).effects
    assert node.call("DEL", pod, **IPVLAN).code == 0
    assert node.left_behind() == []
    lists = [index for index, effect in enumerate(effects) if "ListSenders" in effect]
    assert lists
    for index in sorted({*lists, *evenly(range(len(effects)), PLACES)}):
        if verb == "DEL":
            assert node.call("ADD", pod, **IPVLAN).code == 0
        assert node.call(verb, pod, tripwire=f"{index}:after:kill", **IPVLAN).code != 0
        assert node.call("DEL", pod, **IPVLAN).code == 0
        assert node.left_behind() == [], f"after {effects[index]}"
