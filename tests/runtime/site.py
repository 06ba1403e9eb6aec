"""One test's network on the session's runtime: its documents, its pods, and a list of what is left in the end."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.runtime import cgroups, image
from tests.runtime.cgroups import CGROUPS
from tests.runtime.cri import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.runtime.containerd import Containerd
    from tests.runtime.node import Node

STORED = ("leases", "attachments")  # tables of the store that hold what is live
POD_NAMESPACE = "bank"
DEBIANS_PLUGINS = "1.0.0"  # the newest version of the specification that containernetworking-plugins 1.1 speaks


@dataclass(frozen=True)
class Sandbox:
    """A pod's sandbox: the runtime's ID for it, and what it was asked for with."""

    id: str
    config: Mapping[str, Any]


@dataclass
class Site:
    """A podberth network on one runtime, with a store in `folder`, named after `mark`; `network` is its name now."""

    containerd: Containerd
    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    first: list[str] = field(default_factory=list)
    network: str = ""

    @property
    def node(self) -> Node:
        """The node it all runs on."""
        return self.containerd.node

    @property
    def state(self) -> Path:
        """The folder of the store."""
        return self.folder / "state"

    @property
    def bridge(self) -> str:
        """The network's bridge."""
        return f"br-{self.mark}"

    @property
    def cgroup(self) -> str:
        """The cgroup that all pods of this test are below."""
        return f"podberth-{self.mark}"

    def podberth(self, *argv: str) -> str:
        """Run the command line on this network's store."""
        return self.node.run(sys.executable, "-m", "podberth.cli.main", "--state", str(self.state), *argv)

    def apply(self, documents: str) -> None:
        """Put documents in force."""
        file = self.folder / "documents.yaml"
        file.write_text(documents)
        self.podberth("apply", "-f", str(file))

    def use(self, *after: Mapping[str, object], **changes: object) -> None:
        """Make podberth, with these changes to its configuration, and the plugins `after` it the runtime's network."""
        podberth = {"type": "podberth", "bridge": self.bridge, "pool": "db", "stateDir": str(self.state), **changes}
        self.network = f"net-{uuid.uuid4().hex[:8]}"
        version = DEBIANS_PLUGINS if after else self.containerd.release.cni_version
        self.containerd.use({"cniVersion": version, "name": self.network, "plugins": [podberth, *after]})

    def run(self, name: str, **changes: object) -> Sandbox:
        """Have the runtime make a new sandbox for the pod of that name; Refused with what the runtime says."""
        uid = str(uuid.uuid4())
        config = {
            "metadata": {"name": name, "uid": uid, "namespace": POD_NAMESPACE, "attempt": 0},
            "hostname": name,
            "log_directory": str(self.containerd.root / "logs"),
            "linux": {"cgroup_parent": f"/{self.cgroup}"},
            **changes,
        }
        answer = self.containerd.cri.call("RunPodSandbox", {"config": config})
        return Sandbox(id=str(answer["pod_sandbox_id"]), config=config)

    def stop(self, sandbox: Sandbox) -> None:
        """StopPodSandbox, once."""
        self.containerd.cri.call("StopPodSandbox", {"pod_sandbox_id": sandbox.id})

    def remove(self, sandbox: Sandbox) -> None:
        """StopPodSandbox, then RemovePodSandbox, as kubelet ends a pod."""
        self.stop(sandbox)
        self.containerd.cri.call("RemovePodSandbox", {"pod_sandbox_id": sandbox.id})

    def status(self, sandbox: Sandbox) -> dict[str, Any]:
        """Return the sandbox's status as the CRI has it."""
        return dict(self._asked(sandbox)["status"])

    def address(self, sandbox: Sandbox) -> str:
        """Return the address that the runtime reports for the pod."""
        return str(self.status(sandbox)["network"].get("ip", ""))

    def info(self, sandbox: Sandbox) -> dict[str, Any]:
        """Return what containerd says beyond the CRI: the pause process, its OCI specification, the CNI result."""
        return dict(json.loads(self._asked(sandbox)["info"]["info"]))

    def netns(self, sandbox: Sandbox) -> str:
        """Return the path of the sandbox's network namespace."""
        namespaces = self.info(sandbox)["runtimeSpec"]["linux"]["namespaces"]
        return str(next(each["path"] for each in namespaces if each["type"] == "network"))

    def _asked(self, sandbox: Sandbox) -> dict[str, Any]:
        return self.containerd.cri.call("PodSandboxStatus", {"pod_sandbox_id": sandbox.id, "verbose": True})

    def inside(self, sandbox: Sandbox, *argv: str) -> str:
        """Run a command of the node in the pod's network namespace."""
        return self.node.run("nsenter", f"--net={self.netns(sandbox)}", *argv)

    def container(self, sandbox: Sandbox, *devices: str) -> str:
        """Start a container of busybox in the pod, with these devices of CDI; return its ID."""
        config = {
            "metadata": {"name": f"main-{uuid.uuid4().hex[:8]}"},
            "image": {"image": image.NAME},
            "log_path": f"{sandbox.id}.log",
            "CDI_devices": [{"name": name} for name in devices],
        }
        asked = {"pod_sandbox_id": sandbox.id, "config": config, "sandbox_config": sandbox.config}
        made = self.containerd.cri.call("CreateContainer", asked)
        self.containerd.cri.call("StartContainer", made)
        return str(made["container_id"])

    def exec(self, container: str, *argv: str) -> int:
        """ExecSync in a container; return the command's status."""
        asked = {"container_id": container, "cmd": list(argv), "timeout": "60"}
        return int(self.containerd.cri.call("ExecSync", asked).get("exit_code", 0))

    def rows(self, table: str) -> list[tuple[object, ...]]:
        """Return the rows of a table of the store."""
        with contextlib.closing(sqlite3.connect(self.state / "podberth.db")) as database:
            return list(database.execute(f"SELECT * FROM {table}"))

    def inventory(self) -> list[str]:
        """List all that pods make, from links to the store's live rows."""
        sandboxes = self.containerd.cri.call("ListPodSandbox").get("items", [])
        return [
            *(f"link {name}" for name in self.node.links()),
            *(f"network namespace {path}" for path in self.node.network_namespaces()),
            *(f"rule {rule}" for rule in self.node.rules()),
            *(f"file {path}" for path in self.node.cached()),
            *(f"mount {path}" for path in self.node.mounts(str(self.containerd.root))),
            *(f"cgroup {path}" for path in CGROUPS.glob(f"*/{self.cgroup}/*/")),
            *(f"shim {pid}" for pid in self.node.processes("containerd-shim-runc-v2")),
            *(f"sandbox {each['id']}" for each in sandboxes),
            *(f"{table} {row}" for table in STORED for row in self.rows(table)),
        ]

    def left_behind(self) -> list[str]:
        """Return what is there and was not when the test began; the network's bridge is meant to stay."""
        return sorted(set(self.inventory()) - set(self.first) - {f"link {self.bridge}"})

    def clear(self) -> None:
        """End all pods, however the test ended, and take away the bridge and the cgroup."""
        for each in self.containerd.cri.call("ListPodSandbox").get("items", []):
            with contextlib.suppress(Refused):  # the test has already failed for it
                self.remove(Sandbox(id=each["id"], config={}))
        if self.bridge in self.node.links():
            self.node.run("ip", "link", "delete", self.bridge)
        cgroups.remove(f"*/{self.cgroup}")


@contextlib.contextmanager
def site(containerd: Containerd, folder: Path, documents: str) -> Iterator[Site]:
    """Make a network with these documents in force."""
    made = Site(containerd=containerd, folder=folder)
    made.apply(documents)
    made.use()
    made.first = made.inventory()
    try:
        yield made
    finally:
        made.clear()
