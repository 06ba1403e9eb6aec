"""The node was changed under a pod: its process died, a driver or a name was taken, the machine started anew."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podberth.linux import pci
from podberth.process import machine
from tests.netns.kubelet import Pod, run
from tests.sizes import size
from tests.vm.inside import card, wire
from tests.vm.inside.card import PF, Node, as_it_was, node_with_card
from tests.vm.inside.endings import PODS, configure_by_hand, configure_no_more, go_on, operators, untouched, valid
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

VFIO = "vfio-pci"
DEATHS = size(2, 60)  # of a call


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The VM, with its card, one function of which the operator has configured."""
    with node_with_card(tmp_path_factory.mktemp("node") / "state", PODS) as made:
        configure_by_hand()
        yield made
        configure_no_more()


@pytest.fixture
def node(whole: Node) -> Iterator[Node]:
    """The node, which has to be in the end as it was."""
    with as_it_was(whole):
        yield whole


@dataclass(frozen=True)
class Sandbox(Pod):
    """A pod whose namespace has no name but lives as long as a process: `netns` is the path of that process's own."""

    @property
    def path(self) -> str:
        return self.netns


@contextlib.contextmanager
def process_in(*command: str) -> Iterator[str]:
    """Have a process in another network namespace for the time of the context; yield its namespace's path."""
    process = subprocess.Popen([*command, "sleep", "600"])
    path = Path(f"/proc/{process.pid}/ns/net")
    own = Path("/proc/self/ns/net").readlink()
    try:
        until(lambda: path.readlink() != own, "a process in its namespace")
        yield str(path)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def pause_container(node: Node) -> Iterator[Pod]:
    """Have a pod with all settings in the namespace of a process, for as long as that lives."""
    with process_in("unshare", "--net") as path:
        pod = Sandbox(name="full-0", container_id=uuid.uuid4().hex, netns=path)
        answer = node.call("ADD", pod, deviceID=untouched())
        assert answer.code == 0, answer
        yield pod


def test_a_pause_container_that_was_killed(node: Node) -> None:
    def killed() -> Pod:
        with pause_container(node) as pod:
            return pod

    pod = killed()
    node.deleted(pod)
    assert node.left_behind() == []
    assert wire.step_by_step(node, "DEL", killed()) >= 8


def test_another_process_that_keeps_the_namespace_of_a_killed_one(node: Node) -> None:
    with contextlib.ExitStack() as longer:
        with pause_container(node) as pod:
            longer.enter_context(process_in("nsenter", f"--net={pod.path}"))
        then = node.left_behind()
        told = wire.call(node, "DEL", pod)
        assert told.failure["code"] == 103
        assert f"the interface of {untouched()} is in a network namespace without a name" in told.failure["msg"]
        assert told.effects == []
        assert node.left_behind() == then
    node.deleted(pod)


def test_a_function_without_its_driver(node: Node) -> None:
    pod, _ = node.added("full-0", deviceID=operators())
    pci.unbind(operators())
    assert wire.step_by_step(node, "DEL", pod) >= 12
    assert node.left_behind() == []
    pod, _ = node.added("full-0", deviceID=operators())
    pci.unbind(operators())
    node.kubelet.remove_namespace(pod.netns)
    node.deleted(pod)


def test_a_card_that_is_down_for_a_while(node: Node) -> None:
    pod, _ = node.added("full-0", deviceID=operators())
    run("ip", "link", "set", PF, "down")
    # Without a carrier igb knows no speed to compare a rate with.
    refused = wire.call(node, "DEL", pod)
    assert refused.failure["msg"].startswith(f"igb refused max_tx_rate 90 for VF 0 of {PF} ({operators()}): ")
    run("ip", "link", "set", PF, "up")
    until(card.carrier, "the carrier")
    assert wire.step_by_step(node, "DEL", pod) >= 3


def test_a_driver_that_is_busy(node: Node) -> None:
    pod = node.kubelet.pod("full-0")
    never = wire.call(node, "ADD", pod, busy=1_000_000, deviceID=untouched())
    assert never.failure["msg"].startswith(f"igb refused vlan 100 for VF 1 of {PF} ({untouched()}): ")
    assert "(EBUSY)" in never.failure["msg"]
    assert node.left_behind() == []
    for verb in ("ADD", "DEL"):
        ended = wire.call(node, verb, pod, busy=3, deviceID=untouched())
        assert ended.answer is not None
        assert ended.answer.code == 0, ended


def test_a_name_that_somebody_else_took(node: Node) -> None:
    name = card.interface(untouched())

    def clash() -> Pod:
        pod, _ = node.added("light-0", deviceID=untouched())
        run("ip", "link", "add", name, "type", "dummy")
        return pod

    def solved(pod: Pod, number: int) -> None:
        run("ip", "link", "set", name, "name", "other0")
        go_on(node, pod, number)
        run("ip", "link", "delete", "other0")

    pod = clash()
    failed = wire.call(node, "DEL", pod)
    assert f"({untouched()}) can't have its name {name} back: another link has it by now" in failed.failure["msg"]
    assert "eth0" not in node.kubelet.links(pod.netns)
    assert card.interface(untouched()) not in ("", name)
    solved(pod, 0)
    assert node.left_behind() == []
    ended = wire.everywhere(node, "DEL", clash, solved, deaths=DEATHS, refused=103)
    assert len(ended.effects) >= 4, ended.effects


def stale(node: Node) -> None:
    """Have every record speak of another boot, and of namespaces of that one."""
    with contextlib.closing(sqlite3.connect(node.kubelet.state / "podberth.db")) as database, database:
        database.execute("UPDATE attachments SET steps = replace(steps, ?, ?)", (machine.boot_id(), str(uuid.uuid4())))
        database.execute("UPDATE attachments SET netns_inode = 1")
    for namespace in tuple(node.kubelet.namespaces):
        node.kubelet.remove_namespace(namespace)


def test_a_machine_that_was_started_anew(node: Node) -> None:
    pods = [node.added("full-0", deviceID=operators())[0]]
    pods += [node.added(name, deviceID=card.functions()[at + 1])[0] for at, name in enumerate(("light-0", "peer-0"))]
    stale(node)
    Path(f"/sys/class/net/{PF}/device/sriov_numvfs").write_text("0")
    card.bring_up()
    configure_by_hand()
    node.first = card.seen()
    for number in range(3):
        wire.call(node, "DEL", pods[0], kill_before=number)
        assert not [line for line in node.left_behind() if not line.startswith(("new: leases", "new: attachments"))]
    node.deleted(pods[0])
    assert len(node.left_behind()) == 4
    assert wire.step_by_step(node, "GC", pods[1], **valid(pods[2])) >= 3
    assert len(node.left_behind()) == 2
    successor, _ = node.added("light-0", deviceID=card.functions()[2])
    node.deleted(successor)
    assert node.left_behind() == []


def to_userspace(function: str) -> None:
    """Give a function to vfio-pci, as an operator does before pods come."""
    run("modprobe", VFIO)
    pci.unbind(function)
    (card.DEVICES / function / "driver_override").write_text(VFIO)
    pci.bind(function, VFIO)


def to_the_kernel(function: str) -> None:
    """Give it back to its own driver."""
    pci.unbind(function)
    (card.DEVICES / function / "driver_override").write_text("\n")
    pci.bind(function, "igbvf")
    until(lambda: card.interface(function) != "", "an interface")


def test_a_function_that_a_process_drives(node: Node) -> None:
    function = untouched()
    to_userspace(function)
    node.first = card.seen()
    pod, shown = node.added("full-0", deviceID=function, mtu=None)
    assert shown["interfaces"][0]["pciID"] == function
    assert shown["ips"] == [{"interface": 0, "address": "10.60.0.41/24"}]
    assert set(node.kubelet.links(pod.netns)) == {"lo"}
    assert card.vf(1)["vlan_list"][0] == {"vlan": 100, "qos": 3}
    assert card.vf(1)["address"] == "02:50:0a:3c:00:29"
    node.deleted(pod)
    assert node.left_behind() == []

    def started() -> Pod:
        return node.added("full-0", deviceID=function)[0]

    for verb, start in (("ADD", lambda: node.kubelet.pod("full-0")), ("DEL", started)):
        ended = wire.everywhere(
            node, verb, start, lambda pod, number: go_on(node, pod, number), deaths=DEATHS, deviceID=function
        )
        assert any(effect.endswith(f"/{function}/reset 1") for effect in ended.effects) == (verb == "DEL"), ended
    to_the_kernel(function)
    node.first = card.seen()
