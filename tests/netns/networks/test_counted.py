"""What an ADD of several networks asks of the API server, counted there, with the ledger behind it too."""

from __future__ import annotations

import contextlib
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.netns.agent.running import agent
from tests.netns.agent.test_desk import samples
from tests.netns.kubelet import Kubelet
from tests.netns.networks.conftest import NODE, Site, leg
from tests.netns.networks.test_hot_plug import attached, select
from tests.servers.audit import COUNTED
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
    node.podberth(
        "store", "use", "kubernetes", "--node", NODE, "--kubeconfig", str(server.user(COUNTED, "system:masters"))
    )
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
    own = str(site.server.root / f"{COUNTED}.kubeconfig")
    added = site.added(pod, clusterNetwork=None, delegates=[leg(site.folder)], kubeconfig=own)
    assert added.code == 0, added.stdout


def rested(site: Site) -> bool:
    """Say whether the agent has read all that it follows, so that it asks nothing more on its own account."""
    found = samples(site.node)
    unheard = [number for name, number in found.items() if name.startswith("podberth_watches") and "unheard" in name]
    return bool(unheard) and not any(unheard) and not found["podberth_cluster_stores_away{}"]


def test_three_legs_read_nothing_and_write_once_for_each_address(site: Site) -> None:
    first = site.pod("mysql-0")
    started(site, first)
    pod = site.pod("mysql-1", "storage,replication")
    select(site, first, "storage")  # the watch of pods is in order: once this is heard of, the other pod is known
    assert attached(site, first, "net1")
    until(lambda: len(site.status(first)) == 2)
    until(lambda: rested(site))
    before = site.server.requests()
    started(site, pod)

    def asked() -> Counter[tuple[str, str]]:
        """What the agent has asked since, but for its sign of life."""
        since = site.server.requests() - before
        return Counter({key: count for key, count in since.items() if key[1] != "leases"})

    expected = Counter({("create", "addressleases"): len(LEGS), ("patch", "pods/status"): 1})
    until(lambda: asked() >= expected, asked)
    assert asked() == expected
