"""The pod of the DaemonSet, as kubelet has the runtime start it: its init containers in turn, then the agent.

Everything is read from deploy/. Only the host's folders are others than the manifest names: folders of the test. Those
below /run stay, as the node of the test has a /run of its own.
"""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.contract.install import manifests
from tests.image.building import NAME
from tests.runtime import cgroups
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.containerd import Containerd

NODE_NAME = "worker-1"
EXITED = 2
RUNNING = 1
_UNITS = {"Mi": 1 << 20}


@dataclass
class Daemon:
    """The pod on one runtime; `folder` has what the manifest expects on the host."""

    containerd: Containerd
    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    sandbox: str = ""
    agent: str = ""
    chosen: str = ""
    ended: dict[str, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.manifest = manifests.one("overlays/kubernetes", "DaemonSet", "podberth-agent")
        self.spec: dict[str, Any] = self.manifest["spec"]["template"]["spec"]
        self.config = {
            "metadata": {"name": "podberth-agent-x", "uid": self.mark, "namespace": "podberth-system", "attempt": 0},
            "log_directory": str(self.containerd.root / "logs"),
            "linux": {
                "cgroup_parent": self.cgroup,
                "security_context": {"namespace_options": self._namespaces(), "privileged": True},
            },
        }

    @property
    def cgroup(self) -> str:
        """The cgroup that the pod, and those of the tests, are below."""
        return f"/podberth-{self.mark}"

    def start(self) -> None:
        """Start the pod: its init containers, each to its end, then the agent.

        There is no API server here, so between them the store is made the node's own, by a container like the first.
        """
        made = self.containerd.cri.call("RunPodSandbox", {"config": self.config})
        self.sandbox = str(made["pod_sandbox_id"])
        for container in self.spec["initContainers"]:
            self.run(container)
        self.chosen = (self.host("/var/lib/podberth") / "store.json").read_text()
        self.run({**self.spec["initContainers"][0], "name": "own", "args": ["store", "use", "sqlite"]})
        self.start_agent()

    def start_agent(self) -> None:
        """Start the agent's container, and wait until the readiness probe is content."""
        (container,) = self.spec["containers"]
        self.agent = self._create(container)
        probe = container["readinessProbe"]["httpGet"]
        url = f"http://{probe['host']}:{probe['port']}{probe['path']}"
        until(
            lambda: self.containerd.node.succeeds("busybox", "wget", "-q", "-O", "/dev/null", url),
            self.containerd.log_after("never ready"),
        )

    def run(self, container: dict[str, Any]) -> int:
        """Run a container of the pod to its end; return its status."""
        made = self._create(container)
        until(
            lambda: self.status(made).get("state") == EXITED, self.containerd.log_after(f"{container['name']} goes on")
        )
        code = int(self.status(made).get("exit_code", 0))
        self.ended[container["name"]] = (code, self.log(container["name"]))
        return code

    def status(self, container: str) -> dict[str, Any]:
        """Return the state of a container as the runtime has it."""
        return dict(self.containerd.cri.call("ContainerStatus", {"container_id": container})["status"])

    def stop_agent(self) -> int:
        """Stop the agent as kubelet does at an upgrade; return its status."""
        asked = {"container_id": self.agent, "timeout": str(self.spec["terminationGracePeriodSeconds"])}
        self.containerd.cri.call("StopContainer", asked)
        return int(self.status(self.agent).get("exit_code", 0))

    def log(self, name: str) -> str:
        """Return what a container wrote."""
        files = sorted((self.containerd.root / "logs").glob(f"{self.mark}-{name}-*.log"))
        return "".join(file.read_text() for file in files)

    def exec(self, *argv: str) -> str:
        """Run a command in the agent's container, as `kubectl exec` does; AssertionError if it fails."""
        asked = {"container_id": self.agent, "cmd": list(argv), "timeout": "60"}
        answer = self.containerd.cri.call("ExecSync", asked)
        stdout, stderr = (base64.b64decode(answer.get(key, "")).decode() for key in ("stdout", "stderr"))
        assert not answer.get("exit_code", 0), f"{' '.join(argv)}: {stdout}{stderr}{self.log('agent')[-2000:]}"
        return stdout

    def close(self) -> None:
        """Stop the pod and remove it, with its containers and its cgroup."""
        if self.sandbox:
            for call in ("StopPodSandbox", "RemovePodSandbox"):
                self.containerd.cri.call(call, {"pod_sandbox_id": self.sandbox})
        cgroups.remove(f"*{self.cgroup}")

    def apply(self, example: str) -> None:
        """Put the documents of an example in force, those that are podberth's own, by the agent's container."""
        documents = [each for each in manifests.example(example) if each["apiVersion"].startswith("podberth.io/")]
        file = self.host("tmp") / example
        file.write_text("\n---\n".join(json.dumps(each) for each in documents))
        self.exec("podberth", "apply", "-f", f"/tmp/{example}")

    def host(self, path: str) -> Path:
        """Return the folder that stands for one of the host's."""
        known = {"/opt/cni/bin": self.containerd.root / "bin", "/etc/cni/net.d": self.containerd.root / "net.d"}
        return known.get(path) or self.folder / path.strip("/").replace("/", "-")

    def _create(self, container: dict[str, Any]) -> str:
        config = {
            "metadata": {"name": container["name"], "attempt": len(list((self.containerd.root / "logs").iterdir()))},
            "image": {"image": NAME},
            "args": [self._value(word, container) for word in container["args"]],
            "envs": [{"key": name, "value": value} for name, value in self._variables(container).items()],
            "mounts": [self._mount(mount) for mount in container.get("volumeMounts", [])],
            "log_path": f"{self.mark}-{container['name']}-{uuid.uuid4().hex[:6]}.log",
            "linux": {
                "resources": {"memory_limit_in_bytes": str(_bytes(container["resources"]["limits"]["memory"]))},
                "security_context": self._security(container["securityContext"]),
            },
        }
        asked = {"pod_sandbox_id": self.sandbox, "config": config, "sandbox_config": self.config}
        made = self.containerd.cri.call("CreateContainer", asked)
        self.containerd.cri.call("StartContainer", made)
        return str(made["container_id"])

    def _namespaces(self) -> dict[str, int]:
        assert self.spec["hostNetwork"] is True
        assert self.spec["hostPID"] is False
        return {"network": 2, "pid": 1}

    def _security(self, context: dict[str, Any]) -> dict[str, object]:
        return {
            "privileged": context.get("privileged", False),
            "readonly_rootfs": context["readOnlyRootFilesystem"],
            "no_new_privs": context.get("allowPrivilegeEscalation") is False,
            "capabilities": {"drop_capabilities": context.get("capabilities", {}).get("drop", [])},
            "namespace_options": self._namespaces(),
        }

    def _variables(self, container: dict[str, Any]) -> dict[str, str]:
        fields = {"spec.nodeName": NODE_NAME, "metadata.namespace": "podberth-system"}
        variables = container.get("env", [])
        return {each["name"]: fields[each["valueFrom"]["fieldRef"]["fieldPath"]] for each in variables}

    def _value(self, word: str, container: dict[str, Any]) -> str:
        for name, value in self._variables(container).items():
            word = word.replace(f"$({name})", value)
        return word

    def _mount(self, mount: dict[str, Any]) -> dict[str, object]:
        (volume,) = [each for each in self.spec["volumes"] if each["name"] == mount["name"]]
        path = str(volume["hostPath"]["path"]) if "hostPath" in volume else ""
        if path.startswith("/run/"):
            self.containerd.node.run("mkdir", "-p", path)
            outside = path
        elif volume.get("hostPath", {}).get("type", "").startswith("File"):
            outside = path  # this machine's own file, which the pod reads only
            assert mount["readOnly"], f"{path} of this machine would be written"
        else:
            folder = self.host(path or volume["name"])
            folder.mkdir(exist_ok=True)
            outside = str(folder)
        return {
            "container_path": mount["mountPath"],
            "host_path": outside,
            "readonly": mount.get("readOnly", False),
            "propagation": {"HostToContainer": 1}.get(mount.get("mountPropagation", ""), 0),
        }


def _bytes(quantity: str) -> int:
    return int(quantity[:-2]) * _UNITS[quantity[-2:]]
