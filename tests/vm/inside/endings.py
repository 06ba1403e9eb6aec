"""Pods that use all that a virtual function has, a function that had settings before, and what comes after a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.netns.kubelet import run
from tests.vm.inside import card
from tests.vm.inside.card import PF, declared

if TYPE_CHECKING:
    from tests.netns.kubelet import Pod
    from tests.vm.inside.card import Node

EVERYTHING: dict[str, Any] = {
    "vlan": {"id": 100, "priority": 3},
    "rates": {"egress": 50},
    "trust": "on",
    "spoofchk": "off",
    "mac": "fromAddress",
    "mtu": 1400,
}
PODS = (
    declared("full-0", "10.60.0.41", **EVERYTHING)
    + declared("light-0", "10.60.0.42", vlan={"id": 100})
    + declared("peer-0", "10.60.0.43", vlan={"id": 100})
)
WAYS = ("DEL", "the namespace goes, then DEL", "GC")
OPERATORS = 0  # the index of the function that `configure_by_hand` has configured


def configure_by_hand() -> None:
    """Have the node's operator use every setting of one function before podberth sees it."""
    name = card.interface(card.functions()[OPERATORS])
    told = ("link", "set", PF, "vf", str(OPERATORS))
    run("ip", *told, "mac", "02:00:00:00:00:77", "vlan", "7", "qos", "2", "max_tx_rate", "90", "trust", "on")
    run("ip", *told, "spoofchk", "off")
    run("ip", "link", "set", name, "mtu", "1480", "txqueuelen", "77", "allmulticast", "on", "up")
    for altname in ("enp1s0v0", "bond-leg-a"):
        run("ip", "link", "property", "add", "dev", name, "altname", altname)


def operators() -> str:
    """Return the PCI address of the function that has settings of the operator."""
    return card.functions()[OPERATORS]


def untouched() -> str:
    """Return the PCI address of a function that is as its driver made it."""
    return card.functions()[OPERATORS + 1]


def go_on(node: Node, pod: Pod, number: int) -> None:
    """Go on as runtimes do, by turns, after a plugin has died or failed."""
    way = WAYS[number % len(WAYS)]
    if way.startswith("the namespace goes"):
        node.kubelet.remove_namespace(pod.netns)
    answer = collect(node, pod) if way == "GC" else node.call("DEL", pod).code
    assert answer == 0, way


def collect(node: Node, pod: Pod, *valid: Pod) -> int:
    """GC with nothing valid but those; return its exit code."""
    stay = [{"containerID": one.container_id, "ifname": "eth0"} for one in valid]
    return node.call("GC", pod, **{"cni.dev/valid-attachments": stay}).code
