"""A kubelet of Debian's source package, 1.20.2, standalone on a node with containerd: its pods are files."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tests import programs
from tests.runtime import cgroups, image
from tests.runtime.cgroups import CGROUPS
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.containerd import Containerd

NAMESPACE = "default"
HOST = "edge-1"
_NETWORK = {"cniVersion": "1.0.0", "name": "none", "plugins": [{"type": "loopback"}]}


class Unscheduled(Exception):
    """A pod was not admitted."""


@dataclass(frozen=True)
class Started:
    """A pod that runs: as the kubelet calls it, with its devices and its container's variables."""

    name: str
    uid: str
    devices: frozenset[str]
    variables: dict[str, str]
    resource: str = "bank.example/storage"


class KubeletOfDevices(Protocol):
    """What the suite asks of a kubelet. `root` is its folder, as it is to be seen from here."""

    root: Path

    def forget(self) -> None:
        """Have `healthy` say nothing of what was so before."""

    def healthy(self, resource: str) -> set[str]:
        """Return the devices that it counts."""

    def start_pod(self, name: str, resource: str, count: int = 1) -> Started:
        """Start a pod that asks for so many devices."""

    def end_pod(self, pod: Started) -> None:
        """Have the pod end."""

    def restart(self) -> None:
        """Start it anew."""


class RealKubelet:
    """The kubelet, on the node of a containerd."""

    def __init__(self, containerd: Containerd, folder: Path, mark: str) -> None:
        self._containerd, self._folder, self._mark = containerd, folder, mark
        self._node = containerd.node
        self._started = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._pods: list[Started] = []
        self._before = (0, 0)
        self.root = Path(f"/proc/{self._node.pid}/root/var/lib/kubelet")
        for each in ("manifests", "out"):
            (folder / each).mkdir()
        (folder / "resolv.conf").write_text("")
        (folder / "kubelet.json").write_text(json.dumps(self._configuration()))
        containerd.use(_NETWORK)
        for controller in CGROUPS.iterdir():
            if controller.is_dir():
                (controller / self._cgroup).mkdir()
        self._start()

    @property
    def _cgroup(self) -> str:
        return f"podberth-{self._mark}"

    def close(self) -> None:
        """End it, and its pods."""
        for each in (self._folder / "manifests").iterdir():
            each.unlink()
        until(lambda: not self._containerd.cri.call("ListPodSandbox").get("items"), self._log("pods do not end"))
        self._kill()
        cgroups.remove(f"*/{self._cgroup}")

    def restart(self) -> None:
        """Start it anew, by a kill; its pods run on."""
        self._kill()
        self.forget()
        self._start()

    def forget(self) -> None:
        """Have `healthy` say nothing of what was so before: the checkpoint is written at news of devices alone."""
        self._before = self._written()

    def healthy(self, resource: str) -> set[str]:
        """Return the devices that it counts, by its checkpoint."""
        if self._written() == self._before:
            return set()
        return set(self._checkpoint().get("RegisteredDevices", {}).get(resource) or ())

    def start_pod(self, name: str, resource: str, count: int = 1) -> Started:
        """Write the pod's file; wait until its container has said which variables it has."""
        self._started += 1
        name = f"{name}-{self._started}"  # what one of before has said is not taken for its own
        out = self._folder / "out" / name
        limits = {resource: str(count), "cpu": "10m", "memory": "16Mi"}
        container = {
            "name": "main",
            "image": image.NAME,
            "imagePullPolicy": "Never",
            "command": ["/bin/sh", "-c", f"export -p >/out/{name}.new; echo done >>/out/{name}.new; sleep 3600"],
            "resources": {"limits": limits, "requests": limits},
            "volumeMounts": [{"name": "out", "mountPath": "/out"}],
        }
        spec = {
            "containers": [container],
            "hostNetwork": True,
            "terminationGracePeriodSeconds": 1,
            "volumes": [{"name": "out", "hostPath": {"path": str(out.parent)}}],
        }
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}
        (self._folder / "manifests" / f"{name}.json").write_text(json.dumps(document))
        said = out.with_suffix(".new")
        until(lambda: said.exists() and "done" in said.read_text(), self._log(f"{name} does not start"))
        variables = dict(re.findall(r"^export (\w+)='(.*)'$", said.read_text(), re.MULTILINE))
        given = frozenset(variables[_variable(resource)].split(","))
        uid = next(uid for uid, devices in self._given() if devices == given)
        made = Started(name=f"{name}-{HOST}", uid=uid, devices=given, variables=variables)
        self._pods.append(made)
        return made

    def end_pod(self, pod: Started) -> None:
        """Remove the pod's file; wait until its sandbox has gone."""
        self._pods.remove(pod)
        (self._folder / "manifests" / f"{pod.name.removesuffix(f'-{HOST}')}.json").unlink()

        def gone() -> bool:
            every = self._containerd.cri.call("ListPodSandbox").get("items", ())
            return not any(pod.uid in json.dumps(one) for one in every)

        until(gone, self._log(f"{pod.name} does not end"))

    def end_pods(self) -> None:
        """Have all pods end."""
        for pod in tuple(self._pods):
            self.end_pod(pod)

    def _given(self) -> list[tuple[str, frozenset[str]]]:
        """Return the UID of each pod with devices, and which."""
        entries: Any = self._checkpoint()["PodDeviceEntries"]
        return [
            (each["PodUID"], frozenset(device for listed in each["DeviceIDs"].values() for device in listed))
            for each in entries
        ]

    def _written(self) -> tuple[int, int]:
        try:
            at = (self.root / "device-plugins" / "kubelet_internal_checkpoint").stat()
        except OSError:
            return 0, 0
        return at.st_ino, at.st_mtime_ns

    def _checkpoint(self) -> dict[str, Any]:
        file = self.root / "device-plugins" / "kubelet_internal_checkpoint"
        return dict(json.loads(file.read_text())["Data"]) if file.exists() else {}

    def _start(self) -> None:
        socket = self._containerd.root / "containerd.sock"
        command = self._node.command(
            "sh", "-c", 'echo $$ >"$0/pid"; exec "$@" >>"$0/log" 2>&1', str(self._folder),
            str(programs.kubernetes("kubelet", whole=True)), f"--config={self._folder / 'kubelet.json'}",
            "--container-runtime=remote", f"--container-runtime-endpoint=unix://{socket}",
            f"--hostname-override={HOST}", f"--pod-infra-container-image={image.NAME}", "--v=2",
        )  # fmt: skip
        before = self._identity()
        self._process = subprocess.Popen(command)
        until(lambda: self._identity() not in (None, before), self._log("the kubelet does not start"))

    def _identity(self) -> tuple[int, int] | None:
        try:
            at = (self.root / "device-plugins" / "kubelet.sock").stat()
        except OSError:
            return None
        return at.st_ino, at.st_ctime_ns

    def _kill(self) -> None:
        assert self._process is not None
        self._node.run("kill", "-KILL", (self._folder / "pid").read_text().strip())
        self._process.wait()

    def _log(self, trouble: str) -> Callable[[], str]:
        log = self._folder / "log"
        return lambda: f"{trouble}: {log.read_text()[-3000:] if log.exists() else ''}"

    def _configuration(self) -> dict[str, object]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "enableServer": False,
            "staticPodPath": str(self._folder / "manifests"),
            "fileCheckFrequency": "500ms",
            "authentication": {"webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self._cgroup}",
            "enforceNodeAllocatable": ["pods"],
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "hairpinMode": "none",
            "resolvConf": str(self._folder / "resolv.conf"),
            "evictionHard": {"memory.available": "100Mi"},
            "imageGCHighThresholdPercent": 100,
            "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        }


def _variable(resource: str) -> str:
    return "PCIDEVICE_" + re.sub("[^A-Za-z0-9]", "_", resource).upper()
