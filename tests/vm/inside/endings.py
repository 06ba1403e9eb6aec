"""Pods that use all that a virtual function has, a function that had settings before, and what comes after a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.linux import pci
from tests.netns.kubelet import run
from tests.vm.inside import card
from tests.vm.inside.card import PF, declared
from tests.waiting import until

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
ALTNAMES = ("enp1s0v0", "bond-leg-a")
OPERATORS = 0  # the index of the function that `configure_by_hand` has configured


def configure_by_hand() -> None:
    """Have the node's operator use every setting of one function before podberth sees it."""
    told = ("link", "set", PF, "vf", str(OPERATORS))
    run("ip", *told, "mac", "02:00:00:00:00:77", "vlan", "7", "qos", "2", "max_tx_rate", "90", "trust", "on")
    run("ip", *told, "spoofchk", "off")
    name = _driven_anew()
    run("ip", "link", "set", name, "mtu", "1480", "txqueuelen", "77", "allmulticast", "on", "up")
    for altname in ALTNAMES:
        run("ip", "link", "property", "add", "dev", name, "altname", altname)


def configure_no_more() -> None:
    """Take back what `configure_by_hand` did."""
    told = ("link", "set", PF, "vf", str(OPERATORS))
    run("ip", *told, "mac", "00:00:00:00:00:00", "vlan", "0", "max_tx_rate", "0", "trust", "off", "spoofchk", "on")
    _driven_anew()


def _driven_anew() -> str:
    """Have its driver take the function anew, with the MAC that the card has for it; return its interface."""
    driver = pci.driver(operators())
    pci.unbind(operators())
    pci.bind(operators(), driver)
    until(lambda: card.interface(operators()) != "", "an interface")
    return card.interface(operators())


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
    answer = node.call("GC", pod, **valid()) if way == "GC" else node.call("DEL", pod)
    assert answer.code == 0, answer


def valid(*pods: Pod) -> dict[str, Any]:
    """Return what a GC's configuration says of the pods that are to stay."""
    return {"cni.dev/valid-attachments": [{"containerID": pod.container_id, "ifname": "eth0"} for pod in pods]}
