"""What an ADD of several networks asks of the API server, counted there, with the ledger behind it too."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.netns.agent.running import agent
from tests.netns.kubelet import Kubelet
from tests.netns.networks.conftest import NODE, Site, leg
from tests.netns.networks.test_hot_plug import attached, select
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.netns.kubelet import Pod
    from tests.servers.kube import KubeServer

POOL = """
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: legs}
spec:
  subnets: [{subnet: 10.81.0.0/24, gateway: 10.81.0.1}]
  allow: [{namespaces: [bank]}]
"""
LEGS = ("eth0", "net1", "net2")


@pytest.fixture
def site(tmp_path: Path, server: KubeServer) -> Iterator[Site]:
    """Yield a node whose ledger is behind the API server that has its pods and definitions."""
    server.serve_our_resources()
    for kind, name in (("Node", NODE), ("Namespace", "podberth-system")):
        server.operator.apply({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}})
    node = Kubelet(state=tmp_path / "state", bare=True)
    made = Site(node=node, server=server, folder=tmp_path)
    node.podberth("store", "use", "kubernetes", "--node", NODE, "--kubeconfig", str(server.kubeconfig))
    node.apply(POOL)
    for name in ("storage", "replication"):
        made.define(name, leg(tmp_path, name=name))
    try:
        with agent(node, env={"NODE_NAME": NODE}):
            yield made
    finally:
        for namespace in tuple(node.namespaces):
            node.remove_namespace(namespace)
        with contextlib.suppress(subprocess.SubprocessError):
            subprocess.run(["ip", "link", "delete", "legs0"], capture_output=True, check=False)
        server.clear("podberth.io/", "pods/", "k8s.cni.cncf.io/")


def started(site: Site, pod: Pod) -> None:
    """Start a pod, whose first network has an address of the ledger too."""
    added = site.call("ADD", pod, clusterNetwork=None, delegates=[leg(site.folder)])
    assert added.code == 0, added.stdout


def test_three_legs_read_nothing_and_write_once_for_each_address(site: Site) -> None:
    first = site.pod("mysql-0")
    started(site, first)
    pod = site.pod("mysql-1", "storage,replication")
    select(site, first, "storage")  # the watch of pods is in order: once this is heard of, the other pod is known
    assert attached(site, first, "net1")
    until(lambda: len(site.status(first)) == 2)
    before = site.server.requests()
    started(site, pod)

    def asked() -> dict[tuple[str, str], int]:
        """What was asked since, but for the agent's sign of life."""
        return {key: count for key, count in (site.server.requests() - before).items() if key[1] != "leases"}

    until(lambda: ("PATCH", "pods/status") in asked(), asked)
    assert asked() == {("POST", "addressleases"): len(LEGS), ("PATCH", "pods/status"): 1}
