"""Pods on virtual functions of a real driver: what they get, whom they reach, and that the card is as it was after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.kubelet import run
from tests.vm.inside import card
from tests.vm.inside.card import PF, Node, as_it_was, declared, first_function_changed, node_with_card

if TYPE_CHECKING:
    from collections.abc import Iterator

PODS = (
    declared("red-0", "10.60.0.11", vlan={"id": 100}, rates={"egress": 50})
    + declared("red-1", "10.60.0.12", vlan={"id": 100, "priority": 3})
    + declared("blue-0", "10.60.0.13", vlan=200)
    + declared("plain-0", "10.60.0.14")
    + declared("named-0", "10.60.0.15", vlan=100, mac="02:50:00:00:00:15")
    + declared("derived-0", "10.60.0.16", vlan=100, mac="fromAddress", mtu=1400)
    + declared("guaranteed-0", "10.60.0.17", vlan=100, rates={"egress": 50, "minEgress": 10})
    + declared("forced-0", "10.60.0.18", vlan=100, mac="02:50:00:00:00:18", linkState="enable")
    + declared("double-0", "10.60.0.19", vlan={"id": 100, "proto": "802.1ad"}, trust="on", spoofchk="off")
    + declared("trusted-0", "10.60.0.20", trust="on", spoofchk="off", rates={"egress": 20})
    + declared("second-0", "10.60.0.21", vf={"pf": f"{PF}#3-4"})
    + declared("addressed-0", "10.60.0.22", vf={"address": "0000:01:11.*"})
    + declared("nowhere-0", "10.60.0.23", vf={"vendor": "15b3"})
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The VM, with its card."""
    with node_with_card(tmp_path_factory.mktemp("node") / "state", PODS) as made:
        yield made


@pytest.fixture
def node(whole: Node) -> Iterator[Node]:
    """The node, which has to be in the end as it was."""
    with as_it_was(whole):
        yield whole


@pytest.fixture
def first(whole: Node) -> Iterator[str]:
    """The name of the first function's interface, for a test that changes it by hand."""
    with first_function_changed(whole) as name:
        yield name


def index_of(result: dict[str, Any]) -> int:
    return card.functions().index(result["interfaces"][-1]["pciID"])


def test_pods_of_a_vlan_reach_each_other_and_nobody_else(node: Node) -> None:
    kubelet = node.kubelet
    first = kubelet.pod("red-0")
    by_exec = kubelet.call("ADD", first)
    assert by_exec.code == 0, by_exec
    shown = by_exec.result
    second, _ = node.added("red-1")
    blue, _ = node.added("blue-0")
    plain, _ = node.added("plain-0")
    assert shown["ips"] == [{"interface": 0, "address": "10.60.0.11/24"}]
    assert node.reaches(first, "10.60.0.12")
    assert node.reaches(second, "10.60.0.11")
    for other in (blue, plain):
        assert kubelet.cut_off(other, "10.60.0.11")
    assert kubelet.cut_off(first, "10.60.0.13")
    assert kubelet.cut_off(first, "10.60.0.14")
    told = card.vf(index_of(shown))
    assert (told["vlan_list"][0]["vlan"], told["rate"]["max_tx"]) == (100, 50)
    assert card.vf(1)["vlan_list"][0] == {"vlan": 100, "qos": 3}
    assert kubelet.call("DEL", first).code == 0
    node.deleted(second, blue, plain)
    assert node.left_behind() == []


def test_the_result_names_the_function_its_mac_and_mtu(node: Node) -> None:
    pod, shown = node.added("derived-0")
    inside = node.kubelet.links(pod.netns)["eth0"]
    (interface,) = shown["interfaces"]
    assert interface["pciID"] == inside["parentdev"] == card.functions()[0]
    assert interface["mac"] == inside["address"] == "02:50:0a:3c:00:10"
    assert interface["mtu"] == inside["mtu"] == 1400
    node.deleted(pod)


def test_a_declared_mac_is_effective_its_frames_pass_and_the_old_one_comes_back(node: Node) -> None:
    named, shown = node.added("named-0")
    other, _ = node.added("red-1")
    told = card.vf(index_of(shown))
    assert (told["address"], told["spoofchk"]) == ("02:50:00:00:00:15", True)
    assert node.kubelet.links(named.netns)["eth0"]["address"] == "02:50:00:00:00:15"
    assert node.reaches(other, "10.60.0.15")
    assert node.reaches(named, "10.60.0.12")
    node.deleted(named, other)
    assert node.left_behind() == []


@pytest.mark.parametrize("found", ["none", "set", "none, and the link is up", "set, and the link is up"])
def test_the_mac_comes_back_whatever_was_there_before(whole: Node, first: str, found: str) -> None:
    run("ip", "link", "set", PF, "vf", "0", "mac", "02:00:00:00:00:77" if "set" in found else "00:00:00:00:00:00")
    run("ip", "link", "set", first, "up")
    if "up" not in found:
        run("ip", "link", "set", first, "down")
    before = card.seen()
    for pod in ("named-0", "red-0"):
        started, _ = whole.added(pod)
        whole.deleted(started)
        assert card.seen() == before


def test_a_card_that_forgot_the_mac_of_a_function_hears_it_again(whole: Node, first: str) -> None:
    run("ip", "link", "set", PF, "vf", "0", "mac", "02:00:00:00:00:77")
    run("ip", "link", "set", first, "up")
    run("ip", "link", "set", first, "down")
    run("ip", "link", "set", PF, "vf", "0", "mac", "00:00:00:00:00:00")
    before = card.seen()
    pod, shown = whole.added("red-0")
    other, _ = whole.added("red-1")
    assert index_of(shown) == 0
    assert whole.kubelet.links(pod.netns)["eth0"]["address"] == "02:00:00:00:00:77"
    assert whole.reaches(other, shown["ips"][0]["address"].partition("/")[0])
    whole.deleted(pod, other)
    assert card.seen() == before


def test_what_a_pod_stacked_on_its_function_is_taken_down_with_it(node: Node) -> None:
    pod, _ = node.added("plain-0")
    for line in (
        "link add link eth0 name v30 type vlan id 30",
        "link set v30 up",
        "link add link v30 name m0 type macvlan mode bridge",
        "link add name x0 type veth peer name x1",
    ):
        run("ip", "-n", pod.netns, *line.split())
    node.deleted(pod)  # its namespace stays
    assert {"v30", "m0"}.isdisjoint(node.kubelet.links(pod.netns))
    assert {"x0", "x1"} <= set(node.kubelet.links(pod.netns))
    assert node.left_behind() == []


def test_names_altnames_queue_and_flags_come_back(whole: Node, first: str) -> None:
    for altname in ("enp1s0v0", "bond-leg-a"):
        run("ip", "link", "property", "add", "dev", first, "altname", altname)
    run("ip", "link", "set", first, "mtu", "1480", "txqueuelen", "77", "allmulticast", "on")
    before = card.seen()
    pod, _ = whole.added("derived-0")
    inside = whole.kubelet.links(pod.netns)["eth0"]
    assert inside.get("altnames", []) == []
    whole.kubelet.inside(pod.netns, "ip", "link", "set", "eth0", "promisc", "on", "mtu", "1300", "txqueuelen", "5")
    whole.kubelet.inside(pod.netns, "ip", "link", "property", "add", "dev", "eth0", "altname", "by-the-pod")
    whole.deleted(pod)
    assert card.seen() == before


@pytest.mark.parametrize(
    ("pod", "setting", "said"),
    [
        ("guaranteed-0", "min_tx_rate 10", "rates.minEgress (min_tx_rate)"),
        ("forced-0", "link_state enable", "linkState (link_state)"),
        ("double-0", "proto 802.1ad", "vlan.proto (vlanProto)"),
    ],
)
def test_a_refusal_undoes_all_before_it_and_names_setting_driver_and_way_out(
    node: Node, pod: str, setting: str, said: str
) -> None:
    started, answer = node.add(pod)
    assert answer.result["code"] == 103
    assert answer.result["msg"].startswith(f"igb refused {setting} for VF 0 of {PF} (0000:01:10.0): ")
    assert answer.result["details"].startswith(f"leave {said} out")
    assert node.left_behind() == []
    node.deleted(started)


def test_trust_spoofchk_and_rate_are_set_and_come_back(node: Node) -> None:
    pod, shown = node.added("trusted-0")
    told = card.vf(index_of(shown))
    assert (told["trust"], told["spoofchk"], told["rate"]["max_tx"]) == (True, False, 20)
    node.deleted(pod)
    assert node.left_behind() == []


def test_a_selector_chooses_among_the_functions(node: Node) -> None:
    second, shown = node.added("second-0")
    addressed, other = node.added("addressed-0")
    assert index_of(shown) == 3
    assert other["interfaces"][0]["pciID"] == "0000:01:11.0"
    _, refused = node.add("nowhere-0")
    assert refused.result["code"] == 106
    assert refused.result["msg"] == "this node has no virtual function that fits (vendors 15b3)"
    node.deleted(second, addressed)


def test_seven_pods_at_once_get_seven_functions_and_the_eighth_is_told_who_has_them(node: Node) -> None:
    kubelet = node.kubelet
    pods = [kubelet.pod(f"crowd-{number}") for number in range(card.COUNT)]
    started = [kubelet.start("ADD", pod) for pod in pods]
    ended = [(process.communicate(), process.returncode) for process in started]
    assert [status for _, status in ended] == [0] * card.COUNT, ended
    given = {json.loads(stdout)["interfaces"][0]["pciID"] for (stdout, _), _ in ended}
    assert given == set(card.functions())
    eighth, refused = node.add("crowd-7")
    assert refused.result["code"] == 106
    for pod, function in zip(pods, card.functions(), strict=True):
        assert f"{function} held by bank/" in refused.result["msg"]
        assert f"held by bank/{pod.name} as eth0" in refused.result["msg"]
    assert node.call("STATUS", eighth).code == 0
    node.deleted(*pods)
    assert node.left_behind() == []


def test_a_device_id_goes_before_the_network_and_one_that_is_taken_names_its_holder(node: Node) -> None:
    last = card.functions()[-1]
    _, ruled_out = node.add("second-0", deviceID=last)  # its PodNetwork asks for others
    assert ruled_out.result["code"] == 102
    pod, shown = node.added("red-0", deviceID=last, parent="no-such-pf")
    assert shown["interfaces"][0]["pciID"] == last
    _, refused = node.add("plain-0", runtimeConfig={"deviceID": last})
    assert refused.result["code"] == 106
    assert f"{last} held by bank/red-0 as eth0" in refused.result["msg"]
    _, unknown = node.add("plain-0", deviceID="0000:7f:1f.7")
    assert unknown.result["code"] == 7
    assert unknown.result["msg"].startswith("deviceID: 0000:7f:1f.7 is no virtual function of this node")
    node.deleted(pod)


def test_a_function_that_the_node_uses_itself_is_never_given_away(node: Node) -> None:
    name = card.interface(card.functions()[0])
    run("ip", "address", "add", "192.0.2.1/32", "dev", name)
    pod, shown = node.added("plain-0")
    assert index_of(shown) == 1
    _, refused = node.add("red-0", deviceID=card.functions()[0])
    assert f"{name} has the node's address 192.0.2.1/32" in refused.result["msg"]
    node.deleted(pod)
    run("ip", "address", "del", "192.0.2.1/32", "dev", name)


def test_an_address_that_was_lent_keeps_a_function_from_nobody_who_names_it(node: Node) -> None:
    first = card.functions()[0]
    name = card.interface(first)
    lent = ("valid_lft", "600", "preferred_lft", "300")
    run("ip", "address", "add", "192.0.2.1/24", "dev", name, *lent)
    pod, shown = node.added("plain-0")
    assert index_of(shown) == 1
    node.deleted(pod)
    pod, shown = node.added("plain-1", deviceID=first)
    assert index_of(shown) == 0
    node.deleted(pod)
    run("ip", "address", "add", "fd00:2::2/128", "dev", name, *lent)
    pod, shown = node.added("plain-0")
    assert index_of(shown) == 1
    node.deleted(pod)
    run("ip", "address", "del", "fd00:2::2/128", "dev", name)
    run("ip", "address", "add", "fd00:2::1/64", "dev", name, *lent)  # as by a router's advertisement
    pod, shown = node.added("plain-0")
    assert index_of(shown) == 0
    node.deleted(pod)


def test_one_mac_is_on_one_function(node: Node) -> None:
    first, second = card.functions()[:2]
    pod, _ = node.added("plain-0", deviceID=first, mac="02:00:00:00:00:78")
    other = node.kubelet.pod("plain-1")
    refused = node.call("ADD", other, deviceID=second, mac="02:00:00:00:00:78")
    assert refused.result["code"] == 102
    assert f"mac: VF 0 of {PF} ({first}), held by" in refused.result["msg"]
    assert node.call("ADD", other, deviceID=second, mac="02:00:00:00:00:78", vlan=30).code == 0
    node.deleted(other)
    node.kubelet.remove_namespace(Path(pod.netns).name)  # no DEL comes
    again, _ = node.added("plain-1", deviceID=second, mac="02:00:00:00:00:78")
    assert card.vf(0)["address"] != "02:00:00:00:00:78"
    node.deleted(again)
    assert node.left_behind() == []


def test_an_interface_name_in_use_in_the_pod_is_refused_and_nothing_moves(node: Node) -> None:
    pod = node.kubelet.pod("plain-0")
    node.kubelet.inside(pod.netns, "ip", "link", "add", "eth0", "type", "dummy")
    answer = node.call("ADD", pod)
    assert answer.result["code"] == 103
    assert "EEXIST" in answer.result["msg"]
    assert node.left_behind() == []
    assert "eth0" in node.kubelet.links(pod.netns)


def test_the_nodes_name_of_a_function_may_be_in_use_in_the_pod(node: Node) -> None:
    pod = node.kubelet.pod("plain-0")
    node.kubelet.inside(pod.netns, "ip", "link", "add", card.interface(card.functions()[0]), "type", "dummy")
    assert node.call("ADD", pod).code == 0
    assert node.kubelet.links(pod.netns)["eth0"]["parentdev"] == card.functions()[0]
    node.deleted(pod)
