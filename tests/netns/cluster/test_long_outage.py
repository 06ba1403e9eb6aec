"""The API server is away for long: the agent of a node lives through it, and what ends there ends."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.netns.agent.running import agent, ended
from tests.netns.cluster.seen import DOCUMENTS, leases
from tests.netns.kubelet import Kubelet, run
from tests.servers.kube import KubeServer
from tests.servers.ports import free_ports
from tests.sizes import size
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = size(3, 600)


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[KubeServer]:
    with KubeServer(tmp_path / "kube") as server:
        server.serve_our_resources()
        for kind, name in (("Node", "one"), ("Namespace", "bank"), ("Namespace", "podberth-system")):
            server.operator.apply({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}})
        yield server


@pytest.fixture
def node(tmp_path: Path, kube: KubeServer) -> Iterator[Kubelet]:
    made = Kubelet(state=tmp_path / "one" / "state", bare=True)
    made.network = {"bridge": "pbaway0"}
    made.podberth("store", "use", "kubernetes", "--node", "one", "--kubeconfig", str(kube.kubeconfig))
    yield made
    for namespace in made.namespaces:
        run("ip", "netns", "delete", namespace)
    run("ip", "link", "delete", "pbaway0")


def page(port: int, name: str) -> int:
    """Return the status of one of the agent's pages."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_no_agent_is_restarted_and_what_ends_is_served_while_the_api_server_is_away(
    node: Kubelet, kube: KubeServer
) -> None:
    node.apply(DOCUMENTS)
    (port,) = free_ports(1)
    with agent(node, "--metrics", f"127.0.0.1:{port}") as running:
        pods = [node.pod(f"mysql-{n}") for n in range(3)]
        for pod in pods:
            assert node.added(pod).code == 0
        stays, *go = pods
        kube.stop()
        until(lambda: page(port, "readyz") == 503)
        back = time.monotonic() + SECONDS
        for at, pod in enumerate(go):  # one at the start, one in the middle
            while time.monotonic() < back - SECONDS / (at + 1):
                assert (page(port, "healthz"), running.process.poll()) == (200, None)
                time.sleep(min(5.0, SECONDS / 10))
            assert node.call("DEL", pod).code == 0
            assert ended(node, pod)
            assert node.call("STATUS", stays).code == 0
            assert node.call("ADD", node.pod("web")).result["code"] == 11
        while time.monotonic() < back:
            assert (page(port, "healthz"), running.process.poll()) == (200, None)
            time.sleep(min(5.0, SECONDS / 10))
        kube.start()
        until(lambda: page(port, "readyz") == 200)
        until(lambda: leases(node) == {"10.61.0.11": "one"})
        assert node.call("CHECK", stays).code in (0, 7)
        assert node.added(node.pod("after")).code == 0
        assert len(running.events("serving")) == 1
