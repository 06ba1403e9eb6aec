"""Bonds of virtual functions of two cards: traffic goes on when a port fails, and both go back as they were found."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cli.main import main as podberth
from podberth.entry import handle
from tests.netns.kubelet import run
from tests.sizes import size
from tests.vm.inside import card, wire
from tests.vm.inside.card import PF, SECOND_PF, Node, as_it_was, declared, node_with_card
from tests.vm.inside.endings import go_on
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Pod

BOND: dict[str, Any] = {"device": "bond"}
FULL: dict[str, Any] = {"vlan": {"id": 100, "priority": 3}, "rates": {"egress": 50}, "trust": "on", "mtu": 1400}
MAC = "02:50:00:00:00:41"
PODS = (
    declared("full-0", "10.60.0.41", **FULL, mac=MAC)
    + declared("light-0", "10.60.0.42", vlan=100)
    + declared("plain-0", "10.60.0.43")
    + declared("one-port-0", "10.60.0.44", vf={"pf": PF})
    + declared("peer-0", "10.60.0.45", vf={"pf": PF}, vlan=100)
    + declared("peer-1", "10.60.0.46", vf={"pf": SECOND_PF}, vlan=100)
)
PORTS = {"eth0-0": PF, "eth0-1": SECOND_PF}
DEATHS = size(4, 60)  # of a call


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The VM, with both its cards."""
    run("modprobe", "bonding", "max_bonds=0")
    with node_with_card(tmp_path_factory.mktemp("node") / "state", PODS) as made, card.second_card(3):
        made.pfs = (PF, SECOND_PF)
        yield made


@pytest.fixture
def node(whole: Node) -> Iterator[Node]:
    """The node, whose cards have to be in the end as they were."""
    with as_it_was(whole):
        yield whole


def bond_of(node: Node, pod: Pod) -> dict[str, Any]:
    """Return what the kernel says of the pod's bond."""
    return dict(node.kubelet.links(pod.netns)["eth0"]["linkinfo"]["info_data"])


def functions_of(result: dict[str, Any]) -> list[str]:
    return [link["pciID"] for link in result["interfaces"] if "pciID" in link]


@contextlib.contextmanager
def port_down(pf: str) -> Iterator[None]:
    """Have a card's port fail for the time of the context; it takes the emulated card seconds to be back."""
    run("ip", "link", "set", pf, "down")
    try:
        yield
    finally:
        run("ip", "link", "set", pf, "up")
        until(lambda: card.carrier(pf), "the port again")
        time.sleep(card.STEADY)


def checked(node: Node, pod: Pod, result: dict[str, Any]) -> str:
    """Return what CHECK finds different, '' if nothing."""
    answer = node.call("CHECK", pod, **BOND, prevResult=result)
    return "" if answer.code == 0 else str(answer.result["msg"])


def test_members_are_of_both_cards_and_each_is_configured_by_its_own(node: Node) -> None:
    pod, result = node.added("full-0", **BOND)
    first, second = functions_of(result)
    assert (first[:7], second[:7]) == ("0000:01", "0000:02")
    assert [link["name"] for link in result["interfaces"]] == ["eth0", "eth0-0", "eth0-1"]
    assert result["ips"] == [{"address": "10.60.0.41/24", "interface": 0}]
    links = node.kubelet.links(pod.netns)
    assert {links[name]["master"] for name in ("eth0-0", "eth0-1")} == {"eth0"}
    assert {links[name]["mtu"] for name in ("eth0", "eth0-0", "eth0-1")} == {1400}
    assert links["eth0-0"]["address"] == MAC != links["eth0-1"]["address"]
    assert links["eth0"]["address"] == links[bond_of(node, pod)["active_slave"]]["address"]
    bond = bond_of(node, pod)
    assert (bond["mode"], bond["miimon"], bond["fail_over_mac"]) == ("active-backup", 100, "active")
    for pf, function in ((PF, first), (SECOND_PF, second)):
        told = card.vf(card.functions(pf).index(function), pf)
        vlan = told["vlan_list"][0]
        assert (vlan["vlan"], vlan["qos"], told["rate"]["max_tx"], told["trust"]) == (100, 3, 50, True)
    assert card.vf(card.functions(SECOND_PF).index(second), SECOND_PF)["address"] == links["eth0-1"]["address"]
    assert checked(node, pod, result) == ""
    node.deleted(pod)


def test_traffic_goes_on_when_a_port_fails_and_when_it_comes_back(node: Node) -> None:
    pod, result = node.added("light-0", **BOND)
    near, _ = node.added("peer-0")
    far, _ = node.added("peer-1")
    assert node.reaches(near, "10.60.0.42")
    assert node.reaches(far, "10.60.0.42")
    first = bond_of(node, pod)["active_slave"]
    (second,) = PORTS.keys() - {first}
    with port_down(PORTS[first]):
        until(lambda: bond_of(node, pod).get("active_slave") == second, "the other member")
        assert node.reaches(near if PORTS[second] == PF else far, "10.60.0.42")
        assert checked(node, pod, result) == ""
    until(lambda: "LOWER_UP" in node.kubelet.links(pod.netns)[first]["flags"], "the first port again")
    with port_down(PORTS[second]):
        until(lambda: bond_of(node, pod).get("active_slave") == first, "the first member")
        assert node.reaches(near if PORTS[first] == PF else far, "10.60.0.42")
    assert checked(node, pod, result) == ""
    node.deleted(pod, near, far)


def test_functions_that_a_kubelet_has_given_are_bonded_and_others_are_not_taken(node: Node) -> None:
    near, far = card.functions(PF), card.functions(SECOND_PF)
    given = {"deviceID": f"{near[3]},{far[1]}", "args": {"cni": {"k8s.v1.cni.cncf.io/resourceName": "bank.example/vf"}}}
    pod, result = node.added("full-0", **BOND, **given)
    assert functions_of(result) == [near[3], far[1]]
    assert card.vf(3)["vlan_list"][0]["vlan"] == card.vf(1, SECOND_PF)["vlan_list"][0]["vlan"] == 100
    assert checked(node, pod, result) == ""
    before = node.left_behind()

    taken = {**given, "deviceID": f"{near[4]},{far[1]}"}
    _, held = node.add("plain-0", **BOND, **taken)
    assert (held.result["code"], f"{near[4]} free" in held.result["msg"]) == (106, True)
    one = {**given, "deviceID": f"{near[4]},{near[5]}"}
    _, refused = node.add("plain-0", **BOND, **one)
    assert refused.result["code"] == 102
    assert "which the kubelet has given of bank.example/vf, are of 1 of the 2 ports" in refused.result["msg"]
    assert node.left_behind() == before

    declared_so, result = node.added("one-port-0", **BOND, **one)  # it asks for one port alone
    assert functions_of(result) == [near[4], near[5]]
    node.deleted(pod, declared_so, **BOND, **given)


def test_no_second_port_is_no_bond_where_the_node_has_one(node: Node) -> None:
    others = [node.added(f"other-{n}", vf={"pf": SECOND_PF}, pool="db")[0] for n in range(3)]
    before = node.left_behind()
    pod, answer = node.add("plain-0", **BOND)
    assert answer.result["code"] == 106
    assert "(2 of different PFs: any)" in answer.result["msg"]
    assert node.left_behind() == before
    node.deleted(others[0])
    assert node.call("ADD", pod, **BOND).code == 0
    node.deleted(pod, *others[1:])


def test_a_port_that_is_named_alone_carries_both(node: Node) -> None:
    pod, result = node.added("one-port-0", **BOND)
    assert {function[:7] for function in functions_of(result)} == {"0000:01"}
    node.deleted(pod)


def test_one_mac_for_all_where_the_mode_wants_that(node: Node) -> None:
    pod, result = node.added("full-0", **BOND, mode="balance-xor", xmitHashPolicy="layer2+3")
    links = node.kubelet.links(pod.netns)
    assert {links[name]["address"] for name in ("eth0", "eth0-0", "eth0-1")} == {MAC}
    assert bond_of(node, pod)["xmit_hash_policy"] == "layer2+3"
    assert checked(node, pod, result) == ""
    node.deleted(pod)


def test_functions_are_held_and_counted_by_their_bond(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    pod, result = node.added("light-0", **BOND)
    capsys.readouterr()
    assert podberth(["--state", str(node.kubelet.state), "vf", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["vfs"]
    assert [vf["address"] for vf in told if vf["pod"] == "bank/light-0"] == functions_of(result)
    assert podberth(["--state", str(node.kubelet.state), "vf", "stats", "bank/light-0", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)["vfs"]
    assert [(vf["address"], vf["counted_by"]) for vf in counted] == [(f, "interface") for f in functions_of(result)]
    node.deleted(pod)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("eth0-1", "nomaster"), "eth0-1: master: expected eth0, found none"),
        (("eth0-1", "down"), "eth0-1: state: expected up, found down"),
        (("eth0-0", "netns", "1"), "eth0-0 (0000:01:10.0): netns"),
        (("eth0", "mtu", "1300"), "eth0: mtu: expected 1400, found 1300"),
    ],
)
def test_a_member_that_is_missing_is_found_and_put_back(node: Node, change: tuple[str, ...], said: str) -> None:
    pod, result = node.added("full-0", **BOND)
    run("ip", "-n", pod.netns, "link", "set", *change)
    assert said in checked(node, pod, result)
    assert podberth(["--state", str(node.kubelet.state), "check", "--repair"]) == 0
    assert checked(node, pod, result) == ""
    links = node.kubelet.links(pod.netns)
    assert {links[name].get("master") for name in ("eth0-0", "eth0-1")} == {"eth0"}
    node.deleted(pod)


def test_a_declaration_that_changes_reaches_each_member(node: Node) -> None:
    pod, result = node.added("full-0", **BOND)
    document = node.kubelet.state.parent / "changed.yaml"
    try:
        document.write_text(declared("full-0", "10.60.0.41", **{**FULL, "rates": {"egress": 80}}, mac=MAC))
        assert podberth(["--state", str(node.kubelet.state), "apply", "-f", str(document)]) == 0
        for pf, function in zip((PF, SECOND_PF), functions_of(result), strict=True):
            assert card.vf(card.functions(pf).index(function), pf)["rate"]["max_tx"] == 80
        assert checked(node, pod, result) == ""
        node.deleted(pod)
    finally:
        document.write_text(declared("full-0", "10.60.0.41", **FULL, mac=MAC))
        assert podberth(["--state", str(node.kubelet.state), "apply", "-f", str(document)]) == 0


def test_an_add_that_was_killed(node: Node) -> None:
    ended = wire.everywhere(
        node,
        "ADD",
        lambda: node.kubelet.pod("full-0"),
        lambda pod, number: go_on(node, pod, number),
        deaths=DEATHS,
        **BOND,
    )
    assert len(ended.effects) >= 25, ended.effects


def test_a_del_that_was_killed(node: Node) -> None:
    ended = wire.everywhere(
        node,
        "DEL",
        lambda: node.added("full-0", **BOND)[0],
        lambda pod, number: go_on(node, pod, number),
        deaths=DEATHS,
    )
    assert len(ended.effects) >= 18, ended.effects


def test_a_namespace_that_went_first(node: Node) -> None:
    def gone() -> Pod:
        pod, _ = node.added("full-0", **BOND)
        node.kubelet.remove_namespace(pod.netns)
        return pod

    wire.everywhere(node, "DEL", gone, lambda pod, _: node.deleted(pod), deaths=DEATHS)


LINKS: dict[str, Any] = {
    "cniVersion": "1.0.0", "type": "bond", "name": "bonded", "mode": "active-backup", "miimon": "100",
    "failOverMac": 1, "device": None, "links": [{"name": "net1"}, {"name": "net2"}], "pool": None,
    "ipam": {"type": "static", "addresses": [{"address": "10.61.0.7/24"}]},
}  # fmt: skip


def made_of_links(node: Node, verb: str, pod: Pod, **changes: Any) -> dict[str, Any]:
    answer = node.call(verb, pod, **{**LINKS, **changes})
    assert answer.code == 0, answer
    return answer.result if answer.stdout else {}


def test_links_of_the_pods_other_networks_are_bonded_and_let_go(node: Node) -> None:
    pod = node.kubelet.pod("links-0")
    for n, pf in ((1, PF), (2, SECOND_PF)):
        env = {**node.kubelet.env("ADD", pod, ifname=f"net{n}")}
        config = node.kubelet.config(type="sriov", name=f"port{n}", vf={"pf": pf}, device=None, pool=None)
        assert handle(env, json.dumps(config).encode(), "sriov")[0] == 0
    before = {name: link["address"] for name, link in node.kubelet.links(pod.netns).items()}
    result = made_of_links(node, "ADD", pod, linksInContainer=True)
    (made,) = result["interfaces"]
    assert made["name"] == "eth0"
    assert made["mac"] in (before["net1"], before["net2"])
    links = node.kubelet.links(pod.netns)
    assert {links[name]["master"] for name in ("net1", "net2")} == {"eth0"}
    assert "10.61.0.7" in {address["local"] for address in links["eth0"]["addr_info"]}
    made_of_links(node, "CHECK", pod, linksInContainer=True, prevResult=result)
    made_of_links(node, "DEL", pod, linksInContainer=True)
    after = node.kubelet.links(pod.netns)
    assert {name: link["address"] for name, link in after.items()} == before
    assert all("UP" in after[name]["flags"] for name in ("net1", "net2"))
    assert not any("master" in link for link in after.values())
    for n in (1, 2):
        config = node.kubelet.config(type="sriov", name=f"port{n}", device=None, pool=None)
        env = node.kubelet.env("DEL", pod, ifname=f"net{n}")
        assert handle(env, json.dumps(config).encode(), "sriov")[0] == 0


def test_links_of_the_node_are_brought_into_the_pod_and_back(node: Node) -> None:
    pod = node.kubelet.pod("links-1")
    names = [card.interface(card.functions(pf)[0]) for pf in (PF, SECOND_PF)]
    links = [{"name": name} for name in names]
    made_of_links(node, "ADD", pod, links=links)
    assert {node.kubelet.links(pod.netns)[name]["master"] for name in names} == {"eth0"}
    made_of_links(node, "DEL", pod, links=links)
    assert {"eth0", *names}.isdisjoint(node.kubelet.links(pod.netns))
    made_of_links(node, "DEL", pod, links=links)
