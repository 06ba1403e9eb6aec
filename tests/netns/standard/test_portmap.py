"""The type `portmap` beside the CNI project's, by what is answered at a node's ports."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard import lab
from tests.netns.standard.twins import comparable
from tests.sizes import spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.netns.standard.twins import Ended, Node

WEB = {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}
OTHER = {"hostPort": 8081, "containerPort": 81, "protocol": "tcp"}
DNS = {"hostPort": 8080, "containerPort": 80, "protocol": "udp"}
FOURS, SIXES = ("192.0.2.1", "192.0.2.7"), ("2001:db8::1",)
TCP, UDP = ("tcp",), ("udp",)
# Puts right whatever is not as the node's records have it.
REPAIR = """
import sys
from podberth.entry import open_node
node = open_node(sys.argv[1])
for record in node.attachments.all():
    for step in record.steps:
        if node.host.check(step):
            node.host.repair(step, record.netns_id)
"""
# Who asks, and by which addresses of the node.
BY = {
    "out": (*FOURS, *SIXES),
    "": (*FOURS, *SIXES, "127.0.0.1", "127.0.0.5", "::1", "10.77.0.1"),
    "pod": (*FOURS, *SIXES, "10.77.0.1"),
    "near": (*FOURS, *SIXES, "10.77.0.1"),
    "far": (*FOURS, *SIXES),
}


def add(node: Node, conf: Mapping[str, object], *mappings: Mapping[str, object], **how: Any) -> Ended:
    return call(node, "ADD", conf, *mappings, **how)


def call(node: Node, verb: str, conf: Mapping[str, object], *mappings: Mapping[str, object], **how: Any) -> Ended:
    whole: dict[str, object] = {
        "type": "portmap",
        "stateDir": "{state}",
        "capabilities": {"portMappings": True},
        **conf,
    }
    if mappings:
        whole["runtimeConfig"] = {"portMappings": list(mappings)}
    how.setdefault("previous", lab.previous(how.get("pod", "pod")))
    return node.chain(verb, [whole], **how)[0]


def seen(node: Node, ports: tuple[int, ...], protocols: tuple[str, ...] = TCP) -> dict[str, dict[str, str]]:
    """Return what is answered at the ports, to everybody by every address of the node."""
    places = {who: [f"{p} {at} {port}" for p in protocols for at in by for port in ports] for who, by in BY.items()}
    return lab.all_answers(node, places)


def rules(node: Node) -> str:
    return node.run("nft", "list", "ruleset")


CONFS: dict[str, tuple[dict[str, object], tuple[dict[str, object], ...], tuple[str, ...]]] = {
    "one port": ({}, (WEB,), TCP),
    "several ports": ({}, (WEB, OTHER), TCP),
    "udp": ({}, (DNS,), UDP),
    "tcp and udp of one number": ({}, (WEB, DNS), (*TCP, *UDP)),
    "without snat": ({"snat": False}, (WEB,), TCP),
    "everything masqueraded": ({"masqAll": True}, (WEB,), TCP),
    "masqAll without snat": ({"masqAll": True, "snat": False}, (WEB,), TCP),
    "another bit": ({"markMasqBit": 14}, (WEB,), TCP),
    "the lowest bit": ({"markMasqBit": 0}, (WEB,), TCP),
    "the highest bit": ({"markMasqBit": 31}, (WEB,), TCP),
    "one address of the node": ({}, ({**WEB, "hostIP": "192.0.2.7"},), TCP),
    "an IPv6 address of the node": ({}, ({**WEB, "hostIP": "2001:db8::1"},), TCP),
    "only the loopback": ({}, ({**WEB, "hostIP": "127.0.0.1"},), TCP),
    "any IPv4 address": ({}, ({**WEB, "hostIP": "0.0.0.0"},), TCP),
    "any IPv6 address": ({}, ({**WEB, "hostIP": "::"},), TCP),
    "an address and all others": ({}, ({**WEB, "hostIP": "192.0.2.7"}, {**WEB, "containerPort": 81}), TCP),
    "a port more than once": ({}, (WEB, WEB), TCP),
    "sixteen ports": ({}, (*({**OTHER, "hostPort": 9000 + n} for n in range(15)), WEB), TCP),
    "a protocol in capitals": ({}, ({**WEB, "protocol": "TCP"},), TCP),
    "sctp": ({}, ({**WEB, "protocol": "sctp"}, WEB), TCP),
    "no port": ({}, (), TCP),
}


@pytest.mark.parametrize("name", spread(CONFS, 4))
def test_everybody_is_answered_as_by_gos(labs: tuple[Node, Node], name: str) -> None:
    conf, mappings, protocols = CONFS[name]
    results = []
    for node in labs:
        ended = add(node, conf, *mappings)
        assert ended.status == 0, ended.said
        results.append(comparable(ended.said, node))
    assert results[0] == results[1]
    with lab.serving(labs[0], "pod"), lab.serving(labs[1], "pod"):
        gos, ours = lab.same_answers(labs, lambda node: seen(node, (8080, 8081), protocols))
    assert ours == gos
    for node in labs:
        assert call(node, "CHECK", conf, *mappings).status == 0
    for node in labs:
        assert call(node, "DEL", conf, *mappings).status == 0
        assert call(node, "DEL", conf, *mappings).status == 0
    assert rules(labs[1]) == ""


def test_two_networks_of_one_pod_keep_their_rules_apart(labs: tuple[Node, Node]) -> None:
    """The nftables side of Go's plugin knows a rule by its container alone."""
    ours = labs[1]
    first, second = {"ifname": "eth0", "name": "one"}, {"ifname": "net1", "name": "two"}
    assert add(ours, {}, WEB, **first).status == 0
    other = lab.previous()
    other["interfaces"][2]["name"] = "net1"
    assert add(ours, {}, OTHER, previous=other, **second).status == 0
    assert call(ours, "DEL", {}, OTHER, previous=other, **second).status == 0
    assert call(ours, "CHECK", {}, WEB, **first).status == 0
    with lab.serving(ours, "pod"):
        found = lab.answers(ours, "out", ["tcp 192.0.2.1 8080", "tcp 192.0.2.1 8081"])
    assert found == {"tcp 192.0.2.1 8080": "pod sees 192.0.2.9", "tcp 192.0.2.1 8081": "refused"}


def test_a_port_passes_to_the_next_container_when_the_first_goes(labs: tuple[Node, Node]) -> None:
    place, traffic = "tcp 192.0.2.1 8080", []
    for node in labs:
        for name in ("pod", "near"):
            assert add(node, {}, WEB, pod=name, container=name).status == 0
        with lab.serving(node, "pod", "near"):
            traffic.append([lab.answers(node, "out", [place])[place]])
            assert call(node, "DEL", {}, WEB, pod="pod", container="pod").status == 0
            traffic[-1].append(lab.answers(node, "out", [place])[place])
    assert traffic[0] == traffic[1] == ["pod sees 192.0.2.9", "near sees 192.0.2.9"]


def test_a_port_of_one_address_comes_before_that_of_all(labs: tuple[Node, Node]) -> None:
    """Go's plugin takes whichever came first, so that the second pod is never reached."""
    traffic = []
    for node in labs:
        assert add(node, {}, WEB, pod="pod", container="pod").status == 0
        assert add(node, {}, {**WEB, "hostIP": "192.0.2.7"}, pod="near", container="near").status == 0
        with lab.serving(node, "pod", "near"):
            traffic.append(lab.answers(node, "out", [f"tcp {at} 8080" for at in FOURS]))
    assert traffic[0]["tcp 192.0.2.7 8080"] == "pod sees 192.0.2.9"
    assert traffic[1] == {"tcp 192.0.2.1 8080": "pod sees 192.0.2.9", "tcp 192.0.2.7 8080": "near sees 192.0.2.9"}


def test_nobody_else_reaches_what_listens_on_the_nodes_loopback(labs: tuple[Node, Node]) -> None:
    """A link that routes the loopback hands it to anybody who is behind it; Go's plugin leaves it at that."""
    traffic, place = [], "tcp 127.0.0.9 80"
    for node in labs:
        assert add(node, {}, WEB).status == 0
        with lab.serving_on_the_node(node), lab.loopback_by_the_gateway(node, "near", "127.0.0.9"):
            traffic.append(lab.answers(node, "near", [place])[place])
            assert lab.answers(node, "", [place])[place].startswith("node sees 127.0.0.")
    assert traffic == ["node sees 10.77.0.3", "silent"]


@pytest.mark.parametrize("chain", ["by_port", "postrouting", "prerouting"])
def test_check_names_what_somebody_took_away_and_del_succeeds(labs: tuple[Node, Node], chain: str) -> None:
    ours = labs[1]
    assert add(ours, {}, WEB).status == 0
    ours.run("nft", "flush", "chain", "inet", "podberth-ports", chain)
    ended = call(ours, "CHECK", {}, WEB)
    assert (ended.status, ended.said["code"]) == (1, 105)
    assert call(ours, "DEL", {}, WEB).status == 0
    assert rules(ours) == ""


def test_a_rule_that_was_taken_away_is_put_back_in_its_place(labs: tuple[Node, Node]) -> None:
    """A packet has to be marked before its address is changed: nothing that is behind that in the chain sees it."""
    ours, previous = labs[1], lab.previous(six=False)
    assert add(ours, {}, WEB, previous=previous).status == 0
    before = ours.run("nft", "--stateless", "list", "ruleset")
    listed = ours.run("nft", "--handle", "list", "chain", "inet", "podberth-ports", "by_port").splitlines()
    handle = next(line.rpartition(" ")[2] for line in listed if "127.0.0.0/8" in line)
    ours.run("nft", "delete", "rule", "inet", "podberth-ports", "by_port", "handle", handle)
    ours.run(sys.executable, "-c", REPAIR, str(ours.state))
    assert ours.run("nft", "--stateless", "list", "ruleset") == before
    assert call(ours, "CHECK", {}, WEB, previous=previous).status == 0


def test_a_pod_may_have_many_ports(labs: tuple[Node, Node]) -> None:
    """The transaction is larger than a socket sends at once by itself."""
    ours, many = labs[1], [{**WEB, "hostPort": 10000 + n} for n in range(500)]
    assert add(ours, {}, *many).status == 0
    with lab.serving(ours, "pod"):
        assert lab.answers(ours, "out", ["tcp 192.0.2.1 10499"]) == {"tcp 192.0.2.1 10499": "pod sees 192.0.2.9"}
    assert call(ours, "CHECK", {}, *many).status == 0
    assert call(ours, "DEL", {}, *many).status == 0
    assert rules(ours) == ""


def test_a_flow_of_datagrams_that_was_there_before_gets_to_the_pod(labs: tuple[Node, Node]) -> None:
    """The kernel asks its rules about the first datagram of a flow alone."""
    for node in labs:
        with lab.serving(node, "pod"), lab.asking(node, "out", "192.0.2.1", 8080) as ask:
            assert ask() in ("refused", "silent")
            assert add(node, {}, DNS).status == 0
            assert ask() == "pod sees 192.0.2.9"
            assert call(node, "DEL", {}, DNS).status == 0
            after = ask()
        assert node is labs[0] or after in ("refused", "silent")  # Go's plugin leaves the flow to the pod


def test_check_names_a_link_that_no_longer_routes_the_loopback(labs: tuple[Node, Node]) -> None:
    ours = labs[1]
    assert add(ours, {}, WEB).status == 0
    ours.run("sysctl", "-qw", "net.ipv4.conf.br0.route_localnet=0")
    ended = call(ours, "CHECK", {}, WEB)
    assert "br0: route_localnet: expected 1, found 0" in ended.said["msg"]


def test_a_pod_is_reached_by_ipv4_and_ipv6_only_as_far_as_it_has_them(labs: tuple[Node, Node]) -> None:
    for node in labs:
        assert add(node, {}, WEB, previous=lab.previous(six=False)).status == 0
        with lab.serving(node, "pod"):
            found = lab.answers(node, "out", ["tcp 192.0.2.1 8080", "tcp 2001:db8::1 8080"])
        assert found == {"tcp 192.0.2.1 8080": "pod sees 192.0.2.9", "tcp 2001:db8::1 8080": "refused"}


BAD: dict[str, dict[str, object]] = {
    "no host port": {"containerPort": 80, "protocol": "tcp"},
    "host port 0": {**WEB, "hostPort": 0},
    "container port 0": {**WEB, "containerPort": 0},
    "negative": {**WEB, "hostPort": -1},
    "too high": {**WEB, "hostPort": 65536},
    "not a number": {**WEB, "hostPort": "http"},
    "no protocol": {"hostPort": 8080, "containerPort": 80},
    "another protocol": {**WEB, "protocol": "carrier-pigeon"},
    "no address": {**WEB, "hostIP": "everywhere"},
}


@pytest.mark.parametrize("name", BAD)
def test_a_mapping_that_is_none_is_refused_and_leaves_nothing(labs: tuple[Node, Node], name: str) -> None:
    statuses = [add(node, {}, BAD[name]).status for node in labs]
    assert statuses == [1, 1]
    assert rules(labs[1]) == ""
    assert call(labs[1], "DEL", {}, BAD[name]).status == 0


@pytest.mark.parametrize(
    ("conf", "code", "field"),
    [
        ({"backend": "iptables"}, 2, "backend"),
        ({"backend": "ipfw"}, 7, "backend"),
        ({"externalSetMarkChain": "KUBE-MARK-MASQ"}, 2, "externalSetMarkChain"),
        ({"conditionsV4": ["-d", "192.0.2.1"]}, 2, "conditionsV4"),
        ({"conditionsV6": ["ip6", "daddr", "2001:db8::1"]}, 2, "conditionsV6"),
        ({"markMasqBit": 32}, 7, "markMasqBit"),
    ],
)
def test_what_is_not_served_is_refused_by_name(
    labs: tuple[Node, Node], conf: dict[str, object], code: int, field: str
) -> None:
    ended = add(labs[1], conf, WEB)
    assert (ended.status, ended.said["code"]) == (1, code)
    assert ended.said["msg"].startswith(f"{field}: ")
    assert rules(labs[1]) == ""


def test_without_a_result_of_before_both_refuse(labs: tuple[Node, Node]) -> None:
    for node in labs:
        assert add(node, {}, WEB, previous=None).status == 1
