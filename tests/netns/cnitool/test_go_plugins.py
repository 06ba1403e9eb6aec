"""cnitool by exec, as documented for the CNI project's: add prints the result, all else prints nothing."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.kubelet import BUILT, Kubelet, kubelet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POOL = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.50.0.0/24}]
"""
MAPPED = '{"portMappings": [{"hostPort": 18080, "containerPort": 80, "protocol": "tcp"}]}'


@dataclass(frozen=True, slots=True)
class Desk:
    """A node with networks in a folder, and a cache."""

    node: Kubelet
    folder: Path

    def run(self, *argv: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run cnitool on the node."""
        whole = {**os.environ, "NETCONFPATH": str(self.folder), "CNI_PATH": f"/usr/lib/cni:{BUILT}", **(env or {})}
        command = [*self.node.at_node, sys.executable, "-m", "podberth.cli.cnitool", *argv]
        return subprocess.run(command, env=whole, capture_output=True, text=True, check=False)

    def verb(
        self, verb: str, network: str, netns: str, env: dict[str, str] | None = None, more: tuple[str, ...] = ()
    ) -> str:
        """Run a verb that has to succeed; return what it printed."""
        done = self.run(verb, network, netns, "--cache-dir", str(self.folder / "cache"), *more, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def cached(self) -> dict[str, dict[str, Any]]:
        """Return the files of the cache."""
        files = sorted((self.folder / "cache/results").glob("*"))
        return {file.name: json.loads(file.read_text()) for file in files}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    ipam = {"type": "host-local", "dataDir": str(tmp_path / "host-local"), "ranges": [[{"subnet": "10.90.0.0/24"}]]}
    portmap: dict[str, object] = {"type": "portmap", "capabilities": {"portMappings": True}}
    networks: dict[str, list[dict[str, object]]] = {
        "chain": [{"type": "bridge", "bridge": "go0", "isGateway": True, "ipam": ipam}, portmap],
        "routed": [{"type": "ptp", "ipam": ipam}],
        "ours": [{"type": "podberth", "bridge": "b0", "pool": "db", "stateDir": str(tmp_path / "state")}],
    }
    for name, plugins in networks.items():
        version = "1.1.0" if name == "ours" else "1.0.0"
        body = {"cniVersion": version, "name": name, "plugins": plugins}
        (tmp_path / f"{name}.conflist").write_text(json.dumps(body))
    with kubelet(tmp_path / "state", POOL) as node:
        yield Desk(node=node, folder=tmp_path)


@pytest.mark.parametrize("network", ["chain", "routed", "ours"])
def test_add_prints_the_result_and_the_others_print_nothing(desk: Desk, network: str) -> None:
    pod = desk.node.pod("mysql-0")
    printed = desk.verb("add", network, pod.path)
    result = json.loads(printed)
    assert printed == json.dumps(result, indent=4)
    assert result["ips"][0]["address"].startswith("10.")
    shown = desk.node.inside(pod.netns, "ip", "-4", "-o", "address", "show", "eth0")
    assert f" {result['ips'][0]['address']} " in shown
    assert desk.verb("check", network, pod.path) == ""  # portmap's own has nothing to look for without mappings
    assert desk.verb("status", network, pod.path) == ""
    assert desk.verb("del", network, pod.path) == ""
    assert "eth0" not in desk.node.links(pod.netns)
    assert desk.cached() == {}
    assert desk.verb("del", network, pod.path) == ""


def test_the_cache_is_libcnis_to_the_key(desk: Desk) -> None:
    pod = desk.node.pod("mysql-0")
    result = json.loads(
        desk.verb("add", "chain", pod.path, env={"CAP_ARGS": MAPPED, "CNI_ARGS": "IgnoreUnknown=1;B=2"})
    )
    ((name, body),) = desk.cached().items()
    container = body["containerId"]
    assert name == f"chain-{container}-eth0"
    assert container.startswith("cnitool-")
    assert len(container) == len("cnitool-") + 20
    assert body == {
        "kind": "cniCacheV1",
        "containerId": container,
        "config": base64.b64encode((desk.folder / "chain.conflist").read_bytes()).decode(),
        "ifName": "eth0",
        "networkName": "chain",
        "netns": pod.path,
        "cniArgs": [["IgnoreUnknown", "1"], ["B", "2"]],
        "capabilityArgs": json.loads(MAPPED),
        "result": result,
    }
    desk.verb("del", "chain", pod.path)


def test_capability_arguments_reach_the_plugin_that_declares_them(desk: Desk) -> None:
    pod = desk.node.pod("mysql-0")
    explained = desk.run(
        "add", "chain", pod.path, "--explain", "--cache-dir", str(desk.folder / "cache"), env={"CAP_ARGS": MAPPED}
    )
    assert explained.returncode == 0, explained.stderr
    stdins = [line.removeprefix("stdin:  ") for line in explained.stderr.splitlines() if line.startswith("stdin:")]
    assert [json.loads(stdin).get("runtimeConfig") for stdin in stdins] == [None, json.loads(MAPPED)]
    desk.verb("del", "chain", pod.path)


def test_a_plugins_refusal_is_on_stderr_with_status_1(desk: Desk) -> None:
    done = desk.run("add", "chain", "/run/netns/nowhere", "--cache-dir", str(desk.folder / "cache"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "failed to open netns" in done.stderr
    missing = desk.run("add", "no-such", "/run/netns/nowhere")
    assert (missing.returncode, "networks there: chain, ours, routed" in missing.stderr) == (1, True)


def test_two_interfaces_of_one_namespace(desk: Desk) -> None:
    pod = desk.node.pod("mysql-0")
    desk.verb("add", "chain", pod.path)
    desk.verb("add", "ours", pod.path, env={"CNI_IFNAME": "net1"})
    assert {"eth0", "net1"} <= set(desk.node.links(pod.netns))
    assert len(desk.cached()) == 2
    desk.verb("del", "ours", pod.path, env={"CNI_IFNAME": "net1"})
    desk.verb("del", "chain", pod.path)
    assert set(desk.node.links(pod.netns)) == {"lo"}


def test_gc_takes_all_of_one_network(desk: Desk) -> None:
    first, second = desk.node.pod("mysql-0"), desk.node.pod("mysql-1")
    for pod in (first, second):
        desk.verb("add", "ours", pod.path)
    desk.verb("add", "chain", first.path, env={"CNI_IFNAME": "net1"})
    asked = desk.run("gc", "ours", "--cache-dir", str(desk.folder / "cache"))
    assert asked.returncode == 1
    assert "--yes" in asked.stderr
    done = desk.run("gc", "ours", "--yes", "--cache-dir", str(desk.folder / "cache"))
    assert (done.returncode, done.stdout) == (0, "")
    assert [body["networkName"] for body in desk.cached().values()] == ["chain"]
    assert desk.node.rows("SELECT * FROM leases") == []
    desk.verb("del", "chain", first.path, env={"CNI_IFNAME": "net1"})


def test_every_plugins_versions_are_told(desk: Desk) -> None:
    told = desk.run("version", "chain", "--json")
    assert told.returncode == 0
    plugins = json.loads(told.stdout)["plugins"]
    assert [(plugin["type"], plugin["fits"]) for plugin in plugins] == [("bridge", True), ("portmap", True)]


def test_json_has_the_result_and_every_call(desk: Desk) -> None:
    pod = desk.node.pod("mysql-0")
    told = json.loads(desk.verb("add", "chain", pod.path, env={}, more=("--json", "--explain")))
    assert told["netns"] == pod.path
    assert told["result"]["ips"][0]["address"].startswith("10.90.0.")
    assert [(call["verb"], call["plugin"]) for call in told["calls"]] == [("ADD", "bridge"), ("ADD", "portmap")]
    assert told["calls"][1]["stdin"]["prevResult"]["ips"] == told["result"]["ips"]
    gone = json.loads(desk.verb("del", "chain", pod.path, more=("--json",)))
    assert gone == {key: told[key] for key in ("network", "containerID", "ifname", "netns")}
    refused = desk.run("add", "chain", "/run/netns/nowhere", "--json")
    assert (refused.returncode, "nowhere" in json.loads(refused.stdout)["msg"]) == (1, True)


def test_a_dry_run_tells_our_plan_and_does_nothing(desk: Desk) -> None:
    pod = desk.node.pod("mysql-0")
    who = {"CNI_ARGS": "K8S_POD_NAMESPACE=bank;K8S_POD_NAME=mysql-0"}
    ours = json.loads(desk.verb("add", "ours", pod.path, env=who, more=("--dry-run", "--json")))["plugins"]
    assert ours[0]["plan"]["addresses"][0]["address"] == "10.50.0.1"
    assert any("type veth" in op["command"] for op in ours[0]["plan"]["ops"])
    told = desk.verb("add", "chain", pod.path, more=("--dry-run",))
    assert told == "# bridge: can't say what it would do\n# portmap: can't say what it would do\n"
    assert set(desk.node.links(pod.netns)) == {"lo"}
    assert desk.cached() == {}
    assert desk.node.rows("SELECT * FROM leases") == []
