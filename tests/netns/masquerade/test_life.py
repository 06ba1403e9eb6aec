"""Elements come with their pods and go with them, whatever else is in the rules, and whoever changes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.agent.running import agent, ended
from tests.netns.kubelet import Kubelet, Pod
from tests.netns.masquerade.conftest import DOCUMENTS, ROUTER, elements, ruleset

if TYPE_CHECKING:
    from pathlib import Path

FOREIGN = (
    "table ip nat { chain POSTROUTING { type nat hook postrouting priority srcnat; ip saddr 198.51.100.7 accept; }; }"
)


def added(node: Kubelet, pod: Pod, **changes: Any) -> None:
    answer = node.call("ADD", pod, **changes)
    assert answer.code == 0, answer


def test_the_elements_say_whose_they_are(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    added(node, pod)
    found = elements(node)
    assert set(found) == {"10.50.0.2", "fd00:50::2"}
    (host_end,) = [name for name in node.links(node.node) if name.startswith("pb")]
    assert set(found.values()) == {f"{host_end} banknet/{pod.container_id}/eth0"}


def test_a_del_takes_exactly_its_own_and_the_last_takes_the_table(node: Kubelet) -> None:
    node.inside(node.node, "nft", FOREIGN)
    before = ruleset(node)
    pods = [node.pod(f"mysql-{number}") for number in range(2)]
    for pod in pods:
        added(node, pod)
    assert set(elements(node)) == {"10.50.0.2", "fd00:50::2", "10.50.0.3", "fd00:50::3"}
    assert node.call("DEL", pods[0]).code == 0
    assert set(elements(node)) == {"10.50.0.3", "fd00:50::3"}
    assert node.call("CHECK", pods[1]).code == 0
    assert node.call("DEL", pods[1]).code == 0
    assert ruleset(node) == before


def test_the_same_address_on_two_networks_is_two_elements_and_each_goes_alone(node: Kubelet, tmp_path: Path) -> None:
    """Networks that overlap have a store each; on one node they share the rules."""
    other = Kubelet(state=tmp_path / "other", mark=node.mark, network={**ROUTER, "name": "othernet", "bridge": "bank1"})
    other.apply(DOCUMENTS)
    for first, second in ((node, other), (other, node)):
        one, two = node.pod("mysql-0"), node.pod("mysql-0")
        added(first, one)
        added(second, two)
        assert len([each for each in ruleset(node) if "set" in each]) == 4
        assert first.call("DEL", one).code == 0
        assert second.call("CHECK", two).code == 0
        assert set(elements(node)) == {"10.50.0.2", "fd00:50::2"}
        assert second.call("DEL", two).code == 0
        assert ruleset(node) == []


def test_two_interfaces_of_one_container_go_apart(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    node.apply(
        "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {name: second}\n"
        "spec: {subnets: [{subnet: 10.70.0.0/24, gateway: 10.70.0.1}], routes: []}\n"
    )
    added(node, pod)
    answer = node.call("ADD", pod, ifname="net1", pool="second")
    assert answer.code == 0, answer
    assert node.call("DEL", pod).code == 0
    assert set(elements(node)) == {"10.70.0.2"}
    assert node.call("DEL", pod, ifname="net1").code == 0
    assert ruleset(node) == []


def test_what_a_stale_element_says_of_an_address_does_not_keep_its_new_holder_from_it(node: Kubelet) -> None:
    first, second = node.pod("mysql-0"), node.pod("mysql-1")
    added(node, first)
    node.inside(node.node, "nft", 'add element inet podberth masq-banknet-10.50.0.0/24 { 10.50.0.3 comment "stale" }')
    added(node, second)
    assert node.call("CHECK", second).code == 0
    assert "stale" not in elements(node).values()
    # An element that somebody else has by now is left to them.
    node.inside(node.node, "nft", "delete element inet podberth masq-banknet-10.50.0.0/24 { 10.50.0.3 }")
    node.inside(node.node, "nft", 'add element inet podberth masq-banknet-10.50.0.0/24 { 10.50.0.3 comment "theirs" }')
    assert "there for theirs" in node.call("CHECK", second).result["msg"]
    for pod in (first, second):
        assert node.call("DEL", pod).code == 0
    assert elements(node) == {"10.50.0.3": "theirs"}


TAKEN_AWAY = {
    "the whole ruleset": (["flush", "ruleset"], "10.50.0.2: masquerade: expected in the set"),
    "the rules": (["flush", "chain", "inet", "podberth", "postrouting"], "rule: expected masquerade of @masq-banknet"),
    "the element": (
        ["delete", "element", "inet", "podberth", "masq-banknet-10.50.0.0/24", "{ 10.50.0.2 }"],
        "10.50.0.2: masquerade: expected in the set masq-banknet-10.50.0.0/24, found gone",
    ),
}


@pytest.mark.parametrize("what", TAKEN_AWAY)
def test_what_somebody_took_away_is_named_and_put_back(node: Kubelet, what: str) -> None:
    command, said = TAKEN_AWAY[what]
    pods = [node.pod("mysql-0"), node.pod("mysql-1")]
    for pod in pods:
        added(node, pod)
    as_made = node.inside(node.node, "nft", "--stateless", "list", "ruleset")
    node.inside(node.node, "nft", *command)
    drifted = node.call("CHECK", pods[0])
    assert drifted.result["code"] == 105
    assert said in drifted.result["msg"]
    node.podberth("check", "--repair")
    assert sorted(node.inside(node.node, "nft", "--stateless", "list", "ruleset").split()) == sorted(as_made.split())
    for pod in pods:
        assert node.call("CHECK", pod).code == 0
        assert node.call("DEL", pod).code == 0
    assert ruleset(node) == []


def test_the_agent_puts_flushed_rules_back_by_itself(node: Kubelet) -> None:
    with agent(node, "--check-interval", "1") as running:
        pod = node.pod("mysql-0")
        added(node, pod)
        node.inside(node.node, "nft", "flush", "ruleset")
        (told,) = running.wait_for("upkeep")[:1]
        assert set(elements(node)) == {"10.50.0.2", "fd00:50::2"}
    assert told["outcome"] == "repaired"


def test_a_del_that_the_agent_ends_later_leaves_no_element(node: Kubelet) -> None:
    with agent(node):
        pods = [node.pod(f"web-{number}") for number in range(6)]
        with ThreadPoolExecutor(6) as at_once:
            assert {answer.code for answer in at_once.map(lambda pod: node.call("ADD", pod), pods)} == {0}
            assert len(elements(node)) == 12
            assert {answer.code for answer in at_once.map(lambda pod: node.call("DEL", pod), pods)} == {0}
        assert all(ended(node, pod) for pod in pods)
    assert ruleset(node) == []


def test_processes_that_add_and_delete_at_once_get_each_others_changes_right(node: Kubelet) -> None:
    """Without an agent: first elements, last elements and everything between meet in the kernel."""
    pods = [node.pod(f"web-{number}") for number in range(6)]

    def come_and_go(pod: Pod) -> None:
        for _ in range(4):
            added(node, pod)
            assert node.call("CHECK", pod).code == 0
            assert node.call("DEL", pod).code == 0

    with ThreadPoolExecutor(6) as at_once:
        list(at_once.map(come_and_go, pods))
    assert ruleset(node) == []


def test_forwarding_is_turned_on_and_stays_on(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    keys = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
    node.inside(node.node, "sysctl", "-qw", *(f"{key}=0" for key in keys))
    added(node, pod)
    assert node.inside(node.node, "sysctl", "-n", *keys).split() == ["1", "1"]
    node.inside(node.node, "sysctl", "-qw", f"{keys[0]}=0")
    assert "net/ipv4/ip_forward: value: expected 1, found 0" in node.call("CHECK", pod).result["msg"]
    node.podberth("check", "--repair")
    assert node.call("DEL", pod).code == 0
    assert node.inside(node.node, "sysctl", "-n", *keys).split() == ["1", "1"]


def test_the_bridge_has_the_gateways_and_one_mac_as_long_as_it_is_there(node: Kubelet) -> None:
    pods = [node.pod(f"mysql-{number}") for number in range(6)]
    added(node, pods[0])
    macs = {node.links(node.node)["bank0"]["address"]}
    for pod in pods[1:]:
        added(node, pod)
        macs.add(node.links(node.node)["bank0"]["address"])
    assert len(macs) == 1
    found = node.links(node.node)["bank0"]["addr_info"]
    assert [each["local"] for each in found if each["scope"] == "global"] == ["10.50.0.1", "fd00:50::1"]
    assert node.reaches(pods[3], "10.50.0.1")
    node.inside(node.node, "ip", "address", "delete", "10.50.0.1/24", "dev", "bank0")
    assert "bank0: address: expected 10.50.0.1/24, found gone" in node.call("CHECK", pods[0]).result["msg"]
    node.podberth("check", "--repair")
    assert node.reaches(pods[3], "10.50.0.1")
    for pod in pods:
        assert node.call("DEL", pod).code == 0
    assert "bank0" not in node.links(node.node)


def test_an_operators_bridge_is_left_as_it_is_and_has_to_have_the_gateway(node: Kubelet) -> None:
    # With a MAC and a port of its own: else both MAC and carrier are those of whatever port comes and goes.
    node.inside(node.node, "ip", "link", "add", "bank0", "address", "02:00:00:00:00:b0", "type", "bridge")
    wire = ("type", "veth", "peer", "name", "wire1")
    node.inside(node.node, "ip", "link", "add", "wire0", "master", "bank0", *wire)
    for link in ("bank0", "wire0", "wire1"):
        node.inside(node.node, "ip", "link", "set", link, "addrgenmode", "none", "up")
    pod = node.pod("mysql-0")
    node.remember()
    refused = node.call("ADD", pod)
    assert refused.result["code"] == 7
    assert refused.result["msg"].startswith("isGateway: bank0 has no 10.50.0.1/24")
    assert node.left_behind() == []
    for address in ("10.50.0.1/24", "fd00:50::1/64"):
        node.inside(node.node, "ip", "address", "add", address, "dev", "bank0", "nodad")
    node.remember()
    added(node, pod)
    assert node.call("DEL", pod).code == 0
    assert node.left_behind() == []


def test_a_pool_without_a_gateway_is_refused_before_anything_is_bound(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    refused = node.call("ADD", pod, pool="alone")
    assert refused.result["code"] == 7
    assert refused.result["msg"] == "isGateway: the pool has no gateway for 10.51.0.0/20"
    assert node.rows("SELECT * FROM events") == []


def test_masquerading_alone_needs_no_gateway(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    added(node, pod, pool="alone", isGateway=None)
    assert elements(node).keys() == {"10.51.0.1"}
    assert "ip daddr != 10.51.0.0/20" in node.inside(node.node, "nft", "list", "ruleset")
    assert node.call("DEL", pod).code == 0
    assert ruleset(node) == []


def test_what_nft_lists_it_takes_back(node: Kubelet, tmp_path: Path) -> None:
    """An operator may save the rules and load them: names, comments and rules are such as nft can read."""
    added(node, node.pod("mysql-0"))
    listed = node.inside(node.node, "nft", "--stateless", "list", "ruleset")
    saved = tmp_path / "saved.nft"
    saved.write_text(listed)
    node.inside(node.node, "nft", "flush", "ruleset")
    node.inside(node.node, "nft", "-f", str(saved))
    assert node.inside(node.node, "nft", "--stateless", "list", "ruleset") == listed
