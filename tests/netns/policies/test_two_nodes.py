"""Peers on another node, with the ledger in a real etcd: what the ledger has for a pod counts, and nothing else."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest

from podberth.kube.resources import NETWORK_ATTACHMENTS, PODS
from podberth.networks.status import STATUS
from tests.netns.agent.running import agent
from tests.netns.kubelet import Kubelet, run
from tests.netns.networks.conftest import cluster_network, forget
from tests.netns.policies.conftest import POOLS, Town
from tests.netns.policies.test_cases import SERVER, named
from tests.servers.etcd import EtcdServer
from tests.servers.multi_network_policies import V1BETA1

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.kube import KubeServer

LEGS = {"edge-1": "default/legs-edge-1", "edge-2": "default/legs-edge-2"}


@pytest.fixture
def towns(tmp_path: Path, server: KubeServer) -> Iterator[tuple[Town, Town]]:
    """Yield two nodes of one cluster with one ledger, each with an agent."""
    made: list[Town] = []
    with EtcdServer() as etcd, contextlib.ExitStack() as ends:
        for name in ("edge-1", "edge-2"):
            folder = tmp_path / name
            node = Kubelet(state=folder / "state", bare=True)
            node.podberth("store", "use", "etcd", "--endpoint", etcd.url, "--node", name)
            town = Town(node=node, server=server, folder=folder, name=name, servers=ends)
            made.append(town)
            (folder / "net.d").mkdir()
            network = json.dumps(cluster_network(folder)).replace("cluster0", f"c-{name}")
            (folder / "net.d" / "10-cluster.conflist").write_text(network)
            plugin = {"type": "podberth", "bridge": "legs0", "pool": "legs", "stateDir": str(node.state)}
            town.define(f"legs-{name}", {"cniVersion": "1.1.0", "name": "legs", "plugins": [plugin]}, "default")
        made[0].node.podberth("store", "upgrade")
        made[0].node.apply(POOLS)
        for town in made:
            town.running = ends.enter_context(agent(town.node, env={"NODE_NAME": town.name}))
        yield made[0], made[1]
        ends.close()
        for town in made:
            for namespace in town.node.namespaces:
                run("ip", "netns", "delete", namespace)
        for bridge in ("c-edge-1", "c-edge-2", "legs0"):
            with contextlib.suppress(AssertionError):
                run("ip", "link", "delete", bridge)
    client = made[0].client
    for resource in (PODS, NETWORK_ATTACHMENTS, V1BETA1):
        for one in client.list(resource).items:
            forget(client, resource, one["metadata"]["name"], one["metadata"]["namespace"])


def test_a_peer_of_another_node_counts_by_the_ledger_and_what_it_says_besides_does_not(
    towns: tuple[Town, Town],
) -> None:
    here, there = towns
    near, far = LEGS["edge-1"], LEGS["edge-2"]
    here.policy({"podSelector": SERVER, "ingress": [{"from": [named("a")]}]}, networks=f"{near},{far}")
    server, other = (here.started(name, networks=near) for name in ("server", "other"))
    a, b = (there.started(name, networks=far) for name in ("a", "b"))
    assert here.settled({(a, server): True, (b, server): False, (other, server): False})
    forged = [here.address(other), there.address(b), "10.81.0.99"]
    entries = [*there.status(a), {"name": far, "interface": "net1", "ips": forged}]
    there.client.merge_patch(PODS, "a", {"metadata": {"annotations": {STATUS: json.dumps(entries)}}}, "blue")
    assert here.running is not None
    assert here.running.wait_for("peers not counted")[0]["peers"] == [
        f"{forged[0]} of blue/a: the ledger has it for blue/other",
        f"{forged[1]} of blue/a: the ledger has it for blue/b",
        f"{forged[2]} of blue/a: no ledger has it, and peersByStatus does not name its network",
    ]
    assert here.settled({(a, server): True, (b, server): False, (other, server): False})
