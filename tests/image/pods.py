"""Pods on the network of deploy/examples: the runtime makes their sandboxes, and the image's agent serves its calls."""

from __future__ import annotations

import contextlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.image.daemon import Daemon

NAMESPACE = "payments"


@dataclass(frozen=True, slots=True)
class Pod:
    """A sandbox: the runtime's ID for it, its address as the runtime reports it, and its network namespace."""

    daemon: Daemon
    id: str
    address: str
    netns: str

    def inside(self, *argv: str) -> Any:
        """Run a command that answers in JSON in the pod's network namespace."""
        return json.loads(self.daemon.containerd.node.run("nsenter", f"--net={self.netns}", *argv))

    def call(self, verb: str, plugin: str = "podberth") -> dict[str, Any]:
        """Call the shim as libcni does, with what libcni has in its cache; AssertionError with the plugin's error."""
        node, root = self.daemon.containerd.node, self.daemon.containerd.root
        (path,) = [path for path in node.cached() if f"-{self.id}-eth0" in path]
        kept = json.loads(node.run("cat", path))
        args = ";".join(f"{key}={value}" for key, value in kept["cniArgs"])
        network = json.loads((root / "net.d" / "10-bank.conflist").read_text())
        conf = {
            **network["plugins"][0],
            "name": network["name"],
            "cniVersion": network["cniVersion"],
            "prevResult": kept["result"],
        }
        conf.pop("capabilities")
        variables = [f"CNI_COMMAND={verb}", f"CNI_CONTAINERID={self.id}", f"CNI_NETNS={self.netns}", "CNI_IFNAME=eth0"]
        variables += [f"CNI_ARGS={args}", f"CNI_PATH={root / 'bin'}", "PATH=/nonexistent"]
        script = 'cat "$1" | env -i "${@:3}" "$2"'
        file = self.daemon.folder / f"call-{uuid.uuid4().hex[:8]}.json"
        file.write_text(json.dumps(conf))
        out = node.run("bash", "-c", script, "bash", str(file), str(root / "bin" / plugin), *variables)
        return dict(json.loads(out)) if out else {}

    def remove(self) -> None:
        """StopPodSandbox, then RemovePodSandbox, as kubelet ends a pod."""
        for call in ("StopPodSandbox", "RemovePodSandbox"):
            self.daemon.containerd.cri.call(call, {"pod_sandbox_id": self.id})


def start(daemon: Daemon, name: str) -> Pod:
    """Have the runtime make a sandbox for the pod of that name."""
    cri = daemon.containerd.cri
    config = {
        "metadata": {"name": name, "uid": str(uuid.uuid4()), "namespace": NAMESPACE, "attempt": 0},
        "hostname": name,
        "log_directory": str(daemon.containerd.root / "logs"),
        "linux": {"cgroup_parent": daemon.cgroup},
    }
    made = str(cri.call("RunPodSandbox", {"config": config})["pod_sandbox_id"])
    answer = cri.call("PodSandboxStatus", {"pod_sandbox_id": made, "verbose": True})
    namespaces = json.loads(answer["info"]["info"])["runtimeSpec"]["linux"]["namespaces"]
    netns = next(each["path"] for each in namespaces if each["type"] == "network")
    return Pod(daemon=daemon, id=made, address=str(answer["status"]["network"]["ip"]), netns=str(netns))


@contextlib.contextmanager
def pod(daemon: Daemon, name: str) -> Iterator[Pod]:
    """Have a pod of that name until the end."""
    made = start(daemon, name)
    try:
        yield made
    finally:
        made.remove()
