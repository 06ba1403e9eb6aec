"""A plugin of NRI beside a real runtime: what it is told, what its errors do, and that it comes back."""

from __future__ import annotations

import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError
from podberth.nri.plugin import Plugin
from tests.runtime.cgroups import CGROUPS
from tests.runtime.conftest import DOCUMENTS
from tests.runtime.cri import Refused
from tests.runtime.site import site
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from podberth.nri.messages import Pod, Runtime
    from tests.runtime.containerd import Containerd
    from tests.runtime.site import Site


class Seen:
    """Writes down what a runtime tells; `on` has a method for what is to happen besides."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.pods: dict[str, Pod] = {}
        self.heard: list[Runtime] = []
        self.failures: list[str] = []
        self.on: dict[str, Callable[[Pod], object]] = {}

    def synchronize(self, pods: tuple[Pod, ...]) -> None:
        self.told.append(("synchronize", " ".join(sorted(pod.name for pod in pods))))

    def run(self, pod: Pod) -> None:
        self._see("run", pod)

    def stop(self, pod: Pod) -> None:
        self._see("stop", pod)

    def remove(self, pod: Pod) -> None:
        self._see("remove", pod)

    def create(self, pod: Pod) -> None:
        self._see("create", pod)

    def _see(self, what: str, pod: Pod) -> None:
        self.told.append((what, pod.name))
        self.pods.setdefault(pod.name, pod)  # later its namespace may be told no more
        if what in self.on:
            self.on[what](pod)

    def listed(self, name: str) -> bool:
        """Say whether a Synchronize had the pod; one that a test before has had refused may be there again too."""
        return any(what == "synchronize" and name in names.split() for what, names in self.told)

    def synchronized(self, times: int = 1) -> bool:
        return sum(what == "synchronize" for what, _ in self.told) >= times


@pytest.fixture
def bank(newest_containerd: Containerd, tmp_path: Path) -> Iterator[Site]:
    with site(newest_containerd, tmp_path, DOCUMENTS) as made:
        yield made


@pytest.fixture
def seen(bank: Site) -> Iterator[Seen]:
    found = Seen()
    plugin = Plugin(bank.containerd.root / "nri.sock", found, found.heard.append, found.failures.append)
    plugin.start()
    until(found.synchronized, lambda: f"the runtime does not take the plugin: {found.failures}")
    try:
        yield found
    finally:
        plugin.stop(PATIENCE)


def test_a_pod_is_told_of_with_its_namespace_before_its_containers_and_at_its_end(bank: Site, seen: Seen) -> None:
    sandbox = bank.run("mysql-0")
    bank.container(sandbox)
    bank.remove(sandbox)

    assert [what for what, name in seen.told if name == "mysql-0"] == ["run", "create", "stop", "remove"]
    pod = seen.pods["mysql-0"]
    assert (pod.id, pod.namespace, pod.uid) == (sandbox.id, "bank", sandbox.config["metadata"]["uid"])
    assert pod.netns.startswith("/var/run/netns/")
    assert seen.heard[0].name == "containerd"


def test_the_network_is_there_when_the_pod_is_told_of(bank: Site, seen: Seen) -> None:
    links: list[str] = []
    seen.on["run"] = lambda pod: links.append(bank.node.run("nsenter", f"--net={pod.netns}", "ip", "-o", "link"))

    bank.run("mysql-0")

    assert "eth0" in links[0]


def test_an_error_has_the_sandbox_fail_and_the_runtime_forget_its_processes(bank: Site, seen: Seen) -> None:
    """Why nothing of podberth answers so: with each try of kubelet's a pause process and a shim would stay for ever."""

    def refuse(pod: Pod) -> None:
        raise CniError(f"{pod}: the claim is not prepared", "wait")

    seen.on["run"] = refuse
    with pytest.raises(Refused, match="bank/mysql-0: the claim is not prepared"):
        bank.run("mysql-0")

    assert seen.failures == ["RunPodSandbox bank/mysql-0: bank/mysql-0: the claim is not prepared"]
    kept = bank.containerd.cri.call("ListPodSandbox").get("items", [])
    left = {pid for file in CGROUPS.glob(f"*/{bank.cgroup}/*/cgroup.procs") for pid in file.read_text().split()}
    for pid in left:
        os.kill(int(pid), signal.SIGKILL)
    assert kept == []
    assert left


def test_an_error_about_a_container_keeps_it_from_being_created(bank: Site, seen: Seen) -> None:
    def refuse(pod: Pod) -> None:
        raise CniError("the link is missing", "")

    seen.on["create"] = refuse
    sandbox = bank.run("mysql-0")
    with pytest.raises(Refused, match="the link is missing"):
        bank.container(sandbox)


def test_a_plugin_that_is_too_slow_is_dropped_without_a_word_and_comes_back(bank: Site, seen: Seen) -> None:
    go_on = threading.Event()
    seen.on["run"] = lambda _: go_on.wait(PATIENCE)
    try:
        sandbox = bank.run("mysql-0")  # it runs: this is why a container has a fence that needs no plugin
    finally:
        go_on.set()

    until(lambda: seen.listed("mysql-0"), lambda: f"it has not come back: {seen.failures}")
    bank.remove(sandbox)


def test_a_runtime_that_is_killed_and_started_is_found_again_with_its_pods(bank: Site, seen: Seen) -> None:
    bank.run("mysql-0")
    bank.containerd.kill()
    bank.containerd.start()

    until(lambda: seen.listed("mysql-0"), lambda: f"it was not found again: {seen.failures}")
    bank.run("mysql-1")
    assert ("run", "mysql-1") in seen.told


def test_a_slow_pod_delays_no_other_pod_of_the_plugin(bank: Site, seen: Seen) -> None:
    """The runtime asks for one pod after another, but for what it has given up: that goes on beside the next."""
    go_on = threading.Event()
    seen.on["run"] = lambda pod: pod.name != "mysql-0" or go_on.wait(PATIENCE)
    try:
        bank.run("mysql-0")
        until(lambda: seen.synchronized(2), lambda: f"it has not come back: {seen.failures}")
        bank.run("mysql-1")
        assert ("run", "mysql-1") in seen.told
    finally:
        go_on.set()


def test_a_second_plugin_beside_it_is_told_too(bank: Site, seen: Seen) -> None:
    other = Seen()
    plugin = Plugin(bank.containerd.root / "nri.sock", other, other.heard.append, other.failures.append)
    plugin.start()
    try:
        until(other.synchronized, "the second is not taken")
        bank.run("mysql-2")
    finally:
        plugin.stop(PATIENCE)

    assert ("run", "mysql-2") in other.told
    assert ("run", "mysql-2") in seen.told


def test_the_runtime_closes_what_is_no_plugin(bank: Site) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(PATIENCE)
        peer.connect(str(bank.containerd.root / "nri.sock"))
        peer.sendall(b"\0\0\0\x63\xff\xff\xff\xff" + bytes(64))
        assert peer.recv(1) == b""
