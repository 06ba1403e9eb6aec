"""Pods that sriov-cni has made, in a node that changes over: they stay, they go without a trace, and none is robbed.

A pod is made here by the same commands and files as sriov-cni's (k8snetworkplumbingwg/sriov-cni, pkg/sriov, pkg/utils):
its own executable is no part of Debian.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podberth.entry import handle
from podberth.net.sriov_cni import FOLDER, path_of
from tests.netns.kubelet import Answer, run
from tests.vm.inside import card
from tests.vm.inside.card import PF, Node, as_it_was, node_with_card

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Pod

NETWORK: dict[str, Any] = {
    "cniVersion": "1.0.0", "name": "storage", "type": "sriov", "vlan": 100, "vlanQoS": 3, "spoofchk": "off",
    "max_tx_rate": 200, "ipam": {},
}  # fmt: skip
MAC = "02:00:00:00:00:77"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The VM, with its card."""
    with node_with_card(tmp_path_factory.mktemp("node") / "state", "") as made:
        yield made


@pytest.fixture
def node(whole: Node) -> Iterator[Node]:
    """The node, which has to be in the end as it was, without a file of sriov-cni's."""
    with as_it_was(whole):
        yield whole
        assert [path for path in Path(FOLDER).rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    shutil.rmtree(FOLDER, ignore_errors=True)


def made_by_sriov_cni(node: Node, name: str, *, mac: str = MAC) -> Pod:
    """Start a pod whose `net1` is the first function, as sriov-cni does it."""
    pod, link = node.kubelet.pod(name), card.interface(card.functions()[0])
    (before,) = json.loads(run("ip", "-json", "link", "show", link))
    told = card.vf(0)
    state = {
        "HostIFName": link, "SpoofChk": told["spoofchk"], "Trust": told["trust"], "AdminMAC": told["address"],
        "EffectiveMAC": before["address"], "Vlan": 0, "VlanQoS": 0, "VlanProto": 33024, "MinTxRate": 0,
        "MaxTxRate": 0, "LinkState": 0, "MTU": before["mtu"],
    }  # fmt: skip
    run("ip", "link", "set", PF, "vf", "0", "vlan", "100", "qos", "3")
    run("ip", "link", "set", PF, "vf", "0", "mac", mac)
    run("ip", "link", "set", PF, "vf", "0", "max_tx_rate", "200", "min_tx_rate", "0")
    run("ip", "link", "set", PF, "vf", "0", "spoofchk", "off")
    for command in (("set", link, "up"), ("set", link, "down"), ("set", link, "address", mac)):
        subprocess.run(["ip", "link", *command], capture_output=True, check=False)  # igbvf takes a MAC when it is reset
    run("ip", "link", "set", link, "name", "net1", "netns", pod.netns)
    run("ip", "-n", pod.netns, "link", "set", "net1", "up")
    kept = {**NETWORK, "OrigVfState": state, "Master": PF, "MAC": mac, "MTU": 1500, "VFID": 0, "deviceID": device()}
    Path(FOLDER, "pci").mkdir(parents=True, exist_ok=True)
    Path(path_of(pod.container_id, "net1")).write_text(json.dumps(kept))
    Path(FOLDER, "pci", device()).write_text(pod.path)
    return pod


def device() -> str:
    """The first function's PCI address."""
    return card.functions()[0]


def call(node: Node, verb: str, pod: Pod, *, netns: str | None = None, **changes: Any) -> Answer:
    """Call the plugin `sriov` as Multus does."""
    conf = {**NETWORK, "deviceID": device(), "stateDir": str(node.kubelet.state), **changes}
    env = {**node.kubelet.env(verb, pod), "CNI_IFNAME": "net1"}
    if netns is not None:
        env["CNI_NETNS"] = netns
    return Answer(*handle(env, json.dumps(conf).encode(), "sriov"), "")


def result(pod: Pod) -> dict[str, Any]:
    """What sriov-cni has answered."""
    return {"cniVersion": "1.0.0", "interfaces": [{"name": "net1", "mac": MAC, "sandbox": pod.path}]}


def test_its_del_gives_the_function_back_as_it_was(node: Node) -> None:
    pod = made_by_sriov_cni(node, "web-0")
    assert call(node, "CHECK", pod, prevResult=result(pod)).code == 0
    for _ in range(2):
        assert call(node, "DEL", pod, prevResult=result(pod)).code == 0
    assert "net1" not in node.kubelet.links(pod.netns)


@pytest.mark.parametrize("netns", [None, ""], ids=["of the path it had", "of no path"])
def test_its_del_after_the_end_of_its_namespace_gives_the_function_back_too(node: Node, netns: str | None) -> None:
    pod = made_by_sriov_cni(node, "web-0")
    node.kubelet.remove_namespace(pod.netns)
    assert call(node, "DEL", pod, netns=netns).code == 0


def test_a_function_of_a_pod_that_runs_is_given_to_nobody(node: Node) -> None:
    pod = made_by_sriov_cni(node, "web-0")
    refused = call(node, "ADD", node.kubelet.pod("web-1"))
    assert (refused.code, pod.path in refused.result["msg"]) == (1, True), refused
    assert card.vf(0)["vlan_list"][0]["vlan"] == 100
    assert call(node, "DEL", pod).code == 0


@pytest.mark.parametrize("netns", [None, ""], ids=["of the path it had", "of no path"])
def test_a_late_del_leaves_the_function_to_the_pod_that_has_it_by_now(node: Node, netns: str | None) -> None:
    old = made_by_sriov_cni(node, "web-0")
    node.kubelet.remove_namespace(old.netns)
    new = node.kubelet.pod("web-1")
    assert call(node, "ADD", new, vlan=200).code == 0
    assert call(node, "DEL", old, netns=netns).code == 0
    assert (card.vf(0)["vlan_list"][0]["vlan"], "net1" in node.kubelet.links(new.netns)) == (200, True)
    assert call(node, "DEL", new).code == 0


def test_a_del_without_a_namespace_leaves_a_later_pod_of_sriov_cni_alone(node: Node) -> None:
    old = made_by_sriov_cni(node, "web-0")
    kept = Path(path_of(old.container_id, "net1")).read_text()
    assert call(node, "DEL", old).code == 0
    Path(path_of(old.container_id, "net1")).write_text(kept)  # as a DEL that was lost leaves it
    new = made_by_sriov_cni(node, "web-1")
    assert call(node, "DEL", old, netns="").code == 0
    assert call(node, "CHECK", new, prevResult=result(new)).code == 0
    assert call(node, "DEL", new).code == 0


def test_check_says_what_is_missing_and_knows_no_pod_without_a_file(node: Node) -> None:
    pod = made_by_sriov_cni(node, "web-0")
    run("ip", "-n", pod.netns, "link", "set", "net1", "down", "name", "net9")
    assert call(node, "CHECK", pod, prevResult=result(pod)).code == 0  # the function is known by its PCI address
    other = node.kubelet.pod("web-1")
    refused = call(node, "CHECK", other, prevResult=result(other))
    assert (refused.code, "net1" in refused.result["msg"]) == (1, True), refused
    assert call(node, "DEL", pod).code == 0


@pytest.mark.parametrize("damaged", ["{", '{"deviceID": "eth0"}', ""])
def test_a_file_that_can_not_be_read_is_put_aside_and_keeps_no_pod(node: Node, damaged: str) -> None:
    pod = made_by_sriov_cni(node, "web-0")
    file = Path(path_of(pod.container_id, "net1"))
    kept = file.read_text()
    file.write_text(damaged)
    assert call(node, "DEL", pod).code == 0
    aside = file.with_name(f"{file.name}.unread")
    assert aside.read_text() == damaged
    aside.unlink()
    file.write_text(kept)
    assert call(node, "DEL", pod).code == 0
