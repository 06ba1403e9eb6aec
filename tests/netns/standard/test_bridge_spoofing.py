"""`macspoofchk` of the type `bridge`: a pod is heard under its own MAC alone; whose rules go, and by whom."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.test_bridge import MAC, conf
from tests.netns.standard.test_portmap import REPAIR
from tests.netns.standard.twins import comparable, go, unlike

if TYPE_CHECKING:
    from tests.netns.standard.twins import Node

V4 = {"address": "10.1.2.3/24"}
OTHER = "02:00:00:00:00:99"
PINNED = conf(V4, isGateway=True, macspoofchk=True)
RULES: dict[str, tuple[dict[str, Any], str]] = {
    "by IPAM": (PINNED, ""),
    "no address": (conf(macspoofchk=True), ""),
    "a MAC of CNI_ARGS": (PINNED, f"IgnoreUnknown=1;MAC={MAC}"),
    "a MAC of the runtime": ({**PINNED, "runtimeConfig": {"mac": MAC}}, ""),
    "hairpinMode": ({**PINNED, "hairpinMode": True}, ""),
    "down": (conf(macspoofchk=True, disableContainerInterface=True), ""),
}


def rules(node: Node) -> str:
    """Return the rules of the bridges' table, without what nobody chose."""
    listed = node.run("nft", "list", "table", "bridge", "nat", check=False)
    listed = re.sub(r'"(veth|pb)\w{8,}"', '"<port>"', listed)
    return re.sub(r'\s*comment "podberth.*', "", listed)


def without_mac(text: str) -> str:
    return re.sub(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", "<mac>", text)


def mac_of(node: Node, mac: str, pod: str = "pod") -> None:
    node.run("ip", "link", "set", "eth0", "address", mac, inside=pod)


def is_heard(node: Node, address: str = "10.1.2.1", pod: str = "pod") -> bool:
    """Say whether anything of what the pod sends is answered; the first question may wait for a neighbour."""
    node.run("ip", "neighbour", "flush", "all", inside=pod)
    return ", 0 received" not in node.run("ping", "-c2", "-i0.3", "-W1", address, inside=pod, check=False)


@pytest.mark.parametrize("name", RULES)
def test_the_rules_are_those_of_gos(twins: tuple[Node, Node], name: str) -> None:
    document, args = RULES[name]
    theirs, mine = (node.call("ADD", document, args=args) for node in twins)
    assert (theirs.status, mine.status) == (0, 0), (theirs.said, mine.said)
    assert comparable(mine.said, twins[1]) == comparable(theirs.said, twins[0])
    assert unlike(*twins) == ""
    assert without_mac(rules(twins[1])) == without_mac(rules(twins[0]))
    assert mine.said["interfaces"][2]["mac"] in rules(twins[1])
    if "MAC" in name:
        assert rules(twins[0]) == rules(twins[1])
        assert MAC in rules(twins[1])
    assert twins[1].call("CHECK", document, args=args, previous=mine.said).status == 0
    for _ in range(2):
        assert twins[1].call("DEL", document, args=args).status == 0
    assert twins[1].run("nft", "list", "ruleset") == ""


@pytest.mark.parametrize("pinned", [False, True])
def test_a_pod_is_heard_under_its_own_mac_alone(twins: tuple[Node, Node], *, pinned: bool) -> None:
    heard = []
    for node in twins:
        for pod, last in (("pod", 3), ("near", 4)):
            document = conf({"address": f"10.1.2.{last}/24"}, isGateway=True, macspoofchk=pinned)
            added = node.call("ADD", document, pod=pod, container=pod)
            assert added.status == 0, added.said
        own = node.run("cat", "/sys/class/net/eth0/address", inside="pod").strip()
        for mac in (own, OTHER, own):
            mac_of(node, mac)
            heard.append([is_heard(node, f"10.1.2.{last}") for last in (1, 4)])
    assert heard == [[True, True], [not pinned] * 2, [True, True]] * 2


def test_the_rules_go_with_the_del_when_the_namespace_is_gone(twins: tuple[Node, Node]) -> None:
    left = []
    for node in twins:
        assert node.call("ADD", PINNED).status == 0
        subprocess.run(["ip", "netns", "delete", node.pod()], check=True)
        node.pods.clear()
        gone = node.call("DEL", PINNED, netns=f"/run/netns/{node.name}-pod")
        assert gone.status == 0, gone.said
        left.append("cni-br-iface" in rules(node))
    assert left == [True, False], "Go 1.9.1 leaves them"


def test_a_del_without_a_namespace_takes_them_away(twins: tuple[Node, Node]) -> None:
    ours = twins[1]
    assert ours.call("ADD", PINNED).status == 0
    assert ours.call("DEL", PINNED, netns="").status == 0
    assert ours.run("nft", "list", "ruleset") == ""


def test_each_pod_has_rules_of_its_own(twins: tuple[Node, Node]) -> None:
    ours = twins[1]
    documents = {}
    for pod, last in (("pod", 3), ("near", 4)):
        documents[pod] = conf({"address": f"10.1.2.{last}/24"}, isGateway=True, macspoofchk=True)
        assert ours.call("ADD", documents[pod], pod=pod, container=pod).status == 0
    assert ours.call("DEL", documents["near"], pod="near", container="near").status == 0
    assert "near-eth0" not in rules(ours)
    mac_of(ours, OTHER)
    assert not is_heard(ours)


DAMAGE = {
    "the jump": "flush chain bridge nat PREROUTING",
    "the chain": "flush chain bridge nat cni-br-iface-c0ffee-eth0",
    "what drops": "flush chain bridge nat cni-br-iface-c0ffee-eth0-mac",
    "another's first": "insert rule bridge nat cni-br-iface-c0ffee-eth0-mac accept",
    "everything": "delete table bridge nat",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_check_sees_what_is_missing_and_repair_puts_it_back(twins: tuple[Node, Node], name: str) -> None:
    ours = twins[1]
    made = ours.call("ADD", PINNED).said
    before = rules(ours)
    ours.run("nft", DAMAGE[name])
    mac_of(ours, OTHER)
    assert is_heard(ours)
    mac_of(ours, made["interfaces"][2]["mac"])
    checked = ours.call("CHECK", PINNED, previous=made)
    assert checked.status, "CHECK passes"
    assert "cni-br-iface" in checked.said["msg"] or "PREROUTING" in checked.said["msg"]
    ours.run(sys.executable, "-c", REPAIR, str(ours.state))
    assert rules(ours) == before
    assert ours.call("CHECK", PINNED, previous=made).status == 0
    mac_of(ours, OTHER)
    assert not is_heard(ours)


def test_gc_takes_the_rules_of_who_is_not_valid(twins: tuple[Node, Node]) -> None:
    ours, document = twins[1], {**PINNED, "cniVersion": "1.1.0"}
    assert ours.call("ADD", document).status == 0
    valid = [{"containerID": "c0ffee", "ifname": "eth0"}]
    assert ours.call("GC", {**document, "cni.dev/valid-attachments": valid}).status == 0
    assert "c0ffee" in rules(ours)
    assert ours.call("GC", {**document, "cni.dev/valid-attachments": []}).status == 0
    assert ours.run("nft", "list", "ruleset") == ""


def test_rules_that_gos_left_for_the_same_interface_are_replaced_and_taken_away(twins: tuple[Node, Node]) -> None:
    ours = twins[1]
    theirs = replace(ours, folder=go())
    assert theirs.call("ADD", PINNED, args=f"IgnoreUnknown=1;MAC={MAC}").status == 0
    ours.run("ip", "link", "delete", "eth0", inside="pod")
    made = ours.call("ADD", PINNED)
    assert made.status == 0, made.said
    assert MAC not in rules(ours)
    assert rules(ours).count('"<port>"') == 1
    assert ours.call("DEL", PINNED).status == 0
    assert "c0ffee" not in rules(ours)
    assert "PREROUTING" in rules(ours), "the table is Go's"


def test_gos_takes_ours_away(twins: tuple[Node, Node]) -> None:
    ours = twins[1]
    theirs = replace(ours, folder=go())
    assert ours.call("ADD", PINNED).status == 0
    ended = theirs.call("DEL", PINNED)
    assert ended.status == 0, ended.said
    assert "c0ffee" not in rules(ours)
    assert ours.call("DEL", PINNED).status == 0
    assert ours.run("nft", "list", "ruleset") == "", "the table was ours"


OTHERS = {
    "a chain with a rule": "add table bridge nat; add chain bridge nat other; add rule bridge nat other accept",
    "an empty chain": "add table bridge nat; add chain bridge nat other",
    "a rule at the hook": (
        "add table bridge nat;"
        " add chain bridge nat PREROUTING { type filter hook prerouting priority -300; policy accept; };"
        " add rule bridge nat PREROUTING ether type 0x88cc drop"
    ),
    "a policy": (
        "add table bridge nat;"
        " add chain bridge nat PREROUTING { type filter hook prerouting priority -300; policy drop; }"
    ),
    "a set": "add table bridge nat; add set bridge nat macs { type ether_addr; }",
}


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("name", OTHERS)
def test_what_others_have_in_the_table_stays(twins: tuple[Node, Node], name: str, *, before: bool) -> None:
    ours, document = twins[1], conf(macspoofchk=True, disableContainerInterface=True)
    if before:
        ours.run("nft", OTHERS[name])
        there = rules(ours)
        assert ours.call("ADD", document).status == 0
    else:
        assert ours.call("ADD", document).status == 0
        ours.run("nft", OTHERS[name])
    assert ours.call("DEL", document).status == 0
    assert "c0ffee" not in rules(ours)
    if before:  # with nothing in it, a chain at the hook may be anybody's
        assert set(there.splitlines()) <= set(rules(ours).splitlines())
    elif "policy" not in name:
        assert any(word in rules(ours) for word in ("chain other", "set macs", "ether type"))


def test_a_container_id_that_is_too_long_is_refused(twins: tuple[Node, Node]) -> None:
    refused = twins[1].call("ADD", PINNED, container="c" * 120)
    assert (refused.status, refused.said["code"]) == (1, 7)
    assert "macspoofchk" in refused.said["msg"]
    assert twins[1].run("nft", "list", "ruleset") == ""


def test_a_failed_add_leaves_no_rules(twins: tuple[Node, Node]) -> None:
    ours = twins[1]
    ours.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth9", inside="pod")
    assert ours.call("ADD", PINNED).status
    assert ours.run("nft", "list", "ruleset") == ""


def test_many_come_and_go_at_once(twins: tuple[Node, Node]) -> None:
    ours = twins[1]
    documents = {f"p{last}": conf({"address": f"10.1.2.{last}/24"}, macspoofchk=True) for last in range(3, 9)}
    for pod in documents:
        ours.pod(pod)

    def call(verb: str, pod: str) -> int:
        return ours.call(verb, documents[pod], pod=pod, container=pod).status

    with ThreadPoolExecutor(len(documents)) as threads:
        assert set(threads.map(lambda pod: call("ADD", pod), documents)) == {0}
        assert all(rules(ours).count(f"macspoofchk-{pod}-eth0") == 4 for pod in documents)
        assert set(threads.map(lambda pod: call("DEL", pod), documents)) == {0}
    assert ours.run("nft", "list", "ruleset") == ""
