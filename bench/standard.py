"""The standard types with an agent beside the CNI project's executables: each type, a chain, very many leases.

All are called by exec, one after another in turn, so that whatever else the machine does befalls both. The project's
executables are of the version that podberth's stand in for (tests/programs).
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bench.agent import settle
from bench.contest import agent, namespace, spawned
from bench.figures import show
from tests.programs import current

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.contest import Agent

OURS = Path(__file__).parents[1] / "build" / "cni-standard"
PEER, SHIM = "Go", "ours"
EMPTY, FULL = "no leases", "50,000 leases"
LEASES = 50_000
UP, GIVEN = "up0", "given0"
MOST = 0.35  # of Go's time that an ADD may take, where that is SLOW ms or more; else LIGHT
LIGHT, SLOW = 0.5, 5.0
CHAIN_ADD, CHAIN_DEL, GROWN = 0.20, 0.10, 1.1
PORTS = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]
RATES: dict[str, object] = {"ingressRate": 10**8, "ingressBurst": 10**6, "egressRate": 10**8, "egressBurst": 10**6}
INTERFACES: dict[str, dict[str, object]] = {
    "bridge": {"isGateway": True},
    "ptp": {},
    "macvlan": {"master": UP},
    "host-device": {"device": GIVEN},
    "tap": {"owner": 0, "group": 0},  # without these Go's starts another program
    "ipvlan": {"master": UP},
    "vlan": {"master": UP, "vlanId": 7},
    "dummy": {},
}
BEHIND: dict[str, dict[str, object]] = {
    "portmap": {"capabilities": {"portMappings": True}, "runtimeConfig": {"portMappings": PORTS}},
    "bandwidth": RATES,
    "tuning": {"sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}, "mtu": 1400},
    "firewall": {},
    "sbr": {},
    "vrf": {"vrfname": "red"},
}
ALONE = ("host-device", "loopback", "static", "host-local")  # nothing of it is shared
CHAIN = ("portmap", "bandwidth", "tuning", "firewall")


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two: the folder of its executables, one for what it keeps, and where its agent is."""

    name: str
    folder: Path
    kept: Path
    subnet: str  # they are on one node
    socket: Path = Path("/nonexistent")

    def conf(self, kind: str, keys: Mapping[str, object], version: str = "1.0.0") -> dict[str, Any]:
        """Return a configuration of a type, with the addresses of host-local if it makes an interface."""
        conf: dict[str, Any] = {"cniVersion": version, "name": "bench", "type": kind, **keys}
        if kind in INTERFACES or kind == "host-local":
            conf["ipam"] = {"type": "host-local", "dataDir": str(self.kept / "leases"), "subnet": self.subnet}
        elif kind == "static":
            conf["ipam"] = {"type": "static", "addresses": [{"address": "10.91.0.9/16", "gateway": "10.91.0.1"}]}
        if kind == "bridge":
            conf["bridge"] = f"{self.name.lower()}0"
        if self.name == SHIM:
            conf["stateDir"] = str(self.kept)
        elif kind == "tuning":
            conf["dataDir"] = str(self.kept / "tuning")
        return conf

    def call(self, verb: str, conf: Mapping[str, Any], pod: str, previous: object = None) -> tuple[float, Any]:
        """Exec the type's executable; return milliseconds and what it said. RuntimeError if it refuses."""
        body = conf if previous is None else {**conf, "prevResult": previous}
        env = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": pod,
            "CNI_NETNS": f"/run/netns/{pod}",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(self.folder),
            "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=bench;K8S_POD_NAME={pod}",
            "PATH": os.environ["PATH"],
            "PODBERTH_SOCKET": str(self.socket),
        }
        took, answer = spawned(str(self.folder / conf["type"]), env, json.dumps(body).encode())
        return took, json.loads(answer) if answer.strip() else None


def run(rounds: int) -> None:
    """Measure everything inside the node's namespace, and print the tables."""
    with tempfile.TemporaryDirectory(prefix="podberth-bench-") as folder:
        scratch = Path(folder)
        ground()
        with agent(scratch / "state") as running:
            sides = two(scratch, running)
            table = Table(title="One ADD and one DEL of each type", title_justify="left", title_style="bold")
            for heading in ("", "ADD Go", "ours", "ratio", "at most", "DEL Go", "ours", "ratio"):
                table.add_column(heading, justify="right" if heading else "left")
            for kind in served(sides):
                row(table, kind, each(sides, kind, rounds))
            Console().print(table)
            chain(sides, rounds)
            full(sides, rounds)


def ground() -> None:
    """Make links to stand on, and one to give away."""
    for name in (UP, GIVEN):
        _ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
        for end in (name, f"{name}-peer"):
            _ip("link", "set", end, "up")


def two(scratch: Path, running: Agent) -> tuple[Side, Side]:
    """Return Go's side and ours."""
    (scratch / "go").mkdir()
    theirs = current("containernetworking-plugins") / "usr/lib/cni"
    return (
        Side(name=PEER, folder=theirs, kept=scratch / "go", subnet="10.91.0.0/16"),
        Side(name=SHIM, folder=OURS, kept=running.state, subnet="10.92.0.0/16", socket=running.socket),
    )


def served(sides: Sequence[Side]) -> Iterator[str]:
    """Yield the types that this kernel has links for, in one order."""
    for kind in (*INTERFACES, *BEHIND, "loopback", "host-local", "static"):
        with namespace(f"try-{os.getpid()}") as name:
            conf = sides[0].conf(kind, INTERFACES.get(kind) or BEHIND.get(kind) or {})
            try:
                sides[0].call("ADD", conf, name, before(name) if kind in BEHIND else None)
            except RuntimeError as refused:
                if "not supported" not in str(refused):
                    raise
                continue
            sides[0].call("DEL", conf, name, before(name, made=True) if kind in BEHIND else None)
        yield kind


def before(pod: str, last: int = 2, *, made: bool = False) -> dict[str, Any]:
    """Return the result of a plugin that made a pair for the pod; make that pair unless it is there."""
    peer = f"to{pod}"[:15]
    if not made:
        # The kernel ends a namespace, and the pairs with an end in it, some time after its name is gone.
        subprocess.run(["ip", "link", "del", peer], check=False, stderr=subprocess.DEVNULL)
        _ip("link", "add", peer, "type", "veth", "peer", "name", "eth0", "netns", pod)
        _ip("link", "set", peer, "up")
        _ip("-n", pod, "address", "add", f"10.93.0.{last}/24", "dev", "eth0")
        _ip("-n", pod, "link", "set", "eth0", "up")
        _ip("-n", pod, "route", "add", "default", "via", "10.93.0.1")
    return {
        "cniVersion": "1.0.0",
        "interfaces": [{"name": peer}, {"name": "eth0", "sandbox": f"/run/netns/{pod}"}],
        "ips": [{"address": f"10.93.0.{last}/24", "gateway": "10.93.0.1", "interface": 1}],
        "routes": [{"dst": "0.0.0.0/0"}],
    }


def each(sides: Sequence[Side], kind: str, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Measure a type: a pod of one side comes and goes, then one of the other."""
    took: dict[str, dict[str, list[float]]] = {"ADD": defaultdict(list), "DEL": defaultdict(list)}
    keys = INTERFACES.get(kind) or BEHIND.get(kind) or {}
    with ExitStack() as stay:
        if kind not in ALONE:
            # One pod of each stays: on a node at work the bridge, or a table, is there already.
            for last, side in enumerate(sides, 8):
                pod = stay.enter_context(namespace(f"stay-{side.name}-{os.getpid()}"))
                conf, previous = side.conf(kind, keys), before(pod, last) if kind in BEHIND else None
                _, said = side.call("ADD", conf, pod, previous)
                stay.callback(side.call, "DEL", conf, pod, said)
        for turn in range(rounds):
            for side in sides:
                with namespace(f"p{turn}{side.name}{os.getpid() % 10000}") as pod:
                    conf, previous = side.conf(kind, keys), before(pod) if kind in BEHIND else None
                    spent, said = side.call("ADD", conf, pod, previous)
                    took["ADD"][side.name].append(spent)
                    took["DEL"][side.name].append(side.call("DEL", conf, pod, said)[0])
                    settle()
    return took


def row(table: Table, kind: str, took: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Add a type's medians to the table."""
    cells = [kind]
    for verb, sides in took.items():
        go, ours = median(sides[PEER]), median(sides[SHIM])
        most = MOST if go >= SLOW else LIGHT
        cells += [f"{go:.2f}", f"{ours:.2f}", f"{ours / go:.2f}"]
        if verb == "ADD":
            cells.append(f"{most:.2f}" if ours / go <= most else f"[bold red]{most:.2f}[/]")
    table.add_row(*cells)


def chain(sides: Sequence[Side], rounds: int) -> None:
    """Measure a chain as libcni calls it: each plugin with the result so far, DEL in reverse."""
    took: dict[str, dict[str, list[float]]] = {"ADD": defaultdict(list), "DEL": defaultdict(list)}
    confs = {
        side: [side.conf("bridge", INTERFACES["bridge"]), *(side.conf(kind, BEHIND[kind]) for kind in CHAIN)]
        for side in sides
    }
    with ExitStack() as stay:
        for side in sides:
            pod = stay.enter_context(namespace(f"stay-{side.name}-{os.getpid()}"))
            stay.callback(_whole, side, confs[side], "DEL", pod, _whole(side, confs[side], "ADD", pod)[1])
        for turn in range(rounds):
            for side in sides:
                with namespace(f"p{turn}{side.name}{os.getpid() % 10000}") as pod:
                    spent, said = _whole(side, confs[side], "ADD", pod)
                    took["ADD"][side.name].append(spent)
                    took["DEL"][side.name].append(_whole(side, confs[side], "DEL", pod, said)[0])
                    settle()
    for verb, most in (("ADD", CHAIN_ADD), ("DEL", CHAIN_DEL)):
        show(f"{verb} of bridge + host-local + {' + '.join(CHAIN)}; at most {most}", took[verb], against=PEER)


def _whole(side: Side, confs: Sequence[Mapping[str, Any]], verb: str, pod: str, said: Any = None) -> tuple[float, Any]:
    total = 0.0
    for conf in confs if verb == "ADD" else reversed(confs):
        spent, told = side.call(verb, conf, pod, said)
        total += spent
        said = told if verb == "ADD" else said
    return total, said


def full(sides: Sequence[Side], rounds: int) -> None:
    """Measure host-local with a folder that is empty and with one of very many leases."""
    ours = sides[1]
    took: dict[str, dict[str, list[float]]] = {"ADD": defaultdict(list), "DEL": defaultdict(list)}
    confs = {name: ours.conf("host-local", {}) for name in (EMPTY, FULL)}
    for name, conf in confs.items():
        conf["ipam"] = {**conf["ipam"], "dataDir": str(ours.kept / name.replace(" ", "-")), "subnet": "10.80.0.0/15"}
    folder = Path(confs[FULL]["ipam"]["dataDir"]) / "bench"
    folder.mkdir(parents=True)
    first = ip_address("10.80.0.10")
    for number in range(LEASES):
        (folder / str(first + number)).write_text(f"{number:064x}\r\neth0")
    (folder / "last_reserved_ip.0").write_text(str(first + LEASES - 1))
    with namespace(f"full-{os.getpid()}") as pod:
        for turn in range(rounds + 1):
            for name, conf in confs.items():
                added, said = ours.call("ADD", conf, pod)
                deleted, _ = ours.call("DEL", conf, pod, said)
                if turn:  # the first makes the index
                    took["ADD"][name].append(added)
                    took["DEL"][name].append(deleted)
    for verb, rows in took.items():
        show(f"{verb} of host-local, by the folder; at most {GROWN}", rows, against=EMPTY)


def _ip(*argv: str) -> None:
    subprocess.run(["ip", *argv], check=True)
