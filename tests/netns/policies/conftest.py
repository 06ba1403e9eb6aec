"""A node with an agent, a real API server with policies, and pods that serve on their legs."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import CniError
from podberth.kube.resources import NAMESPACES, NETWORK_ATTACHMENTS, PODS
from podberth.netpolicy.document import POLICY_FOR
from podberth.networks.selection import NETWORKS
from tests.netns.agent.running import Running, agent
from tests.netns.kubelet import Pod, kubelet
from tests.netns.networks.conftest import CRD as DEFINITIONS
from tests.netns.networks.conftest import Site, cluster_network, forget
from tests.netns.traffic import reaches, serving
from tests.servers.kube import KubeServer
from tests.servers.multi_network_policies import POLICIES, V1BETA1
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from podberth.kube.resources import Resource

POOLS = """
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: legs}
spec:
  subnets: [{subnet: 10.81.0.0/24, gateway: 10.81.0.1}, {subnet: "fd81::/64"}]
---
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: arms}
spec:
  subnets: [{subnet: 10.82.0.0/24, gateway: 10.82.0.1}]
"""
NODE = "edge-1"
ONE, OTHER = "default/macvlan1", "default/macvlan2"
PORT = 5555
SPACES: dict[str, dict[str, str]] = {"blue": {"team": "blue"}, "red": {"team": "red"}, "green": {}}


@dataclass
class Town(Site):
    """A node whose pods' legs are policed, and what its pods serve."""

    servers: ExitStack = field(default_factory=ExitStack)
    running: Running | None = None
    kubeconfig: str = ""

    def conf(self, **changes: object) -> dict[str, object]:
        """Return what the runtime's configuration says of all networks."""
        own = {"kubeconfig": self.kubeconfig} if self.kubeconfig else {}
        return super().conf(**{"networkPolicies": True, **own, **changes})

    def policy(
        self, spec: Mapping[str, Any], namespace: str = "blue", *, name: str = "policy", networks: str | None = ONE,
        version: Resource = V1BETA1,
    ) -> None:  # fmt: skip
        """Put a policy in force."""
        annotations = {POLICY_FOR: networks} if networks is not None else {}
        metadata = {"name": name, "namespace": namespace, "annotations": annotations}
        self.client.create(version, {"metadata": metadata, "spec": dict(spec)}, namespace)

    def bare(self, name: str, namespace: str = "blue", networks: str = ONE, **labels: str) -> Pod:
        """Make a pod of the API server's, labelled with its own name, and its sandbox here."""
        body = {
            "metadata": {
                "name": name, "namespace": namespace, "annotations": {NETWORKS: networks},
                "labels": {"name": name, **labels},
            },
            "spec": {
                "nodeName": self.name, "automountServiceAccountToken": False,
                "containers": [
                    {"name": "main", "image": "none", "ports": [{"name": "service", "containerPort": PORT}]}
                ],
            },
        }  # fmt: skip
        made = self.client.create(PODS, body, namespace)
        return self.node.pod(name, namespace=namespace, uid=made["metadata"]["uid"])

    def started(self, name: str, namespace: str = "blue", networks: str = ONE, **labels: str) -> Pod:
        """Have a pod that runs, and serves."""
        pod = self.bare(name, namespace, networks, **labels)
        added = self.added(pod)
        assert added.code == 0, added.stdout
        for port in (PORT, 6666):
            self.servers.enter_context(contextlib.closing(serving(pod.path, port)))
        return pod

    def address(self, pod: Pod, ifname: str = "net1", version: int = 4) -> str:
        """Return the address that the pod's status says of its leg."""

        def found() -> list[str]:
            entries = [one for one in self.status(pod) if one["interface"] == ifname]
            return [one for entry in entries for one in entry["ips"] if (":" in one) is (version == 6)]

        return until(found)[0]

    def reaches(self, client: Pod, server: Pod, ifname: str = "net1", *, port: int = PORT, version: int = 4) -> bool:
        """Say whether a pod reaches another's leg just now."""
        return reaches(client.path, self.address(server, ifname, version), port)

    def settled(self, expected: Mapping[tuple[Pod, Pod], bool], ifname: str = "net1", **how: int) -> bool:
        """Wait until who reaches whom is as expected; and see that it stays so."""

        def now() -> dict[tuple[Pod, Pod], bool]:
            return {(one, other): self.reaches(one, other, ifname, **how) for one, other in expected}

        def shown() -> str:
            return str({f"{one.name} -> {other.name}": found for (one, other), found in now().items()})

        return until(lambda: now() == expected, shown) and now() == expected

    def rules(self, pod: Pod) -> str:
        """Return what nft shows inside a pod."""
        return self.node.inside(pod.netns, "nft", "list", "ruleset")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    with KubeServer(tmp_path_factory.mktemp("kube")) as running:
        for kind in (DEFINITIONS, POLICIES):
            running.operator.apply(kind)
        until(lambda: _listed(running))
        for name, labels in SPACES.items():
            running.operator.apply(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
            )
        yield running


def _listed(server: KubeServer) -> bool:
    try:
        for resource in (NETWORK_ATTACHMENTS, V1BETA1):
            server.operator.client.list(resource)
    except CniError:
        return False
    return True


@pytest.fixture
def unserved(tmp_path: Path, server: KubeServer) -> Iterator[Town]:
    """Yield a node without an agent."""
    with kubelet(tmp_path / "state", POOLS, bare=True) as node, ExitStack() as servers:
        made = Town(node=node, server=server, folder=tmp_path, servers=servers)
        (tmp_path / "net.d").mkdir()
        (tmp_path / "net.d" / "10-cluster.conflist").write_text(json.dumps(cluster_network(tmp_path)))
        for name, bridge, pool in (("macvlan1", "legs0", "legs"), ("macvlan2", "arms0", "arms")):
            plugin = {"type": "podberth", "bridge": bridge, "pool": pool, "stateDir": str(node.state)}
            made.define(name, {"cniVersion": "1.1.0", "name": name, "plugins": [plugin]}, "default")
        yield made
    for bridge in ("cluster0", "legs0", "arms0"):
        subprocess.run(["ip", "link", "delete", bridge], capture_output=True, check=False)
    client = made.client
    for resource in (PODS, NETWORK_ATTACHMENTS, V1BETA1):
        for one in client.list(resource).items:
            forget(client, resource, one["metadata"]["name"], one["metadata"]["namespace"])
    for name, labels in SPACES.items():
        client.merge_patch(NAMESPACES, name, {"metadata": {"labels": {"team": labels.get("team")}}})
    shutil.rmtree(tmp_path / "cni", ignore_errors=True)


@pytest.fixture
def town(unserved: Town) -> Iterator[Town]:
    """Yield a node with an agent."""
    with agent(unserved.node, env={"NODE_NAME": NODE}) as running:
        unserved.running = running
        yield unserved
