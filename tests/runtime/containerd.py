"""containerd with its own folders, socket, image and configuration, started and killed by process ID."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.checkout import ROOT
from tests.runtime import image, recording
from tests.runtime.cgroups import CGROUPS
from tests.runtime.cri import Cri, Refused
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.runtime.node import Node
    from tests.runtime.release import Release

BUILT = ROOT / "build" / "cni"
DEBIAN = Path("/usr/lib/cni")
CRI_CGROUPS = "*/k8s.io"  # of what is in the namespace of the CRI and no pod, under every controller
TOOLS = {"containerd": "containerd", "ctr": "containerd", "runc": "runc", "busybox": "busybox-static"}
TOOLS |= {"iptables": "iptables", "nsenter": "util-linux", "tc": "iproute2", "ps": "procps", "ping": "iputils-ping"}

# Every call of podberth is written down before it is made; it goes to an agent where a test has named one's socket.
_WRITTEN_DOWN = """\
#!/bin/sh
test -f {socket} && PODBERTH_SOCKET=$(cat {socket}) && export PODBERTH_SOCKET
echo "$CNI_COMMAND $CNI_CONTAINERID ${{CNI_NETNS:--}}" >>{calls}
exec {plugin}
"""


class Containerd:
    """One containerd on a node, with everything of its own in `root`."""

    def __init__(self, node: Node, root: Path, release: Release) -> None:
        missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
        assert not missing, f"install these packages of Debian: {' '.join(missing)}"
        assert (DEBIAN / "portmap").exists(), "install containernetworking-plugins"
        assert (BUILT / "podberth").exists(), "run `make build`"
        self.node = node
        self.root = root
        self.release = release
        self.socket_file = root / "socket"
        self.calls_file = root / "calls"
        self._snapshotter = "overlayfs" if node.overlays(root) else "native"
        self._process: subprocess.Popen[bytes] | None = None
        self._cgroups = set(CGROUPS.glob(CRI_CGROUPS))
        self._lay_out()

    def _lay_out(self) -> None:
        for folder in ("bin", "net.d", "logs", "tmp", "cdi", "nri"):
            (self.root / folder).mkdir()
        for plugin in (*DEBIAN.iterdir(), BUILT / "sriov"):
            (self.root / "bin" / plugin.name).symlink_to(plugin)
        (self.root / "bin" / "podberth").write_text(
            _WRITTEN_DOWN.format(calls=self.calls_file, socket=self.socket_file, plugin=BUILT / "podberth")
        )
        (self.root / "bin" / "podberth").chmod(0o755)
        (self.root / "config.toml").write_text(
            self.release.configuration.format(root=self.root, image=image.NAME, snapshotter=self._snapshotter)
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        # The shell says which ID containerd has on the node; nsenter's own is another.
        script = 'echo $$ >"$1/pid"; exec containerd --config "$1/config.toml" --log-level warn >>"$1/log" 2>&1'
        environment = {
            "PATH": self.release.path(os.environ["PATH"]),
            "TMPDIR": str(self.root / "tmp"),
            "HOME": str(self.root),
        }
        self._process = subprocess.Popen(
            self.node.command("sh", "-c", script, "containerd", str(self.root)), env=environment
        )
        self.cri = Cri(self.root / "containerd.sock")
        # It answers with an error while it still reads what ran before it was killed.
        until(self._ready, self.log_after("containerd is not ready"))

    def _ready(self) -> bool:
        try:
            self.cri.call("ListPodSandbox")
        except Refused:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL to it and nothing else: its pods run on."""
        assert self._process is not None
        self.cri.close()
        self.node.run("kill", "-KILL", (self.root / "pid").read_text().strip())
        self._process.wait()

    def close(self) -> None:
        """Kill it if it runs; take away the cgroups that it made for containers of no pod, which it keeps.

        They have one name on a machine: what another containerd still uses, that one takes away.
        """
        if self._process is not None and self._process.poll() is None:
            self.kill()
        for path in set(CGROUPS.glob(CRI_CGROUPS)) - self._cgroups:
            with contextlib.suppress(OSError):
                path.rmdir()

    def bring_image(self) -> None:
        """Make the image of sandboxes and containers, and wait until the CRI has it."""
        archive = self.root / "image.tar"
        image.write(Path(shutil.which("busybox") or ""), archive)
        self.bring(archive, image.NAME)
        archive.unlink()

    def bring(self, archive: Path, name: str) -> None:
        """Import an archive of the OCI layout, and wait until the CRI has its image."""
        self.ctr("images", "import", "--snapshotter", self._snapshotter, str(archive))
        asked = {"image": {"image": name}}
        until(
            lambda: self.cri.call("ImageStatus", asked, service="ImageService"), self.log_after(f"{name} is not there")
        )

    def ctr(self, *argv: str) -> str:
        """Run containerd's own client in the CRI's namespace."""
        return self.node.run(self.release.ctr, "-n", "k8s.io", "-a", str(self.root / "containerd.sock"), *argv)

    def use(self, network: Mapping[str, object]) -> None:
        """Make this list of plugins the only network, and wait until the runtime has read it."""
        name = str(network["name"])
        # Written in place: the runtime looks again when a file is written in the folder, not when one is moved there.
        (self.root / "net.d" / "10-network.conflist").write_text(json.dumps(network))
        until(lambda: f'"{name}"' in self._networks(), self.log_after(f"network {name} was not read"))

    def _networks(self) -> str:
        answer = self.cri.call("Status", {"verbose": True})
        return "".join(str(text) for text in answer["info"].values())

    def network_condition(self) -> tuple[bool, str]:
        """Return whether the runtime tells kubelet that its network is ready, and what it says of it."""
        conditions = self.cri.call("Status")["status"]["conditions"]
        found = next(one for one in conditions if one["type"] == "NetworkReady")
        return bool(found.get("status", False)), str(found.get("message", ""))

    def calls(self, container_id: str) -> list[tuple[str, str]]:
        """Return the calls of podberth for a sandbox, in order: CNI_COMMAND and CNI_NETNS, `-` for an empty one."""
        rows = [line.split() for line in self.calls_file.read_text().splitlines()]
        return [(row[0], row[2]) for row in rows if row[1] == container_id]

    @contextlib.contextmanager
    def recording(self) -> Iterator[Path]:
        """Have the calls of podberth written down in a folder, instead of in the list of calls."""
        plugin, folder = self.root / "bin" / "podberth", self.root / "recorded"
        usual = plugin.read_text()
        recording.install(self.root / "bin", BUILT / "podberth", folder)
        try:
            yield folder
        finally:
            plugin.write_text(usual)
            shutil.rmtree(folder)

    def log_after(self, trouble: str) -> Callable[[], str]:
        """Return what a wait says that is in vain: the trouble, and the end of the runtime's log."""
        return lambda: f"{trouble}: {(self.root / 'log').read_text()[-3000:]}"
