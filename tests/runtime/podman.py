"""Debian 12's podman with its CNI back end: storage, configuration and networks of its own, on a node of its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.runtime import image, recording
from tests.runtime.containerd import BUILT
from tests.runtime.node import node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtime.node import Node

TOOLS = {"podman": "podman", "conmon": "conmon", "runc": "runc", "busybox": "busybox-static", "nsenter": "util-linux"}
# Of a path there is none but below {root}. static_dir stays where podman looks for it when it cleans up.
_CONTAINERS = """\
[containers]
apparmor_profile = ""
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{root}/tmp"
volume_path = "{root}/volumes"
[network]
network_backend = "cni"
cni_plugin_dirs = ["{root}/bin"]
network_config_dir = "{root}/net.d"
default_network = "banknet"
"""
_STORAGE = """\
[storage]
driver = "{driver}"
graphroot = "{root}/storage"
runroot = "{root}/run"
"""


@dataclass
class Podman:
    """One podman, everything of it in `root`; its calls of podberth are written down in `calls`."""

    node: Node
    root: Path

    @property
    def state(self) -> Path:
        """The folder of podberth's store."""
        return self.root / "state"

    @property
    def calls(self) -> Path:
        """The folder of the calls."""
        return self.root / "calls"

    @property
    def environment(self) -> list[str]:
        """What goes before a command that is to find this podman's configuration."""
        files = (f"CONTAINERS_CONF={self.root}/containers.conf", f"CONTAINERS_STORAGE_CONF={self.root}/storage.conf")
        # A test process has a service of podman named in its environment, and nothing there.
        return ["env", "--unset=CONTAINER_HOST", *files, f"HOME={self.root}"]

    def run(self, *argv: str) -> str:
        """Run podman; return what it prints."""
        return self.node.run(*self.environment, "podman", *argv)

    def podberth(self, *argv: str) -> str:
        """Run the command line on this node's store."""
        return self.node.run(sys.executable, "-m", "podberth.cli.main", "--state", str(self.state), *argv)

    def network(self, name: str, **changes: object) -> None:
        """Make a network of podberth's."""
        podberth = {
            "type": "podberth",
            "bridge": f"br-{name}"[:15],
            "pool": "db",
            "stateDir": str(self.state),
            **changes,
        }
        whole = {"cniVersion": "1.0.0", "name": name, "plugins": [podberth]}
        (self.root / "net.d" / f"{name}.conflist").write_text(json.dumps(whole))

    def start(self, name: str, *options: str) -> str:
        """Start a container that sleeps; return its ID."""
        return self.run("run", "--detach", "--name", name, *options, image.NAME).strip()

    def remove(self, name: str) -> None:
        """End a container and take it away."""
        self.run("rm", "--force", "--time", "0", name)

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what podman says of a container."""
        return dict(json.loads(self.run("inspect", name))[0])

    def left(self) -> list[str]:
        """List what containers make and podman or podberth should have taken away; bridges are meant to stay."""
        links = [link for link in self.node.links() if link != "lo" and not link.startswith("br-")]
        leases = json.loads(self.podberth("leases", "--json"))["leases"]
        return [*links, *self.node.network_namespaces(), *self.node.cached(), *map(str, leases)]


@contextlib.contextmanager
def podman(documents: str) -> Iterator[Podman]:
    """Have a podman with an image, a network `banknet`, and these documents in force."""
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    assert not missing, f"install these packages of Debian: {' '.join(missing)}"
    with TemporaryDirectory(prefix="podberth-podman-") as folder, node() as on:
        made = Podman(node=on, root=Path(folder))
        _lay_out(made)
        (made.root / "documents.yaml").write_text(documents)
        made.podberth("apply", "-f", str(made.root / "documents.yaml"))
        archive = made.root / "image.tar"
        image.write(Path(shutil.which("busybox") or ""), archive)
        made.run("load", "--quiet", "--input", str(archive))
        yield made
        made.run("rm", "--all", "--force", "--time", "0")


def _lay_out(made: Podman) -> None:
    for folder in ("bin", "net.d", "tmp"):
        (made.root / folder).mkdir()
    recording.install(made.root / "bin", BUILT / "podberth", made.calls)
    driver = "overlay" if made.node.overlays(made.root) else "vfs"
    (made.root / "containers.conf").write_text(_CONTAINERS.format(root=made.root))
    (made.root / "storage.conf").write_text(_STORAGE.format(root=made.root, driver=driver))
    made.network("banknet")
