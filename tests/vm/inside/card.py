"""The VM's SR-IOV card, an Intel 82576 with seven virtual functions (igb, igbvf), and a node that uses it.

A second one is on the same wire, for the time of `second_card`.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podberth.cli.main import main as podberth
from podberth.entry import handle
from tests.netns.kubelet import Answer, Kubelet, Pod, run
from tests.vm.machine import SECOND_CARD
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

PF = "eth0"
SECOND_PF = "second0"
COUNT = 7
DEVICES = Path("/sys/bus/pci/devices")
STEADY = 0.7  # seconds
_CARRIER = ("NO-CARRIER", "LOWER_UP")  # it comes a moment after its interface is up

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.60.0.0/24}]
  allow: [{namespaces: [bank], vlans: ["0-300"]}]
"""


def declared(name: str, address: str, **said: object) -> str:
    """Return a PodNetwork for one pod."""
    attachment = {"ifname": "eth0", "pool": "db", "addresses": [address], **said}
    spec = {"pod": name, "attachments": [attachment]}
    head = {"apiVersion": "podberth.io/v1alpha1", "kind": "PodNetwork"}
    return "---\n" + json.dumps({**head, "metadata": {"namespace": "bank", "name": name}, "spec": spec}) + "\n"


def functions(pf: str = PF) -> list[str]:
    """Return the PCI addresses of the card's virtual functions, by index."""
    at = Path(f"/sys/class/net/{pf}/device")
    return [(at / f"virtfn{i}").readlink().name for i in range(int((at / "sriov_numvfs").read_text()))]


def interface(function: str) -> str:
    """Return the name of a function's interface on the node; '' if it has none there."""
    return next(iter(sorted(entry.name for entry in (DEVICES / function / "net").glob("*"))), "")


def bring_up(count: int = COUNT, pf: str = PF) -> None:
    """Have exactly so many virtual functions, all with drivers and interfaces, on a card that is up."""
    for module in ("igb", "igbvf", "veth", "dummy"):
        run("modprobe", module)
    until(lambda: Path(f"/sys/class/net/{pf}").exists(), "the card")
    run("ip", "link", "set", pf, "up")
    numvfs = Path(f"/sys/class/net/{pf}/device/sriov_numvfs")
    if int(numvfs.read_text()) != count:
        numvfs.write_text("0")
        numvfs.write_text(str(count))
    until(lambda: len(functions(pf)) == count and all(map(interface, functions(pf))), "interfaces")
    until(lambda: _steady(pf), "a carrier that stays")


@contextlib.contextmanager
def second_card(count: int) -> Iterator[str]:
    """Plug the second card in for the time of the context, with so many functions; yield its PF's name, SECOND_PF."""
    Path("/sys/bus/pci/rescan").write_text("1")
    until(lambda: bool(interface(SECOND_CARD)), "the second card")
    run("ip", "link", "set", interface(SECOND_CARD), "down")
    run("ip", "link", "set", interface(SECOND_CARD), "name", SECOND_PF)
    try:
        bring_up(count, SECOND_PF)
        yield SECOND_PF
    finally:
        Path(f"/sys/class/net/{SECOND_PF}/device/sriov_numvfs").write_text("0")
        (DEVICES / SECOND_CARD / "remove").write_text("1")


def carrier(pf: str = PF) -> bool:
    """Say whether the card, which is up, has a carrier."""
    return Path(f"/sys/class/net/{pf}/carrier").read_text().strip() == "1"


def _steady(pf: str) -> bool:
    """Say whether the card keeps its carrier for a while: it loses it for a moment when functions come and go."""
    end = time.monotonic() + STEADY
    while time.monotonic() < end:
        if not carrier(pf):
            return False
        time.sleep(0.02)
    return True


def settings(pf: str = PF) -> str:
    """Return what `ip -d link show` says of the card."""
    return run("ip", "-d", "link", "show", pf)


def vf(index: int, pf: str = PF) -> dict[str, Any]:
    """Return the card's word about one function, as `ip -json` has it."""
    (shown,) = json.loads(run("ip", "-json", "-d", "link", "show", pf))
    return dict(next(one for one in shown["vfinfo_list"] if one["vf"] == index))


def seen(pfs: tuple[str, ...] = (PF,)) -> list[str]:
    """Return everything that has to be as it was in the end: the card's word, and each function's interface."""
    shown = {link["ifname"]: link for link in json.loads(run("ip", "-json", "-d", "link"))}
    kept = ("ifname", "address", "mtu", "txqlen", "altnames", "flags", "promiscuity", "allmulti")
    lines = [line for pf in pfs for line in settings(pf).splitlines()]
    for function in (function for pf in pfs for function in functions(pf)):
        driver = DEVICES / function / "driver"
        link = shown.get(interface(function), {})
        link["flags"] = [flag for flag in link.get("flags", ()) if flag not in _CARRIER]
        lines.append(f"{function}: {driver.exists() and driver.resolve().name} {[link.get(key) for key in kept]}")
    return lines


@dataclass
class Node:
    """The VM as a node with a card: what was there first, and the kubelet that starts pods on it."""

    kubelet: Kubelet
    first: list[str]
    pfs: tuple[str, ...] = (PF,)

    def call(self, verb: str, pod: Pod, **changes: Any) -> Answer:
        """Make a call in this process: an executable takes half a second to start in an emulated machine."""
        config = self.kubelet.config(**changes)
        code, stdout = handle(self.kubelet.env(verb, pod), json.dumps(config).encode(), str(config["type"]))
        return Answer(code, stdout, "")

    def add(self, name: str, **network: Any) -> tuple[Pod, Answer]:
        """Start a pod: make its namespace, and ADD."""
        pod = self.kubelet.pod(name)
        return pod, self.call("ADD", pod, **network)

    def added(self, name: str, **network: Any) -> tuple[Pod, dict[str, Any]]:
        """Start a pod; AssertionError if the ADD fails."""
        pod, answer = self.add(name, **network)
        assert answer.code == 0, answer
        return pod, answer.result

    def deleted(self, *pods: Pod, **network: Any) -> None:
        """Stop pods; AssertionError if a DEL fails."""
        for pod in pods:
            answer = self.call("DEL", pod, **network)
            assert answer.code == 0, answer

    def clear(self) -> None:
        """Take back whatever a test that failed has left, and remove the namespaces."""
        asked = Pod(name="nobody", container_id="nobody", netns="nowhere")
        answer = self.call("GC", asked, **{"cni.dev/valid-attachments": []})
        assert answer.code == 0, answer
        for namespace in tuple(self.kubelet.namespaces):
            self.kubelet.remove_namespace(namespace)

    def reaches(self, pod: Pod, address: str) -> bool:
        """Say whether one of a few pings is answered: the first may be lost while the emulated machine is slow."""
        return self.kubelet.reaches(pod, address)

    def left_behind(self) -> list[str]:
        """Return what is there now and was not at first, and what is missing; leases and records too."""
        now = seen(self.pfs)
        for table in ("leases", "attachments"):
            now += [f"{table}: {row}" for row in self.kubelet.rows(f"SELECT * FROM {table}")]
        return [f"new: {line}" for line in now if line not in self.first] + [
            f"missing: {line}" for line in self.first if line not in now
        ]


@contextlib.contextmanager
def node_with_card(state: Path, documents: str) -> Iterator[Node]:
    """Make this machine a node with the documents in force."""
    bring_up()
    made = Kubelet(state=state, bare=True, network={"device": "sriov", "bridge": None})
    file = state.parent / "documents.yaml"
    file.write_text(DOCUMENTS + documents)
    # In this process: the command line takes seconds to start in a machine that is emulated.
    assert podberth(["--state", str(state), "apply", "-f", str(file)]) == 0
    try:
        yield Node(kubelet=made, first=seen())
    finally:
        for namespace in made.namespaces:
            run("ip", "netns", "delete", namespace)


@contextlib.contextmanager
def as_it_was(node: Node) -> Iterator[Node]:
    """Whatever happens to the card in this context, in the end it has to be as it was."""
    node.first = seen(node.pfs)
    try:
        yield node
        assert node.left_behind() == []
    finally:
        node.clear()


@contextlib.contextmanager
def first_function_changed(node: Node) -> Iterator[str]:
    """Whatever a test does by hand to the first function, whose interface's name this yields, is put straight after."""
    name = interface(functions()[0])
    try:
        yield name
    finally:
        node.clear()
        for altname in next(link for link in json.loads(run("ip", "-json", "link")) if link["ifname"] == name).get(
            "altnames", []
        ):
            run("ip", "link", "property", "del", "dev", name, "altname", altname)
        run("ip", "link", "set", PF, "vf", "0", "mac", "00:00:00:00:00:00")
        run("ip", "link", "set", name, "up", "mtu", "1500", "txqueuelen", "1000", "allmulticast", "off")
        run("ip", "link", "set", name, "down")  # only now does the card know the function by the MAC it has
