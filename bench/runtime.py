"""The caller's side: what our runtime costs beside the exec itself, and a chain of five in this process, A B A B."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections import defaultdict
from functools import partial
from pathlib import Path

from bench.contest import GO, applied
from bench.figures import show, timed
from podberth.entry import staying
from podberth.plugin import Call, Plugin, Result, serve
from podberth.runtime.cache import Cache
from podberth.runtime.chain import Runtime
from podberth.runtime.conf import RuntimeConf
from podberth.runtime.networks import parse

EXEC, OURS = "posix_spawn and read", "podberth.runtime"
GO_CHAIN, OUR_CHAIN = "Go: five exec'd", "ours: five in process"
POOL = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: bench}
spec:
  subnets: [{subnet: 10.90.0.0/16}]
"""
VERSION = b'{"cniVersion": "1.0.0"}'


class Passing(Plugin):
    """It passes the result on: what is measured is the call."""

    def add(self, call: Call) -> Result | None:
        """Return the result before."""
        return call.previous

    def delete(self, call: Call) -> None:
        """Do nothing."""


def spawned(env: dict[str, str]) -> None:
    """Run a plugin with as little around it as there can be."""
    taken, out = os.pipe()
    given, into = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, given, 0), (os.POSIX_SPAWN_DUP2, out, 1)]
    actions += [(os.POSIX_SPAWN_CLOSE, one) for one in (taken, into)]  # type: ignore[misc]
    process = os.posix_spawn(f"{GO}/loopback", [f"{GO}/loopback"], env, file_actions=actions)
    os.close(out)
    os.close(given)
    with contextlib.suppress(BrokenPipeError):  # it answers without reading it all
        os.write(into, VERSION)
    os.close(into)
    while os.read(taken, 65536):
        pass
    os.close(taken)
    os.waitpid(process, 0)


def overhead(rounds: int) -> dict[str, list[float]]:
    """Measure VERSION of the same plugin, both ways in turn."""
    runtime = Runtime(path=(str(GO),))
    env = {**os.environ, "CNI_COMMAND": "VERSION"}
    took: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        took[EXEC].append(timed(partial(spawned, env)))
        took[OURS].append(timed(partial(runtime.versions, "loopback")))
    return took


def chains(scratch: Path) -> dict[str, dict[str, object]]:
    """Return two chains of five that give a container a veth pair on a bridge, and an address."""
    ranges = [[{"subnet": "10.91.0.0/16"}]]
    ipam = {"type": "host-local", "ranges": ranges, "dataDir": str(scratch / "host-local")}
    # The four after the first have nothing to do in either: what is compared is calling them.
    portmap: dict[str, object] = {"type": "portmap", "capabilities": {"portMappings": True}}
    go: list[dict[str, object]] = [
        {"type": "bridge", "bridge": "go0", "ipam": ipam},
        {"type": "tuning"},
        portmap,
        {"type": "tuning"},
        portmap,
    ]
    first: dict[str, object] = {"type": "podberth", "bridge": "ours0", "pool": "bench", "stateDir": str(scratch)}
    ours: list[dict[str, object]] = [first, *[dict[str, object](type="passing")] * 4]
    return {
        GO_CHAIN: {"cniVersion": "1.0.0", "name": "go", "plugins": go},
        OUR_CHAIN: {"cniVersion": "1.0.0", "name": "ours", "plugins": ours},
    }


def made(name: str) -> RuntimeConf:
    """Make a network namespace for a container of that name."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    args = (("IgnoreUnknown", "1"), ("K8S_POD_NAMESPACE", "bench"), ("K8S_POD_NAME", name))
    return RuntimeConf(container_id=name, netns=f"/run/netns/{name}", args=args)


def run(rounds: int) -> None:
    """Measure inside the node's namespace, and print the tables."""
    with tempfile.TemporaryDirectory(prefix="podberth-bench-") as folder:
        scratch = Path(folder)
        applied(scratch, POOL)
        passing = Passing()
        runtime = Runtime(
            path=(str(GO),),
            cache=Cache(str(scratch / "cache")),
            in_process={"podberth": staying(), "passing": lambda env, stdin, _: serve(passing, env, stdin)},
        )
        networks = {kind: parse(json.dumps(body).encode(), kind) for kind, body in chains(scratch).items()}
        took: dict[str, dict[str, list[float]]] = {"ADD": defaultdict(list), "DEL": defaultdict(list)}
        for network in networks.values():
            # One container of each stays: on a node at work the bridge is there already.
            runtime.add(network, made(f"bench-{os.getpid()}-{network.name}"))
        for turn in range(rounds):
            for kind, network in networks.items():
                conf = made(f"bench-{os.getpid()}-{turn}")
                took["ADD"][kind].append(timed(partial(runtime.add, network, conf)))
                took["DEL"][kind].append(timed(partial(runtime.delete, network, conf)))
                subprocess.run(["ip", "netns", "delete", conf.container_id], check=True)
        for network in networks.values():
            conf = RuntimeConf(container_id=f"bench-{os.getpid()}-{network.name}")
            runtime.delete(network, conf)
            subprocess.run(["ip", "netns", "delete", conf.container_id], check=True)
        spent = overhead(rounds * 4)
    show("One call of a Go plugin: VERSION", spent, against=EXEC)
    for verb, rows in took.items():
        show(f"{verb} of a chain of five: a veth pair on a bridge, four more calls", rows, against=GO_CHAIN)
