"""A node of its own for a runtime: mount, network and process namespaces that all end with its first process.

The folders whose place containerd and libcni do not let us choose (/run, /var/lib) are empty ones here, so nothing
is found that was there before, and whatever is found afterwards was left behind by what ran here.
"""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE = "/var/lib/cni"  # of libcni's results, of host-local's leases
NETNS = "/run/netns"
_SET_UP = f"""
set -e
# A mount of this machine's that stayed below would be taken for the node's.
for each in 1 2 3 4 5 6 7 8; do umount --recursive {NETNS} 2>/dev/null || break; done
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir -p /run/lock /run/cgroup {NETNS} {CACHE}
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --move /run/cgroup /sys/fs/cgroup
rmdir /run/cgroup
ip link set lo up
echo up
# The shell stays the first process: it takes note of the end of those whose parent has gone, as conmon's.
sleep infinity &
wait
"""


@dataclass(frozen=True)
class Node:
    """The namespaces, by the ID of their first process."""

    pid: int

    def command(self, *argv: str) -> list[str]:
        """Return the command that runs `argv` on the node."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", *argv]

    def run(self, *argv: str, timeout: float = 300) -> str:
        """Run a command on the node and return its stdout; AssertionError with its stderr if it fails."""
        done = subprocess.run(self.command(*argv), capture_output=True, text=True, check=False, timeout=timeout)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout

    def succeeds(self, *argv: str) -> bool:
        """Say whether a command on the node ends with status 0."""
        return subprocess.run(self.command(*argv), capture_output=True, check=False, timeout=300).returncode == 0

    def overlays(self, folder: Path) -> bool:
        """Say whether overlayfs can be mounted on the file system of a folder."""
        options = "lowerdir=o/l,upperdir=o/u,workdir=o/w"
        script = f"mkdir -p o/l o/u o/w o/m && mount -t overlay o -o {options} o/m && umount o/m"
        return self.succeeds("sh", "-c", f'cd "$1" && {script}', "sh", str(folder))

    def links(self) -> dict[str, dict[str, Any]]:
        """Return what `ip -details link` shows of each link, by name."""
        return {link["ifname"]: link for link in json.loads(self.run("ip", "-json", "-details", "link"))}

    def rules(self) -> list[str]:
        """List the rules of iptables, both families; not the frame for all pods, which portmap makes once and keeps."""
        tables = [self.run(save) for save in ("iptables-save", "ip6tables-save")]
        rules = sorted(line for table in tables for line in table.splitlines() if line.startswith("-A"))
        return [rule for rule in rules if "CNI-HOSTPORT-" not in rule or "CNI-DN-" in rule]

    def network_namespaces(self) -> list[str]:
        """List the named network namespaces: their files and their mounts."""
        return self.run("find", NETNS, "-mindepth", "1").splitlines() + self.mounts(NETNS)

    def mounts(self, below: str) -> list[str]:
        """List the mounts below a folder."""
        table = [line.split() for line in self.run("cat", "/proc/mounts").splitlines()]
        return sorted(row[1] for row in table if row[1].startswith(below + "/"))

    def cached(self) -> list[str]:
        """List the files that libcni and the plugins keep."""
        return sorted(self.run("find", CACHE, "-type", "f").splitlines())

    def processes(self, name: str) -> list[str]:
        """List the IDs of the processes whose program has this name, as the node numbers them."""
        table = [line.split() for line in self.run("ps", "-eo", "pid=,args=").splitlines()]
        return [row[0] for row in table if Path(row[1]).name == name]


def _stuck(pid: int) -> str:
    """Return what a process and those below it wait for in the kernel (proc(5), stack)."""
    told = ""
    for each in (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())):
        words = Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:80]
        below = _stuck(each) if each != pid else ""
        told += f"\n{each} {words}\n{Path(f'/proc/{each}/stack').read_text()}{below}"
    return told


@contextlib.contextmanager
def node() -> Iterator[Node]:
    """Make a node; all its processes, mounts and links are gone at the end."""
    # --kill-child: should this process die, the node's first does too, and all of the node with it.
    command = [
        "unshare",
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--propagation=private",
    ]
    starting = subprocess.Popen([*command, "sh", "-c", _SET_UP], stdout=subprocess.PIPE, text=True)
    assert starting.stdout is not None
    try:
        heard = select.select([starting.stdout], [], [], PATIENCE)[0]
        assert heard, f"the node does not come up: {_stuck(starting.pid)}"
        assert starting.stdout.readline() == "up\n", "the node's mounts were refused"
        # The only child of unshare is the node's first process.
        children = Path(f"/proc/{starting.pid}/task/{starting.pid}/children").read_text().split()
        yield Node(pid=int(children[0]))
    finally:
        starting.kill()
        starting.stdout.read()  # ends when the last process of the node did
        starting.wait()
        starting.stdout.close()
