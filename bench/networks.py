"""A pod with three networks: one ADD of ours, against the CNI project's plugins called one after another.

Multus is no party: it calls those very plugins, and its own time comes on top.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.agent import settle
from bench.contest import BUILT, agent, namespace, spawned
from bench.figures import show
from bench.standard import PEER, SHIM, UP, ground, two

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.standard import Side

MOST = 0.35
LEGS: dict[str, tuple[str, Mapping[str, object]]] = {
    "eth0": ("bridge", {"isGateway": True}),
    "net1": ("macvlan", {"master": UP}),
    "net2": ("ptp", {}),
}
SUBNETS = {"eth0": "10.{}.0.0/20", "net1": "10.{}.16.0/20", "net2": "10.{}.32.0/20"}


def run(rounds: int) -> None:
    """Measure everything inside the node's namespace, and print the tables."""
    with tempfile.TemporaryDirectory(prefix="podberth-bench-") as folder:
        ground()
        with agent(Path(folder) / "state") as running:
            go, ours = two(Path(folder), running)
            took: dict[str, dict[str, list[float]]] = {"ADD": defaultdict(list), "DEL": defaultdict(list)}
            with namespace(f"stay-{os.getpid()}") as stays, namespace(f"stays-{os.getpid()}") as too:
                _, results = _go(go, "ADD", stays, {})
                _ours(ours, "ADD", too)
                for turn in range(rounds):
                    for side in (go, ours):
                        with namespace(f"p{turn}{side.name}{os.getpid() % 10000}") as pod:
                            for verb, spent in _both(side, pod).items():
                                took[verb][side.name].append(spent)
                            settle()
                _go(go, "DEL", stays, results)
                _ours(ours, "DEL", too)
    for verb, rows in took.items():
        show(f"{verb} of a pod with {len(LEGS)} networks; at most {MOST}", rows, against=PEER)


def _both(side: Side, pod: str) -> dict[str, float]:
    if side.name == SHIM:
        return {verb: _ours(side, verb, pod)[0] for verb in ("ADD", "DEL")}
    added, results = _go(side, "ADD", pod, {})
    return {"ADD": added, "DEL": _go(side, "DEL", pod, results)[0]}


def _conf(side: Side, ifname: str) -> dict[str, Any]:
    kind, keys = LEGS[ifname]
    conf = side.conf(kind, {**keys, "name": f"leg-{ifname}"})
    routes = [{"dst": "0.0.0.0/0"}] if ifname == "eth0" else []
    subnet = SUBNETS[ifname].format(92 if side.name == SHIM else 91)
    return conf | {"ipam": {**conf["ipam"], "subnet": subnet, "routes": routes}}


def _go(side: Side, verb: str, pod: str, results: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
    """Call each network's plugin; return milliseconds, and the results by interface."""
    total, said = 0.0, {}
    for ifname in LEGS if verb == "ADD" else reversed(LEGS):
        conf = _conf(side, ifname)
        body = conf | ({"prevResult": results[ifname]} if ifname in results else {})
        spent, answer = _exec(side, side.folder / conf["type"], verb, pod, ifname, body)
        total += spent
        said[ifname] = json.loads(answer) if answer.strip() else None
    return total, said


def _ours(side: Side, verb: str, pod: str) -> tuple[float, dict[str, Any]]:
    """Call the meta plugin once; return milliseconds."""
    delegates = [_conf(side, ifname) for ifname in LEGS]
    body = {"cniVersion": "1.0.0", "name": "every", "type": "podberth-networks", "delegates": delegates}
    body |= {"stateDir": str(side.kept), "cniDir": str(side.kept / "cni"), "binDir": str(side.folder)}
    return _exec(side, BUILT / "podberth-networks", verb, pod, "eth0", body)[0], {}


def _exec(side: Side, binary: Path, verb: str, pod: str, ifname: str, body: Mapping[str, Any]) -> tuple[float, bytes]:
    env = {
        "CNI_COMMAND": verb,
        "CNI_CONTAINERID": pod,
        "CNI_NETNS": f"/run/netns/{pod}",
        "CNI_IFNAME": ifname,
        "CNI_PATH": str(side.folder),
        "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=bench;K8S_POD_NAME={pod}",
        "PATH": os.environ["PATH"],
        "PODBERTH_SOCKET": str(side.socket),
    }
    return spawned(str(binary), env, json.dumps(body).encode())
