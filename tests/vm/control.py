"""The control plane of the cluster whose one node is the VM: on this machine, where its programs are not emulated.

The VM reaches it by the gateway of its user network, which QEMU leads to this machine's loopback interface.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from tests import programs
from tests.servers.child import DIES_WITH_US, SELDOM_COLLECTING
from tests.servers.kube import KubeServer

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = "10.0.2.2"  # as the VM sees this machine: qemu(1), -netdev user
NODE = "worker-1"
AGENT = "podberth-agent"
JOINED = "cluster.json"  # in the exchange folder: what the node has to know, once all of it serves
# As docs/several-networks.md has them.
_RIGHTS = (
    ("k8s.cni.cncf.io", "network-attachment-definitions", ("get", "list", "watch")),
    ("", "pods", ("get", "list", "watch")),
    ("", "pods/status", ("patch",)),
    ("k8s.cni.cncf.io", "ipamclaims", ("get", "list")),
    ("k8s.cni.cncf.io", "ipamclaims/status", ("patch",)),
)
# What scheduler and controllers of 1.20 wait for at their start.
_ASKED_FOR = ("policy/v1beta1", "storage.k8s.io/v1beta1", "discovery.k8s.io/v1beta1", "batch/v1beta1")
_CONTROLLERS = "statefulset,nodelifecycle,podgc,garbagecollector"  # what a StatefulSet on one node needs


@dataclass(frozen=True)
class Joined:
    """What a node has to know: its kubelet's program, and kubeconfigs as the VM reads them."""

    kubelet: str
    operator: str
    node: str
    agent: str

    @classmethod
    def read(cls, exchange: Path) -> Joined | None:
        """Return what the machine outside has written; None while the control plane does not serve."""
        file = exchange / JOINED
        return cls(**json.loads(file.read_text())) if file.exists() else None

    def write(self, exchange: Path) -> None:
        """Tell the VM; half a file would be read as a whole one."""
        new = exchange / f"{JOINED}.new"
        new.write_text(json.dumps(asdict(self)))
        new.rename(exchange / JOINED)


class ControlPlane:
    """A context with etcd, kube-apiserver, scheduler and controller-manager; `root` is a folder for all of them."""

    def __init__(self, root: Path, exchange: Path) -> None:
        self._root, self._exchange = root, exchange
        self._server = KubeServer(root / "server", hosts=[f"IP:{GATEWAY}"], beta=_ASKED_FOR)
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._server.__enter__()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        for each in self._running:
            each.kill()
            each.wait()
        self._server.__exit__()

    def _start(self) -> None:
        server = self._server
        for name, more in (("kube-scheduler", ()), ("kube-controller-manager", (f"--controllers={_CONTROLLERS}",))):
            config = server.user(f"system:{name}", "system:masters")
            program = str(programs.kubernetes(name, whole=True))
            self._run(name, program, f"--kubeconfig={config}", "--leader-elect=false", "--port=0", "--secure-port=0",
                      *more)  # fmt: skip
        users: dict[str, tuple[str, ...]] = {
            "operator": ("operator", "system:masters"),
            "node": (f"system:node:{NODE}", "system:nodes"),
            "agent": (AGENT,),
        }
        server.allow(AGENT, *_RIGHTS)
        url = f"https://{GATEWAY}:{server.port}"
        known = {role: str(server.user(name, *groups, url=url)) for role, (name, *groups) in users.items()}
        Joined(kubelet=str(programs.kubernetes("kubelet", whole=True)), **known).write(self._exchange)

    def _run(self, name: str, *command: str) -> None:
        with (self._root / f"{name}.log").open("wb") as log:
            started = subprocess.Popen(
                [*DIES_WITH_US, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **SELDOM_COLLECTING},
            )  # fmt: skip
        self._running.append(started)
