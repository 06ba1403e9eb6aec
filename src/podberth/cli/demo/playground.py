"""A node and its pods, made of network namespaces that vanish with the demo: the machine's own is not touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

INSIDE = "PODBERTH_DEMO_NODE"  # set for the process that runs inside the node's namespace


class DemoFailed(Exception):
    """Something the demo claims did not hold, or a command it needs failed."""


def run(*argv: str, check: bool = True, stdin: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command and return its stdout; DemoFailed with its stderr if it fails and `check` is set."""
    done = subprocess.run(  # noqa: S603 - the demo's own fixed commands
        argv, input=stdin, env=env, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        raise DemoFailed(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stdout}{done.stderr}".strip())
    return done.stdout


def reenter() -> int:
    """Run this very command again inside a new network namespace, which stands for the node; return its exit code.

    The pods' namespaces are named for the node's, and are gone with it, however the demo ends.
    """
    node = f"podberth-demo-{os.getpid()}"
    run("ip", "netns", "add", node)
    try:
        command = ["ip", "netns", "exec", node, sys.executable, "-m", "podberth.cli.main", *sys.argv[1:]]
        return subprocess.run(command, env={**os.environ, INSIDE: node}, check=False).returncode  # noqa: S603
    finally:
        for left in Path("/run/netns").glob(f"{node}*"):
            # Mounted only where the child could see it: what is left here is the name.
            run("ip", "netns", "delete", left.name, check=False)
            left.unlink(missing_ok=True)


@dataclass
class Pod:
    """A pod as the demo's kubelet keeps it: its sandbox's ID and network namespace."""

    namespace: str
    name: str
    uid: str
    container_id: str
    netns: str

    @property
    def path(self) -> str:
        """The network namespace's path, as CNI_NETNS."""
        return f"/var/run/netns/{self.netns}"

    def exec(self, *argv: str, check: bool = True) -> str:
        """Run a command in the pod's network namespace."""
        return run("ip", "netns", "exec", self.netns, *argv, check=check)

    def reaches(self, address: str) -> bool:
        """Say whether a ping to `address` is answered within a second."""
        command = ("ip", "netns", "exec", self.netns, "ping", "-c", "1", "-W", "1", "-q", address)
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


@dataclass
class Playground:
    """The node: its state directory, its plugin, its network configuration, and what a kubelet does with them."""

    state: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="podberth-demo-")))
    cni_path: str = field(default_factory=lambda: os.environ.get("CNI_PATH", ""))
    sandboxes: int = 0

    @property
    def socket(self) -> str:
        """Where an agent of the playground would listen: it has none, and that of the machine is not called."""
        return str(self.state / "agent.sock")

    def network(self, name: str) -> dict[str, object]:
        """Return the network configuration, as it would lie in /etc/cni/net.d."""
        return {
            "cniVersion": "1.1.0",
            "name": name,
            "type": "podberth",
            "device": "bridge",
            "bridge": "bank0",
            "pool": "bank",
            "undeclared": "refuse",
            "stateDir": str(self.state),
        }

    def podberth(self, *argv: str) -> str:
        """Run the command line on the playground's store."""
        command = (sys.executable, "-m", "podberth.cli.main", "--state", str(self.state), *argv)
        return run(*command, env={**os.environ, "PODBERTH_SOCKET": self.socket})

    def sandbox(self, namespace: str, name: str, uid: str) -> Pod:
        """Make a pod's network namespace under a container ID never used before."""
        self.sandboxes += 1
        pod = Pod(
            namespace,
            name,
            uid,
            f"{self.sandboxes:04x}" + os.urandom(14).hex(),
            f"{os.environ[INSIDE]}-{self.sandboxes}",
        )
        run("ip", "netns", "add", pod.netns)
        pod.exec("ip", "link", "set", "lo", "up")
        return pod

    def cni(self, verb: str, pod: Pod) -> dict[str, object]:
        """Call the plugin as a container runtime does: CNI_* variables, the configuration on stdin, JSON back."""
        plugin = Path(self.cni_path, "podberth")
        if not plugin.is_file():
            raise DemoFailed(f"no plugin at {plugin}: run `make build`, and name its folder in CNI_PATH")
        env = {
            "PATH": os.environ.get("PATH", ""),
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": pod.container_id,
            "CNI_NETNS": pod.path,
            "CNI_IFNAME": "eth0",
            "CNI_PATH": self.cni_path,
            "PODBERTH_SOCKET": self.socket,
            "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE={pod.namespace};K8S_POD_NAME={pod.name};"
            f"K8S_POD_INFRA_CONTAINER_ID={pod.container_id};K8S_POD_UID={pod.uid}",
        }
        answer = run(str(plugin), stdin=json.dumps(self.network("banknet")), env=env)
        return dict(json.loads(answer)) if answer.strip() else {}

    def remove(self, pod: Pod) -> None:
        """Delete a pod as kubelet does: DEL, the namespace, and DEL once more for good measure."""
        self.cni("DEL", pod)
        run("ip", "netns", "delete", pod.netns)
        self.cni("DEL", pod)

    def links(self) -> set[str]:
        """Return the names of the node's links."""
        return {str(link["ifname"]) for link in json.loads(run("ip", "-json", "link"))}
