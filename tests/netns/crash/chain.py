"""A chain of standard types that dies right before or after each of its effects, and what the DELs after it leave.

Run as `python -m tests.netns.crash.chain NAME VERB FOLDER POD MANY SEED` on a node; prints what it found as JSON. A
chain is a process, forked from this one, that serves one call after another; what each keeps is in the folder.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podberth.entry import handle
from podberth.ipam_plugins.address_files.folder import Folder
from tests.netns.crash.tripwire import Wire, wired
from tests.netns.kubelet import SHOW, lasting, within
from tests.netns.standard.twins import OURS
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RATES = {"ingressRate": 10**8, "ingressBurst": 10**6, "egressRate": 10**8, "egressBurst": 10**6}
MAPPED = [{"hostPort": 8080, "containerPort": 80, "protocol": "udp"}]
IPAM: dict[str, object] = {"type": "host-local", "subnet": "10.51.0.0/24", "routes": [{"dst": "0.0.0.0/0"}]}
SEVEN: tuple[dict[str, object], ...] = (
    {"type": "bridge", "isGateway": True, "ipMasq": True, "ipam": IPAM},
    {"type": "portmap", "runtimeConfig": {"portMappings": MAPPED}},
    {"type": "bandwidth", **RATES},
    {"type": "tuning", "mtu": 1400, "promisc": True, "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}},
    {"type": "firewall", "ingressPolicy": "isolated"},
    {"type": "sbr"},
)
CHAINS: dict[str, tuple[dict[str, object], ...]] = {
    "seven": SEVEN,
    "ptp": ({"type": "ptp", "ipMasq": True, "ipam": IPAM}, {"type": "firewall"}),
    "macvlan": ({"type": "macvlan", "master": "up0", "ipam": IPAM}, {"type": "sbr"}),
    "tap": ({"type": "tap", "ipam": IPAM},),
    "host-device": ({"type": "host-device", "device": "given0", "ipam": IPAM}, {"type": "tuning", "mtu": 1400}),
    "loopback": ({"type": "loopback"},),
}
OF_FOLDER = ("claim", "remember", "free", "sweep")  # what host-local changes
MARK = "c0ffee"


class Named(Wire):
    """A wire that remembers what has passed it."""

    def __init__(self, setting: str) -> None:
        super().__init__(setting)
        self.names: list[str] = []

    def effect(self, name: str, act: Callable[[], object]) -> object:
        """Perform an effect, unless the wire is across its path."""
        self.names.append(name)
        return super().effect(name, act)


def _printed(command: Sequence[str]) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


class Trial:
    """One pod of a node, and the chain's calls about it."""

    def __init__(self, name: str, folder: Path, pod: str) -> None:
        self.plugins, self.folder, self.pod = CHAINS[name], folder, pod
        self.env = {
            "CNI_CONTAINERID": MARK,
            "CNI_NETNS": f"/run/netns/{pod}",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(OURS),
            "PATH": os.environ["PATH"],
        }

    def chain(self, verb: str, wire: Wire, previous: object = None) -> object:
        """Call each plugin as libcni does; return the last result. AssertionError if one fails."""
        for own in self.plugins if verb == "ADD" else reversed(self.plugins):
            conf = {"cniVersion": "1.0.0", "name": "net", "stateDir": str(self.folder / "state"), **own}
            if "ipam" in own:
                conf["ipam"] = {**IPAM, "dataDir": str(self.folder / "leases")}
            if previous is not None:
                conf["prevResult"] = previous
            env = {**self.env, "CNI_COMMAND": verb}
            kind = str(own["type"])
            code, said = handle(env, json.dumps(conf).encode(), kind, lambda directory: wired(directory, wire))
            assert code == 0, f"{verb} {kind}: {said}"
            if verb == "ADD":
                previous = json.loads(said)
        return previous

    def apart(self, verb: str, setting: str = "", previous: object = None) -> int:
        """Do the same in a process of its own; return its exit code, or the negative number of its signal."""
        child = os.fork()
        if child == 0:
            try:
                wire = Wire(setting)
                lay(wire)
                self.chain(verb, wire, previous)
                os._exit(0)
            except BaseException as failure:  # noqa: BLE001 - it is this process's whole purpose
                print(failure, file=sys.stderr)
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def seen(self) -> list[str]:
        """Return all that the chain may leave: of the kernel, leases, and records."""
        lines = []
        for space in ("", self.pod):
            command = [*within(space), "sh", "-ec", f"{SHOW}ip rule"]
            shown = lasting(partial(_printed, command))
            lines += [f"{space}: {line}" for line in shown]
        lines += [str(path) for path in (self.folder / "leases").glob("net/*") if path.name[0].isdigit()]
        database = self.folder / "state" / "podberth.db"
        if database.exists():
            with closing(sqlite3.connect(database)) as store:
                lines += [str(row) for row in store.execute("SELECT * FROM attachments")]
        return sorted(lines)


def lay(wire: Wire) -> None:
    """Have the wire lie across what host-local changes, too."""
    for name in OF_FOLDER:
        inner = getattr(Folder, name)

        def through(*args: Any, name: str = name, inner: Callable[..., object] = inner) -> object:
            return wire.effect(f"host-local.{name}", lambda: inner(*args))

        setattr(Folder, name, through)


def effects(trial: Trial, verb: str) -> tuple[list[str], object]:
    """Return the names of the verb's effects, and the chain's result; the pod is left without."""
    adding, deleting = Named(""), Named("")
    inner = {name: getattr(Folder, name) for name in OF_FOLDER}
    try:
        lay(adding)
        result = trial.chain("ADD", adding)
        for name, function in inner.items():
            setattr(Folder, name, function)
        lay(deleting)
        trial.chain("DEL", deleting, result)
    finally:
        for name, function in inner.items():
            setattr(Folder, name, function)
    return (adding if verb == "ADD" else deleting).names, result


def main() -> int:
    """Try as many of the places as are wanted, chosen by the seed; print effects, and what was left behind where."""
    name, verb, folder, pod = sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]
    many, seed = map(int, sys.argv[5:7])
    trial = Trial(name, folder, pod)
    before = trial.seen()
    names, result = effects(trial, verb)
    places = [(number, when) for number in range(len(names)) for when in ("before", "after")]
    chosen = random.Random(seed).sample(places, min(many, len(places)))
    left: dict[str, list[str]] = {}
    for turn, (number, when) in enumerate(sorted(chosen)):
        at = f"{number}:{when} {names[number]}"
        if verb == "DEL":
            assert trial.apart("ADD") == 0, at
        ended = trial.apart(verb, f"{number}:{when}:kill", result if verb == "DEL" else None)
        assert ended == -signal.SIGKILL, f"{at}: {ended}"
        # libcni has no result of an ADD that failed.
        assert trial.apart("DEL", previous=result if turn % 2 and verb == "DEL" else None) == 0, at
        now, end = trial.seen(), time.monotonic() + PATIENCE
        while now != before and time.monotonic() < end:  # a link's carrier is told some time after
            time.sleep(0.2)
            now = trial.seen()
        left[at] = [f"+ {line}" for line in now if line not in before]
        left[at] += [f"- {line}" for line in before if line not in now]
    json.dump({"effects": names, "left": left}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
