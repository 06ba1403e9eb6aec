"""A kubelet on a node made of a network namespace: makes pods' namespaces, calls plugins, looks for what is left."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podberth.cli.main import main as podberth
from tests.checkout import ROOT
from tests.forked import forked
from tests.netns.crash.tripwire import main as wired
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

BUILT = ROOT / "build" / "cni"
TABLES = ("leases", "attachments")  # of the store: what is live
# All of a namespace that a call may change, in one process of its own and few others: a thousand times in one run.
SHOW = """
ip -o link; ip -o address; ip -o route show table all; ip -o -6 route
tc qdisc; nft --stateless list ruleset
echo "tcp_keepalive_time $(cat /proc/sys/net/ipv4/tcp_keepalive_time)"
"""


# What the kernel adds to a link that is up, by itself and some time after: addresses and routes of the link alone.
KERNELS = (" fe80:", " ff00::/8 ", ": anycast ")
# Each begins with the line's namespace, in a look at more than one.
LINK = re.compile(r"^((?:\S+: )??)\d+: ([^:@ ]+)\S*:? <\S*LOWER_UP> ", re.MULTILINE)
ADDRESS = re.compile(r"^((?:\S+: )??)\d+: (\S+) +inet6 (?!fe80:)([^/ ]+)(?!.* dadfailed)", re.MULTILINE)
LOCAL = re.compile(r"^((?:\S+: )??)local (\S*:\S*) dev (\S+) ", re.MULTILINE)


def lasting(look: Callable[[], Iterable[str]]) -> list[str]:
    """Return what a look shows once the kernel has done what it does later, without the kernel's own addresses."""
    lines: list[str] = []

    def settled() -> bool:
        lines[:] = look()
        return not pending(lines)

    until(settled, lambda: f"{pending(lines)} not yet: {lines}")
    return [line for line in lines if not any(own in f" {line}" for own in KERNELS)]


def pending(lines: Iterable[str]) -> list[str]:
    """Return the work that the kernel's queues still have with what a look at one or more namespaces shows.

    The state of a link follows its carrier, and the route to an IPv6 address of its own follows the address.
    """
    whole = "\n".join(lines)
    links = [line for line in whole.splitlines() if "LOWER_UP>" in line and "DOWN mode" in line]
    up = set(LINK.findall(whole))
    addresses = {(space, address, link) for space, link, address in ADDRESS.findall(whole) if (space, link) in up}
    routes = set(LOCAL.findall(whole))
    return links + [f"{space}local {address} dev {link}" for space, address, link in sorted(addresses - routes)]


@dataclass(frozen=True)
class Answer:
    """How a call ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """The result, or the error object."""
        return dict(json.loads(self.stdout))

    @property
    def address(self) -> str:
        """The first address of the result."""
        return str(json.loads(self.stdout)["ips"][0]["address"])

    @property
    def effects(self) -> list[str]:
        """What a call behind a tripwire did, in order."""
        return [line.removeprefix("effect ") for line in self.stderr.splitlines() if line.startswith("effect ")]


def unless_told_to_wait(call: Callable[[], Answer]) -> Answer:
    """Return a call's answer; it is made again while that is code 11 (specification, "Error": try again later).

    On a busy machine an API server may not answer within the seconds that a call has, and policies not be known yet.
    """
    told: list[Answer] = []

    def answered() -> bool:
        told.append(call())
        return told[-1].code == 0 or told[-1].result.get("code") != 11

    until(answered, lambda: told[-1].stdout)
    return told[-1]


@dataclass(frozen=True)
class Pod:
    """A pod's sandbox: its names, its container ID and its network namespace."""

    name: str
    container_id: str
    netns: str
    namespace: str = "bank"
    uid: str = "u1"

    @property
    def path(self) -> str:
        """The network namespace's path, as CNI_NETNS."""
        return f"/var/run/netns/{self.netns}"

    @property
    def args(self) -> str:
        """CNI_ARGS as kubelet's runtime sends them."""
        return (
            f"K8S_POD_NAMESPACE={self.namespace};K8S_POD_NAME={self.name};K8S_POD_UID={self.uid};"
            f"K8S_POD_INFRA_CONTAINER_ID={self.container_id};IgnoreUnknown=1"
        )


@dataclass
class Kubelet:
    """One node, with its store in `state`; a network namespace of its own, or (`bare`) this machine itself."""

    state: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    namespaces: list[str] = field(default_factory=list)
    network: dict[str, object] = field(default_factory=dict)
    first: list[str] = field(default_factory=list)
    bare: bool = False

    @property
    def socket(self) -> Path:
        """Where the node's agent listens, if it has one."""
        return self.state.parent / "agent.sock"

    @property
    def node(self) -> str:
        """The name of the node's network namespace; '' for this machine's own."""
        return "" if self.bare else f"node-{self.mark}"

    @property
    def at_node(self) -> list[str]:
        """What goes before a command that is to run on the node."""
        return [] if self.bare else ["ip", "netns", "exec", self.node]

    def namespace(self, name: str) -> str:
        """Make a network namespace; it goes with the kubelet."""
        run("ip", "netns", "add", name)
        self.namespaces.append(name)
        return name

    def pod(self, name: str, *, uid: str = "u1", namespace: str = "bank") -> Pod:
        """Make a new sandbox for the pod of that name, with a namespace whose name was never used before."""
        netns = self.namespace(f"pod{len(self.namespaces)}-{uuid.uuid4().hex[:8]}")
        return Pod(name=name, container_id=uuid.uuid4().hex, netns=netns, uid=uid, namespace=namespace)

    def remove_namespace(self, name: str) -> None:
        """Make a network namespace vanish, with whatever is in it."""
        run("ip", "netns", "delete", name)
        self.namespaces.remove(name)

    def inside(self, namespace: str, *argv: str) -> str:
        """Run a command in a network namespace."""
        return run(*within(namespace), *argv)

    def links(self, namespace: str) -> dict[str, dict[str, Any]]:
        """Return what `ip -details address` shows of each link in a network namespace, by name."""
        shown = json.loads(self.inside(namespace, "ip", "-json", "-details", "address"))
        return {link["ifname"]: link for link in shown}

    def reaches(self, pod: Pod, address: str) -> bool:
        """Say whether a ping from the pod, one each second until then, is answered."""
        command = [*within(pod.netns), "ping", "-c", "1", "-w", "30", "-q", address]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def cut_off(self, pod: Pod, address: str) -> bool:
        """Say whether a ping from the pod is not answered within a second."""
        command = [*within(pod.netns), "ping", "-c", "1", "-W", "1", "-q", address]
        return subprocess.run(command, capture_output=True, check=False).returncode != 0

    def podberth(self, *argv: str) -> str:
        """Run the command line on this node's store."""
        command = (sys.executable, "-m", "podberth.cli.main", "--state", str(self.state))
        return run(*self.at_node, *command, *argv)

    def podberth_by_fork(self, *argv: str) -> str:
        """Run the command line on this node's store in a fork of this process."""
        words = ["--state", str(self.state), *argv]
        done = forked(lambda: podberth(words), self.node, os.environ, "")
        assert done.status == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout

    def apply(self, documents: str) -> None:
        """Put documents in force."""
        file = self.state.parent / f"documents-{uuid.uuid4().hex[:6]}.yaml"
        file.write_text(documents)
        if (self.state / "store.json").exists():  # gRPC, which the store of a cluster is asked by, is for no fork
            self.podberth("apply", "-f", str(file))
        else:
            self.podberth_by_fork("apply", "-f", str(file))

    def env(self, verb: str, pod: Pod, *, ifname: str = "eth0", netns: str | None = None) -> dict[str, str]:
        """Return a call's environment."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": pod.container_id,
            "CNI_NETNS": pod.path if netns is None else netns,
            "CNI_IFNAME": ifname,
            "CNI_PATH": f"{BUILT}:/usr/lib/cni",
            "CNI_ARGS": pod.args,
            "PODBERTH_SOCKET": str(self.socket),
        }

    def config(self, **changes: object) -> dict[str, object]:
        """Return the network configuration with changes; None takes a key away."""
        whole = {
            "cniVersion": "1.1.0",
            "name": "banknet",
            "type": "podberth",
            "bridge": "bank0",
            "pool": "db",
            "stateDir": str(self.state),
            **self.network,
            **changes,
        }
        return {key: member for key, member in whole.items() if member is not None}

    def start(
        self, verb: str, pod: Pod, *, plugin: str = "podberth", ifname: str = "eth0", **changes: object
    ) -> subprocess.Popen[str]:
        """Begin a call by exec, as a runtime does; stdin is written, the rest is the caller's."""
        binary = BUILT / plugin if (BUILT / plugin).exists() else Path("/usr/lib/cni", plugin)
        command = [*self.at_node, str(binary)]
        process = subprocess.Popen(
            command,
            env=self.env(verb, pod, ifname=ifname),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(self.config(**changes)))
        process.stdin.close()
        process.stdin = None
        return process

    def send(self, env: Mapping[str, str], stdin: str) -> Answer:
        """Make a call of these very variables and this stdin, by exec."""
        ours = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PODBERTH_SOCKET": str(self.socket)}
        command = [*self.at_node, str(BUILT / "podberth")]
        done = subprocess.run(command, env={**ours, **env}, input=stdin, capture_output=True, text=True, check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    def call(
        self,
        verb: str,
        pod: Pod,
        *,
        plugin: str = "podberth",
        netns: str | None = None,
        ifname: str = "eth0",
        tripwire: str | None = None,
        env: Mapping[str, str] | None = None,
        **changes: object,
    ) -> Answer:
        """Make a call by exec and wait for its answer; with `tripwire`, by a fork that may die on the way."""
        said = {**self.env(verb, pod, ifname=ifname, netns=netns), **(env or {})}
        stdin = json.dumps(self.config(**changes))
        if tripwire is not None:
            ended = forked(wired, self.node, {**said, "TRIPWIRE": tripwire}, stdin)
            return Answer(ended.status, ended.stdout, ended.stderr)
        binary = BUILT / plugin if (BUILT / plugin).exists() else Path("/usr/lib/cni", plugin)
        done = subprocess.run(
            [*self.at_node, str(binary)],
            env=said,
            input=stdin,
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def added(self, pod: Pod, **changes: Any) -> Answer:
        """Make an ADD as a runtime does it: again while it is told to try again later."""
        return unless_told_to_wait(lambda: self.call("ADD", pod, **changes))

    def collect(self, pod: Pod, *valid: Pod, env: Mapping[str, str] | None = None) -> Answer:
        """Call GC in the name of the network of `pod`; only `valid` are to stay."""
        stay: Any = [{"containerID": one.container_id, "ifname": "eth0"} for one in valid]
        return self.call("GC", pod, env=env, **{"cni.dev/valid-attachments": stay})

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Ask the store directly."""
        with contextlib.closing(sqlite3.connect(self.state / "podberth.db")) as database:
            return list(database.execute(query))

    def shown(self, namespace: str) -> list[str]:
        """Return the lines of SHOW in a namespace."""
        return self.inside(namespace, "sh", "-ec", SHOW).replace(" tentative ", " ").splitlines()

    def inventory(self) -> list[str]:
        """List links, addresses, routes, qdiscs, rules and a sysctl of every namespace, and the store's live rows."""
        lines: list[str] = []
        for namespace in self.namespaces:
            shown = lasting(partial(self.shown, namespace))
            lines += [f"{namespace}: {line}" for line in shown]
        for table in TABLES:
            lines += [f"{table}: {row}" for row in self.rows(f"SELECT * FROM {table}")]
        return lines

    def remember(self) -> None:
        """Take what is there now as what has to be there in the end."""
        self.first = self.inventory()

    def left_behind(self) -> list[str]:
        """Return what is there now and was not at first, and what is missing."""
        now, first = set(self.inventory()), set(self.first)
        return sorted(now - first) + [f"missing: {line}" for line in sorted(first - now)]


@contextlib.contextmanager
def kubelet(state: Path, documents: str, *, bare: bool = False, kind: type[Kubelet] = Kubelet) -> Iterator[Kubelet]:
    """Make a node with these documents in force; every namespace is gone at the end."""
    made = kind(state=state, bare=bare)
    if not bare:
        made.namespace(made.node)
    try:
        made.apply(documents)
        yield made
    finally:
        every = "".join(f"netns delete {namespace}\n" for namespace in made.namespaces)
        subprocess.run(["ip", "-force", "-batch", "-"], input=every.encode(), check=False)


def within(namespace: str) -> list[str]:
    """Return what goes before a command that is to run in a network namespace, '' for this process's own.

    Not `ip netns exec`, which has a mount namespace made and unmade for each command; /sys stays this process's.
    """
    return ["nsenter", f"--net=/run/netns/{namespace}"] if namespace else []


def run(*argv: str) -> str:
    """Run a command and return its stdout; AssertionError with its stderr if it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
    return done.stdout
