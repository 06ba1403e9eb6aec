"""The node's own programs: Debian 12's containerd, the kubelet of 1.20, and podberth's agent, each started and killed.

All of it is where a host has it: the agent and the kubelet find each other without being told. Nothing is left at the
end but what is in the folders of the VM, which are lost with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.checkout import ROOT
from tests.netns.agent.running import Running
from tests.netns.kubelet import run
from tests.runtime import image
from tests.runtime.containerd import BUILT, Containerd
from tests.runtime.node import Node
from tests.runtime.release import debian_12
from tests.vm.control import NODE, Joined
from tests.vm.inside import card
from tests.vm.machine import EXCHANGE
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ADDRESS = "10.0.2.15"  # of the user network: qemu(1), -netdev user
KUBELET = Path("/var/lib/kubelet")
STATE = Path("/var/lib/podberth")
_SOCKETS = Path("/run/podberth")
BRIDGE = "cluster0"  # of the cluster's network
_LINK = "outside0"
_OURS = ("podberth", "podberth-networks", ".podberth")


class Whole(Node):
    """The VM is the node: its first process has left the root of its namespace, so nobody enters that."""

    def command(self, *argv: str) -> list[str]:
        """Return the command that runs `argv` on the node."""
        return list(argv)


class Worker:
    """The node. `root` is a folder in memory: overlayfs wants one that is no overlay."""

    def __init__(self, root: Path, joined: Joined) -> None:
        self.root, self.joined = root, joined
        self.node = Whole(pid=1)
        (root / "runtime").mkdir(parents=True)
        self.containerd = Containerd(self.node, root / "runtime", debian_12())
        for name in _OURS:
            (self.bin / name).unlink(missing_ok=True)
            (self.bin / name).symlink_to(BUILT / name)
        self.kubelet: subprocess.Popen[bytes] | None = None
        self.agent: Running | None = None
        self._agents = 0

    @property
    def bin(self) -> Path:
        """Where the runtime finds plugins."""
        return self.containerd.root / "bin"

    def use(self, network: Mapping[str, object]) -> None:
        """Make this the network that the runtime calls."""
        self.containerd.use(network)

    def start_kubelet(self) -> None:
        """Start it; return once it has its socket for device plugins."""
        socket = KUBELET / "device-plugins" / "kubelet.sock"
        before = _identity(socket)
        config = self.root / "kubelet.json"
        config.write_text(json.dumps(self._configuration()))
        with (self.root / "kubelet.log").open("ab") as log:
            self.kubelet = subprocess.Popen(
                [self.joined.kubelet, f"--config={config}", f"--kubeconfig={self.joined.node}",
                 "--container-runtime=remote",
                 f"--container-runtime-endpoint=unix://{self.containerd.root / 'containerd.sock'}",
                 f"--node-ip={ADDRESS}", f"--hostname-override={NODE}", f"--pod-infra-container-image={image.NAME}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        until(lambda: _identity(socket) not in (None, before), lambda: self.tail("the kubelet does not start"))

    def kill_kubelet(self) -> None:
        """SIGKILL it; its pods run on."""
        if self.kubelet is not None:
            self.kubelet.kill()
            self.kubelet.wait()

    def start_agent(self, devices: Path) -> None:
        """Start the agent; return once it serves calls."""
        self._agents += 1
        log = self.root / f"agent-{self._agents}.log"
        command = [sys.executable, "-m", "podberth.cli.main", "agent", "--devices", str(devices)]
        with log.open("wb") as stderr:
            process = subprocess.Popen(command, stderr=stderr, cwd=ROOT, env={**os.environ, "NODE_NAME": NODE})
        self.agent = Running(process, log)
        self.agent.wait_for("serving")

    def kill_agent(self) -> None:
        """SIGKILL it."""
        if self.agent is not None and self.agent.process.poll() is None:
            self.agent.stop(signal.SIGKILL)

    def lose(self, namespace: str, pod: str, netns: str) -> None:
        """Have a pod's processes and its network namespace be gone, and the runtime know nothing of it: no DEL comes.

        So it is where the runtime's folder is lost, or was put back. The kubelet has to be away.
        """
        said = [f'labels."io.kubernetes.pod.{key}"=={text}' for key, text in (("name", pod), ("namespace", namespace))]
        for each in self.containerd.ctr("containers", "list", "-q", ",".join(said)).split():
            self.node.succeeds(*self._ctr("tasks", "kill", "--signal", "SIGKILL", "--all", each))
            until(partial(self._forgotten, each), f"{each} is not forgotten")
        self.containerd.kill()  # the CRI remembers it until then
        self.node.run("umount", netns)
        Path(netns).unlink()
        self.containerd.start()

    def _forgotten(self, container: str) -> bool:
        """Delete a container whose processes are ending."""
        self.node.succeeds(*self._ctr("tasks", "delete", container))
        return self.node.succeeds(*self._ctr("containers", "delete", container))

    def _ctr(self, *argv: str) -> tuple[str, ...]:
        return ("ctr", "-n", "k8s.io", "-a", str(self.containerd.root / "containerd.sock"), *argv)

    def tail(self, trouble: str) -> str:
        """Return the trouble, and the ends of all logs."""
        logs = sorted([*self.root.glob("*.log"), self.containerd.root / "log"])
        return trouble + "".join(f"\n--- {one.name}\n{one.read_text()[-3000:]}" for one in logs if one.exists())

    def close(self) -> None:
        """End all of it."""
        self.kill_kubelet()
        self.kill_agent()
        self.containerd.close()
        for mount in reversed(self.node.mounts(str(self.root)) + self.node.mounts(str(KUBELET))):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)

    def _configuration(self) -> dict[str, object]:
        (self.root / "resolv.conf").write_text("")
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": "127.0.0.1",
            "readOnlyPort": 0,
            "authentication": {"webhook": {"enabled": False}, "anonymous": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "enforceNodeAllocatable": ["pods"],
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "hairpinMode": "none",
            "resolvConf": str(self.root / "resolv.conf"),
            "evictionHard": {"memory.available": "100Mi"},
            "imageGCHighThresholdPercent": 100,
            "volumePluginDir": str(KUBELET / "volume-plugins"),
        }


def _identity(socket: Path) -> tuple[int, int] | None:
    try:
        at = socket.stat()
    except OSError:
        return None
    return at.st_ino, at.st_ctime_ns


@contextlib.contextmanager
def worker(root: Path) -> Iterator[Worker]:
    """Have the VM be a node with a runtime; the kubelet and the agent are a test's to start."""
    card.bring_up()  # first: its interfaces have the names of the other tests
    until(lambda: Joined.read(Path(EXCHANGE)), "there is no control plane outside")
    joined = Joined.read(Path(EXCHANGE))
    assert joined is not None
    _reach_outside()
    made = Worker(root, joined)
    try:
        made.containerd.start()
        made.containerd.bring_image()
        yield made
    finally:
        made.close()
        if Path(f"/sys/class/net/{BRIDGE}").exists():
            run("ip", "link", "delete", BRIDGE)
        run("ip", "link", "set", _LINK, "down")
        for folder in (STATE, KUBELET, _SOCKETS):
            shutil.rmtree(folder, ignore_errors=True)


def _reach_outside() -> None:
    """Take the card that leads to this machine's outside."""
    run("modprobe", "virtio_net")
    found = until(lambda: list(Path("/sys/bus/virtio/drivers/virtio_net").glob("virtio*/net/*")), "no such card")
    if found[0].name != _LINK:
        run("ip", "link", "set", found[0].name, "name", _LINK)
        run("ip", "address", "add", f"{ADDRESS}/24", "dev", _LINK)
    run("ip", "link", "set", _LINK, "up")
    run("ip", "route", "replace", "default", "via", "10.0.2.2")
