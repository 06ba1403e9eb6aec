"""What calls are measured on: kinds of plugins of one shape, called by exec as a runtime does, in turn."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GO = Path("/usr/lib/cni")
BUILT = Path(__file__).parents[1] / "build" / "cni"
POOL = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: bench}
spec:
  subnets: [{subnet: 10.90.0.0/16, gateway: 10.90.0.1}]
"""


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A plugin's executable and the configuration it is called with; `socket` is where its agent is, if it has one."""

    binary: Path
    conf: Mapping[str, object]
    socket: Path = Path("/nonexistent")

    def call(self, verb: str, container: str, netns: str) -> float:
        """Exec it, with as little around that as there can be; return milliseconds. RuntimeError if it refuses."""
        env = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": container,
            "CNI_NETNS": f"/run/netns/{netns}",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(GO),
            "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=bench;K8S_POD_NAME={container}",
            "PATH": os.environ["PATH"],
            "PODBERTH_SOCKET": str(self.socket),
        }
        return spawned(str(self.binary), env, json.dumps(self.conf).encode())[0]


def spawned(binary: str, env: Mapping[str, str], stdin: bytes) -> tuple[float, bytes]:
    """Exec a plugin; return milliseconds and its stdout. RuntimeError if it refuses."""
    began = time.perf_counter()
    given, into = os.pipe()
    taken, out = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, given, 0), (os.POSIX_SPAWN_DUP2, out, 1)]
    process = os.posix_spawn(binary, [binary], env, file_actions=actions)
    os.close(given)
    os.close(out)
    os.write(into, stdin)
    os.close(into)
    answer = b""
    while part := os.read(taken, 65536):
        answer += part
    os.close(taken)
    _, status = os.waitpid(process, 0)
    took = (time.perf_counter() - began) * 1000
    if status:
        raise RuntimeError(f"{binary} {env.get('CNI_COMMAND')} {env.get('CNI_CONTAINERID')}: {answer.decode()}")
    return took, answer


@dataclass
class Agent:
    """A running agent of the bench's own, with its store in `state`."""

    state: Path
    socket: Path
    process: subprocess.Popen[bytes]
    log: Path = field(default=Path("/dev/null"))

    def cpu_seconds(self) -> float:
        """User and system time so far, of all its threads (clock_getcpuclockid(3), whose number Linux makes so)."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def memory(self) -> float:
        """MiB of it that are in memory (proc(5), VmRSS)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def descriptors(self) -> int:
        """How many files it has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


def processor(running: Agent | None) -> float:
    """Return the seconds of processor time that plugins, and the agent, have used so far."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime + (running.cpu_seconds() if running is not None else 0.0)


@contextlib.contextmanager
def agent(state: Path, pool: str = POOL, python: str = sys.executable) -> Iterator[Agent]:
    """Run an agent of the interpreter's podberth, whose store, with that pool in it, is in `state`."""
    podberth = applied(state, pool, python)
    socket = state / "agent.sock"
    with (state / "agent.log").open("wb") as log:
        process = subprocess.Popen([*podberth, "agent", "--socket", str(socket)], stderr=log)
    try:
        while '"serving"' not in (state / "agent.log").read_text():
            if process.poll() is not None:
                raise RuntimeError((state / "agent.log").read_text())
            time.sleep(0.02)
        yield Agent(state, socket, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def applied(state: Path, pool: str, python: str = sys.executable) -> list[str]:
    """Put the pool into the store in `state`; return the command line for that store."""
    state.mkdir(exist_ok=True)
    (state / "pool.yaml").write_text(pool)
    podberth = [python, "-m", "podberth.cli.main", "--state", str(state)]
    subprocess.run([*podberth, "apply", "-f", str(state / "pool.yaml")], check=True, stdout=subprocess.DEVNULL)
    return podberth


@contextlib.contextmanager
def namespace(name: str) -> Iterator[str]:
    """Have a network namespace of that name."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def host_local(folder: Path) -> dict[str, object]:
    """Return the `ipam` section of Go's plugins: a /16 and a default route."""
    ranges = [[{"subnet": "10.91.0.0/16", "gateway": "10.91.0.1"}]]
    return {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}], "dataDir": str(folder)}


def ours(name: str, state: Path, **more: object) -> dict[str, object]:
    """Return a configuration of podberth with an address of the bench's pool."""
    return {"cniVersion": "1.0.0", "name": name, "type": "podberth", "pool": "bench", "stateDir": str(state), **more}


def go(name: str, kind: str, folder: Path, **more: object) -> dict[str, object]:
    """Return the like of it for one of Go's plugins."""
    return {"cniVersion": "1.0.0", "name": name, "type": kind, "ipam": host_local(folder), **more}
