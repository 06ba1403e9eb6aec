"""Pods that forge senders on virtual functions, on bonds of them and on ipvlans: nobody hears it, by real frames."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cli.main import main as podberth
from podberth.linux.sender_rules import link_local
from tests.netns.kubelet import run
from tests.netns.plugin import forging as forge
from tests.sizes import size
from tests.vm.inside import card, wire
from tests.vm.inside.card import PF, SECOND_PF, Node, as_it_was, declared, node_with_card
from tests.vm.inside.endings import go_on
from tests.vm.inside.warm import warm_kubelet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.netns.kubelet import Kubelet, Pod

DUAL = """\
---
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: dual}
spec:
  subnets: [{subnet: 10.61.0.0/24}, {subnet: "fd00:61::/64"}]
  antiSpoofing: true
"""
PEER = {"antiSpoofing": False}
PODS = "".join(
    json.dumps({
        "apiVersion": "podberth.io/v1alpha1", "kind": "PodNetwork", "metadata": {"namespace": "bank", "name": name},
        "spec": {"pod": name, "attachments": [{"ifname": "eth0", "pool": "dual", **said,
                 "addresses": [f"10.61.0.{last}", f"fd00:61::{last}"]}]},
    }) + "\n---\n"
    for name, last, said in (("sender-0", 11, {}), ("other-0", 12, {}), ("peer-0", 13, PEER), ("peer-1", 14, PEER))
)  # fmt: skip
DEATHS = size(3, 60)


@dataclass(frozen=True)
class Site:
    """A pod that sends, one that listens, and who they are."""

    sender: Pod
    listener: Pod
    me: forge.Sender
    other: forge.Sender

    def passes(self, frame: bytes) -> bool:
        """Say whether the listener hears the frame, sent before one that is the pod's own."""
        own = forge.honest(self.me)["a datagram"]
        with forge.wire(self.listener.netns, "eth0") as listener:
            for _ in range(5):  # the emulated machine loses some
                forge.send(self.sender.netns, "eth0", frame, own)
                if came := forge.heard(listener, own):
                    return any(one.startswith(frame) for one in came)
        raise AssertionError("not even its own frames are heard")


def sender(mac: str, last: int) -> forge.Sender:
    return forge.Sender(mac=mac, ipv4=f"10.61.0.{last}", ipv6=f"fd00:61::{last}", link=str(link_local(mac)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    run("modprobe", "bonding", "max_bonds=0")
    documents = f"{DUAL}---\n{PODS}" + declared("unused-0", "10.60.0.9")
    with node_with_card(tmp_path_factory.mktemp("node") / "state", documents) as made, card.second_card(2):
        made.pfs = (PF, SECOND_PF)
        yield made


@pytest.fixture
def node(whole: Node) -> Iterator[Node]:
    with as_it_was(whole):
        yield whole


NETWORKS: dict[str, dict[str, Any]] = {
    "a function": {"vf": {"pf": PF}, "pool": "dual"},
    "a bond": {"device": "bond", "pool": "dual"},
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_a_pod_forges_is_heard_by_nobody(node: Node, kind: str) -> None:
    network = NETWORKS[kind]
    pod, result = node.added("sender-0", **network)
    peer, _ = node.added("peer-0", vf={"pf": SECOND_PF}, pool="dual")
    mac = node.kubelet.links(pod.netns)["eth0"]["address"]
    site = Site(pod, peer, sender(mac, 11), sender("02:50:00:00:00:77", 12))
    if kind == "a bond":  # its link-local address follows from the MAC that it had first
        members = {link["mac"] for link in result["interfaces"] if "pciID" in link}
        assert mac in members
    assert node.reaches(pod, "10.61.0.13")
    assert node.reaches(pod, "fd00:61::13")
    assert node.reaches(peer, "10.61.0.11")
    for what, frame in forge.honest(site.me).items():
        assert site.passes(frame), what
    for what, frame in forge.forged(site.me, site.other).items():
        assert not site.passes(frame), what
    index = card.functions(PF).index(next(link["pciID"] for link in result["interfaces"] if "pciID" in link))
    assert card.vf(index)["spoofchk"] is True
    node.deleted(pod, peer)


def test_rules_in_the_pod_stop_no_pod_that_may_take_them_away(node: Node) -> None:
    """As the page says. What the card is told stays: the emulated one takes the word, and looks at no MAC."""
    pod, result = node.added("sender-0", **NETWORKS["a function"])
    peer, _ = node.added("peer-0", vf={"pf": SECOND_PF}, pool="dual")
    run("nsenter", f"--net=/run/netns/{pod.netns}", "nft", "flush", "ruleset")
    mac = node.kubelet.links(pod.netns)["eth0"]["address"]
    site = Site(pod, peer, sender(mac, 11), sender("02:50:00:00:00:77", 12))
    assert site.passes(forge.forged(site.me, site.other)["another's IPv4"])
    told = card.vf(card.functions(PF).index(result["interfaces"][0]["pciID"]))
    assert (told["spoofchk"], told["trust"], told["address"]) == (True, False, mac)
    node.deleted(pod, peer)


def test_rules_in_the_pod_are_checked_and_put_back(node: Node) -> None:
    pod, result = node.added("sender-0", **NETWORKS["a function"])
    assert node.call("CHECK", pod, **NETWORKS["a function"], prevResult=result).code == 0
    run("nsenter", f"--net=/run/netns/{pod.netns}", "nft", "flush", "ruleset")
    assert node.call("CHECK", pod, **NETWORKS["a function"], prevResult=result).result["code"] == 105
    assert podberth(["--state", str(node.kubelet.state), "check", "--repair"]) == 0
    assert node.call("CHECK", pod, **NETWORKS["a function"], prevResult=result).code == 0
    node.deleted(pod)


def test_an_add_that_was_killed(node: Node) -> None:
    wire.everywhere(
        node, "ADD", lambda: node.kubelet.pod("sender-0"), lambda pod, number: go_on(node, pod, number),
        deaths=DEATHS, **NETWORKS["a function"],
    )  # fmt: skip


IPVLAN: dict[str, Any] = {"device": "ipvlan", "parent": "up0", "bridge": None, "pool": "dual"}


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Kubelet]:
    """A node whose uplink `up0` is one end of a wire."""
    with warm_kubelet(tmp_path / "state", f"{DUAL}---\n{PODS}".removeprefix("---\n")) as made:
        made.inside(made.node, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
        for name in ("up0", "up1"):
            made.inside(made.node, "ip", "link", "set", name, "up")
        yield made


def test_what_an_ipvlan_forges_is_heard_by_nobody(plain: Kubelet) -> None:
    pods = []
    for name in ("sender-0", "other-0"):
        pods.append(plain.pod(name))
        assert plain.call("ADD", pods[-1], **IPVLAN).code == 0
    pod, other = pods
    assert plain.reaches(pod, "10.61.0.12")
    assert plain.reaches(other, "fd00:61::11")
    mac = plain.links(pod.netns)["eth0"]["address"]
    me, victim = sender(mac, 11), sender("02:50:00:00:00:77", 12)
    own = forge.honest(me)["a datagram"]
    loose = {"another's link-local"}  # an ipvlan's own can't be told beforehand
    with forge.wire(plain.node, "up1") as listener:
        for what, frame in forge.forged(me, victim).items():
            forge.send(pod.netns, "eth0", frame, own)
            came = forge.heard(listener, own)
            assert came, what
            assert any(one.startswith(frame) for one in came) == (what in loose), what
    for each in pods:
        assert plain.call("DEL", each, **IPVLAN).code == 0
