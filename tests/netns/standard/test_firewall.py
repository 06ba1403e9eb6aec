"""The type `firewall` beside the CNI project's, by who reaches whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard import lab
from tests.netns.standard.twins import comparable

if TYPE_CHECKING:
    from tests.netns.standard.twins import Ended, Node

EVERYBODY = ("pod", "near", "far")
AT = {name: tuple(f"{part}{mark}{last}" for part, mark in zip(lab.SUBNETS[bridge], ".:", strict=True))
      for name, (bridge, last) in lab.PODS.items()}  # fmt: skip
Policies = dict[str, str]


def call(node: Node, verb: str, name: str = "pod", conf: dict[str, object] | None = None, **how: Any) -> Ended:
    """Call the plugin for one of the pods, each of which is a container of its own."""
    how.setdefault("previous", lab.previous(name))
    whole = {"type": "firewall", "stateDir": "{state}", **(conf or {})}
    return node.chain(verb, [whole], container=name, pod=name, **how)[0]


def reached(node: Node) -> dict[str, dict[str, str]]:
    """Return what each pod, the node and the host outside are answered by each pod."""
    places = [f"{protocol} {at} 80" for protocol in ("tcp", "udp") for to in EVERYBODY for at in AT[to]]
    with lab.serving(node, *EVERYBODY):
        return lab.all_answers(node, dict.fromkeys((*EVERYBODY, "", "out"), places))


def rules(node: Node) -> str:
    return node.run("nft", "list", "ruleset")


POLICIES: dict[str, Policies] = {
    "nobody": {},
    "open": {"pod": "open", "near": "open", "far": "open"},
    "not said": {"pod": "", "far": ""},
    "same-bridge": {"pod": "same-bridge", "near": "same-bridge", "far": "same-bridge"},
    "same-bridge, one on each": {"pod": "same-bridge", "far": "same-bridge"},
    "same-bridge on one of two": {"pod": "same-bridge", "far": "open"},
    "isolated": {"pod": "isolated", "near": "isolated", "far": "isolated"},
    "isolated, one on each": {"pod": "isolated", "far": "isolated"},
    "isolated beside same-bridge": {"pod": "isolated", "near": "isolated", "far": "same-bridge"},
}


@pytest.mark.parametrize("name", POLICIES)
def test_who_reaches_whom_is_as_with_gos(labs: tuple[Node, Node], name: str) -> None:
    policies = POLICIES[name]
    results = []
    for node in labs:
        for pod, policy in policies.items():
            conf: dict[str, object] = {"ingressPolicy": policy} if policy else {}
            ended = call(node, "ADD", pod, conf)
            assert ended.status == 0, ended.said
            results.append(comparable(ended.said, node))
            assert call(node, "CHECK", pod, conf).status == 0
    half = len(results) // 2
    assert results[:half] == results[half:]
    gos, ours = lab.same_answers(labs, reached)
    assert ours == gos
    for node in labs:
        for pod, policy in policies.items():
            conf = {"ingressPolicy": policy} if policy else {}
            for _ in range(2):
                assert call(node, "DEL", pod, conf).status == 0
    assert rules(labs[1]) == ""


def test_pods_on_a_bridge_are_isolated_where_the_node_filters_no_bridged_packets(labs: tuple[Node, Node]) -> None:
    for node in labs:
        node.run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-ip6tables=0")
        for pod in EVERYBODY:
            assert call(node, "ADD", pod, {"ingressPolicy": "isolated"}).status == 0
    gos, ours = (reached(node) for node in labs)
    assert gos["near"]["tcp 10.77.0.2 80"] == "pod sees 10.77.0.3"
    assert ours["near"]["tcp 10.77.0.2 80"] == ours["pod"]["tcp 10.78.0.2 80"] == "silent"
    assert ours[""]["tcp 10.77.0.2 80"] == "pod sees 10.77.0.1"


def test_ipv6_is_kept_apart_also_for_a_pod_that_has_only_ipv4_so_far(labs: tuple[Node, Node]) -> None:
    for node in labs:
        for pod in ("pod", "far"):
            previous = lab.previous(pod, six=False)
            assert call(node, "ADD", pod, {"ingressPolicy": "same-bridge"}, previous=previous).status == 0
    gos, ours = (reached(node)["far"]["tcp fd00:77::2 80"] for node in labs)
    assert (gos, ours) == ("pod sees fd00:78::2", "silent")


def test_a_bridge_is_open_again_when_the_last_pod_that_was_kept_apart_is_gone(labs: tuple[Node, Node]) -> None:
    conf: dict[str, object] = {"ingressPolicy": "same-bridge"}
    for node in labs:
        for pod in EVERYBODY:
            assert call(node, "ADD", pod, conf).status == 0
        assert call(node, "DEL", "pod", conf).status == 0
    for node in labs:
        assert reached(node)["far"]["tcp 10.77.0.3 80"] == "silent"  # `near` is still there
        assert call(node, "DEL", "near", conf).status == 0
    gos, ours = (reached(node)["far"]["tcp 10.77.0.3 80"] for node in labs)
    assert (gos, ours) == ("silent", "near sees 10.78.0.2")


def test_a_del_leaves_the_rules_of_another_pod_with_the_same_address(labs: tuple[Node, Node]) -> None:
    """A container is replaced by one that gets its address before the DEL of the first is through."""
    left = []
    for node in labs:
        for container in ("first", "second"):
            whole = {"type": "firewall", "stateDir": "{state}"}
            assert node.chain("ADD", [whole], container=container, previous=lab.previous())[0].status == 0
        assert node.chain("DEL", [whole], container="first", previous=lab.previous())[0].status == 0
        left.append(rules(node).count("saddr 10.77.0.2"))
        checked = node.chain("CHECK", [whole], container="second", previous=lab.previous())[0].status
        assert checked == (0 if left[-1] else 1)
    assert left == [0, 1]


def test_a_del_without_prevresult_takes_the_rules_away(labs: tuple[Node, Node]) -> None:
    left = []
    for node in labs:
        assert call(node, "ADD").status == 0
        assert call(node, "DEL", previous=None).status == 0
        left.append(rules(node).count("10.77.0.2"))
    assert left[0] > 0
    assert left[1] == 0


@pytest.mark.parametrize("chain", ["apart", "pods"])
def test_check_names_what_somebody_took_away_and_only_that(labs: tuple[Node, Node], chain: str) -> None:
    ours = labs[1]
    conf: dict[str, object] = {"ingressPolicy": "isolated"}
    assert call(ours, "ADD", conf=conf).status == 0
    ours.run("nft", "flush", "chain", "inet", "podberth-firewall", chain)
    ended = call(ours, "CHECK", conf=conf)
    assert ended.status == 1
    assert ended.said["code"] == 105
    assert f"rule in {chain}: expected there, found gone" in ended.said["msg"]
    assert call(ours, "DEL", conf=conf).status == 0
    assert rules(ours) == ""


@pytest.mark.parametrize(
    ("conf", "code", "field"),
    [
        ({"backend": "iptables"}, 2, "backend"),
        ({"backend": "firewalld"}, 2, "backend"),
        ({"backend": "ipfw"}, 7, "backend"),
        ({"iptablesAdminChainName": "MINE"}, 2, "iptablesAdminChainName"),
        ({"firewalldZone": "public"}, 2, "firewalldZone"),
        ({"ingressPolicy": "closed"}, 7, "ingressPolicy"),
    ],
)
def test_what_is_not_served_is_refused_by_name(
    labs: tuple[Node, Node], conf: dict[str, object], code: int, field: str
) -> None:
    ended = call(labs[1], "ADD", conf=conf)
    assert (ended.status, ended.said["code"]) == (1, code)
    assert ended.said["msg"].startswith(f"{field}: ")
    assert rules(labs[1]) == ""
    assert call(labs[1], "DEL", conf=conf).status == 0


def test_without_a_result_of_before_both_refuse(labs: tuple[Node, Node]) -> None:
    for node in labs:
        assert call(node, "ADD", previous=None).status == 1


def test_a_policy_about_a_bridge_needs_one(labs: tuple[Node, Node]) -> None:
    """Go's plugin takes the pod's own interface for a bridge of the node, and keeps nobody apart."""
    alone = {**lab.previous(), "interfaces": [{"name": "eth0", "sandbox": "/run/netns/pod"}]}
    alone["ips"] = [{"address": "10.77.0.2/24", "interface": 0}]
    statuses = [call(node, "ADD", conf={"ingressPolicy": "isolated"}, previous=alone).status for node in labs]
    assert statuses == [0, 1]
    none = {**alone, "interfaces": [], "ips": [{"address": "10.77.0.2/24"}]}
    assert {call(node, "ADD", conf={"ingressPolicy": "isolated"}, previous=none).status for node in labs} == {1}


def test_rules_of_others_stay(labs: tuple[Node, Node]) -> None:
    ours = labs[1]
    ours.run("nft", "add", "table", "inet", "mine")
    ours.run("iptables", "-A", "FORWARD", "-s", "10.77.0.2", "-j", "ACCEPT")
    before = rules(ours)
    conf: dict[str, object] = {"ingressPolicy": "isolated"}
    assert call(ours, "ADD", conf=conf).status == 0
    assert call(ours, "DEL", conf=conf).status == 0
    assert rules(ours) == before
