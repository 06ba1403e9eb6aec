"""One ADD and one DEL by exec, as a runtime does them: Go's bridge + host-local against ours, A B A B."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from functools import partial
from pathlib import Path

from bench.figures import show, timed

GO = Path("/usr/lib/cni")
POOL = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: bench}
spec:
  subnets: [{subnet: 10.90.0.0/16, gateway: 10.90.0.1}]
"""


def networks(state: Path) -> dict[str, dict[str, object]]:
    """Return two configurations of one shape: a veth pair on a bridge, an address of a /16, a default route."""
    ranges = [[{"subnet": "10.91.0.0/16", "gateway": "10.91.0.1"}]]
    routes = [{"dst": "0.0.0.0/0"}]
    return {
        "Go bridge + host-local": {
            "cniVersion": "1.0.0",
            "name": "go",
            "type": "bridge",
            "bridge": "go0",
            "ipam": {"type": "host-local", "ranges": ranges, "routes": routes, "dataDir": str(state / "host-local")},
        },
        "podberth, by exec": {
            "cniVersion": "1.0.0",
            "name": "ours",
            "type": "podberth",
            "bridge": "ours0",
            "pool": "bench",
            "stateDir": str(state),
        },
    }


def call(network: dict[str, object], verb: str, container: str, netns: str, folder: Path) -> None:
    """Exec the plugin; CalledProcessError with its answer if it fails."""
    env = {
        "PATH": os.environ["PATH"],
        "CNI_COMMAND": verb,
        "CNI_CONTAINERID": container,
        "CNI_NETNS": f"/var/run/netns/{netns}",
        "CNI_IFNAME": "eth0",
        "CNI_PATH": f"{GO}:{folder}",
        "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=bench;K8S_POD_NAME={container}",
    }
    plugin = GO / str(network["type"])
    binary = plugin if plugin.exists() else folder / str(network["type"])
    done = subprocess.run([binary], input=json.dumps(network).encode(), env=env, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{binary} {verb}: {done.stdout.decode()} {done.stderr.decode()}")


def run(folder: Path, rounds: int) -> None:
    """Measure `rounds` pods of each kind, in turn, inside the node's namespace, and print the tables."""
    if not GO.is_dir():
        raise SystemExit(f"no Go plugins at {GO}: apt-get install containernetworking-plugins")
    with tempfile.TemporaryDirectory(prefix="podberth-bench-") as scratch:
        state = Path(scratch)
        (state / "pool.yaml").write_text(POOL)
        podberth = [sys.executable, "-m", "podberth.cli.main", "--state", scratch]
        subprocess.run([*podberth, "apply", "-f", str(state / "pool.yaml")], check=True, stdout=subprocess.DEVNULL)
        kinds = networks(state)
        for network in kinds.values():
            # One pod of each stays: on a node at work the bridge is there already.
            subprocess.run(["ip", "netns", "add", f"bench-{network['name']}"], check=True)
            call(network, "ADD", f"bench-{network['name']}", f"bench-{network['name']}", folder)
        took: dict[str, dict[str, list[float]]] = {"ADD": defaultdict(list), "DEL": defaultdict(list)}
        for turn in range(rounds):
            for kind, network in kinds.items():
                netns = f"bench{turn}-{network['name']}"
                subprocess.run(["ip", "netns", "add", netns], check=True)
                for verb in ("ADD", "DEL"):
                    took[verb][kind].append(timed(partial(call, network, verb, netns, netns, folder)))
                subprocess.run(["ip", "netns", "delete", netns], check=True)
        for network in kinds.values():
            call(network, "DEL", f"bench-{network['name']}", f"bench-{network['name']}", folder)
            subprocess.run(["ip", "netns", "delete", f"bench-{network['name']}"], check=True)
        for verb, rows in took.items():
            show(f"One {verb}: a veth pair on a bridge, an address, a route", rows, against="Go bridge + host-local")
