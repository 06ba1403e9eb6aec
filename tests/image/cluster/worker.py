"""A node with Debian 12's containerd and a kubelet: everything that they and the manifests name is the node's own."""

from __future__ import annotations

import contextlib
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests import programs
from tests.image.cluster.control import ADDRESS, ControlPlane
from tests.runtime import cgroups, image
from tests.runtime.cgroups import CGROUPS
from tests.runtime.containerd import DEBIAN, Containerd
from tests.runtime.node import NETNS, node
from tests.runtime.release import debian_12

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtime.node import Node
    from tests.runtime.release import Release

NAME = "worker-1"
# The folders that the host has for itself: those that kubelet, runtime and the manifests' hostPaths lead to.
_OWN = f"""
set -e
mkdir /run/etc && cp -a /etc/. /run/etc && mount --bind /run/etc /etc
mount -t tmpfs tmpfs /opt
mount -t tmpfs tmpfs /var/log
mkdir -p /opt/cni/bin /etc/cni/net.d
cp {DEBIAN}/loopback /opt/cni/bin  # of every host, and asked for by every runtime
rm -rf /etc/machine-id  # of a host that has none a mount of another test may have made a folder
echo "$1" >/etc/machine-id
mount --bind {NETNS} {NETNS}
mount --make-rshared {NETNS}
"""


class Worker:
    """The node: its runtime, and a control plane for it alone, which ends with it."""

    def __init__(self, made: Node, folder: Path) -> None:
        self.node = made
        self.folder = folder
        self.mark = uuid.uuid4().hex
        made.run("sh", "-c", _OWN, "sh", self.mark)
        (folder / "runtime").mkdir()
        self.containerd = Containerd(made, folder / "runtime", _of_a_host(debian_12()))
        (folder / "control").mkdir()
        self.control = ControlPlane(made, folder / "control")

    @property
    def cgroup(self) -> str:
        """The cgroup that all of the kubelet's are below."""
        return f"/podberth-{self.mark[:8]}"

    def start(self, archive: Path, name: str) -> None:
        """Start runtime and control plane, with an image beside that of pods; the node joins by `start_kubelet`."""
        with ThreadPoolExecutor() as aside:
            serving = aside.submit(self.control.start)
            self.containerd.start()
            self.containerd.bring_image()
            self.containerd.bring(archive, name)
            serving.result()

    def start_kubelet(self) -> None:
        """Start the kubelet; its pods' cgroups are below one of its own."""
        assert Path("/dev/kmsg").exists(), "the kubelet reads /dev/kmsg: `mknod /dev/kmsg c 1 11`, or share the host's"
        for controller in CGROUPS.iterdir():
            if controller.is_dir():
                (controller / self.cgroup.strip("/")).mkdir()
        config = self.folder / "control" / "kubelet.json"
        config.write_text(json.dumps(self._configuration()))
        user = self.control.kubeconfig(f"system:node:{NAME}", "system:nodes")
        socket = self.containerd.root / "containerd.sock"
        self.control.run_for_ever(
            "kubelet", str(programs.kubernetes("kubelet", whole=True)), f"--config={config}", f"--kubeconfig={user}",
            "--container-runtime=remote", f"--container-runtime-endpoint=unix://{socket}", f"--node-ip={ADDRESS}",
            f"--hostname-override={NAME}", f"--pod-infra-container-image={image.NAME}",
        )  # fmt: skip

    def close(self) -> None:
        """End the runtime; the node's end ends the rest."""
        self.containerd.close()

    def sweep(self) -> None:
        """Take away the cgroups, once the node has ended and nothing is in them."""
        self.control.wait()
        cgroups.remove(f"*{self.cgroup}")

    def _configuration(self) -> dict[str, object]:
        authority = self.control.authority
        certificate, key = authority.issue("kubelet", NAME, hosts=f"IP:{ADDRESS}")
        resolver = self.folder / "control" / "resolv.conf"
        resolver.write_text("")
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": ADDRESS,
            "readOnlyPort": 0,
            "tlsCertFile": str(certificate),
            "tlsPrivateKeyFile": str(key),
            "authentication": {
                "x509": {"clientCAFile": str(authority.certificate)},
                "webhook": {"enabled": False},
                "anonymous": {"enabled": False},
            },
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self.cgroup,
            "enforceNodeAllocatable": ["pods"],
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "hairpinMode": "none",
            "resolvConf": str(resolver),
            "evictionHard": {"memory.available": "100Mi"},
            "imageGCHighThresholdPercent": 100,
            "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        }


@contextlib.contextmanager
def worker(archive: Path, name: str) -> Iterator[Worker]:
    """Have a node with runtime, an image, and a control plane, all of which is gone at the end."""
    # A short path: a socket's may have 107 bytes.
    with TemporaryDirectory(prefix="podberth-kubelet-") as folder, contextlib.ExitStack() as afterwards, node() as made:
        running = Worker(made, Path(folder))
        afterwards.callback(running.sweep)
        try:
            running.start(archive, name)
            yield running
        finally:
            running.close()


def _of_a_host(release: Release) -> Release:
    """Return the release with the folders of CNI where a host has them."""
    text = release.configuration.replace('"{root}/bin"', '"/opt/cni/bin"').replace('"{root}/net.d"', '"/etc/cni/net.d"')
    return replace(release, configuration=text)
