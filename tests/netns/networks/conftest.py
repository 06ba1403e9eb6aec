"""A node whose runtime calls a meta plugin, and a real API server with pods and networks' definitions."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from podberth.cni.errors import CniError
from podberth.kube.client import Call
from podberth.kube.resources import IPAM_CLAIMS, NETWORK_ATTACHMENTS, PODS
from tests.checkout import ROOT
from tests.documents.pages import blocks
from tests.netns.agent.running import agent
from tests.netns.kubelet import BUILT, Answer, Kubelet, Pod, kubelet, unless_told_to_wait
from tests.servers.ipam_claims import CLAIMS
from tests.servers.kube import KubeServer
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.kube.client import Client
    from podberth.kube.resources import Resource

POOL = """
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: legs}
spec:
  subnets: [{subnet: 10.81.0.0/24, gateway: 10.81.0.1}]
  allow: [{namespaces: [bank], podRequests: true, macs: ["02:00:00"]}]
"""
NAMESPACE = "bank"
NODE = "edge-1"  # where all pods are
# Of the page: whoever never had Multus takes it from there.
CRD: dict[str, Any] = next(
    document
    for block in blocks((ROOT / "docs/several-networks.md").read_text())
    if block.language == "yaml"
    for document in yaml.safe_load_all(block.text)
    if document.get("kind") == "CustomResourceDefinition"
)


@dataclass
class Site:
    """One node, and the cluster it is of."""

    node: Kubelet
    server: KubeServer
    folder: Path
    path: str = str(BUILT)  # where plugins are looked for
    name: str = NODE

    @property
    def client(self) -> Client:
        """The cluster's administrator."""
        return self.server.operator.client

    def conf(self, **changes: object) -> dict[str, object]:
        """Return what the runtime's configuration says of all networks."""
        own = {
            "type": "podberth-networks",
            "name": "every",
            "bridge": None,
            "pool": None,
            "confDir": str(self.folder / "net.d"),
            "cniDir": str(self.folder / "cni"),
            "binDir": str(ROOT / "build" / "cni-standard"),
            "kubeconfig": str(self.server.kubeconfig),
            "clusterNetwork": "cluster",
        }
        return {**own, **changes}

    def call(self, verb: str, pod: Pod, *, tripwire: str | None = None, **changes: object) -> Answer:
        """Make a call of the meta plugin; with `tripwire` it may die on the way."""
        env = {"CNI_PATH": self.path, "PLUGIN": "podberth-networks"}
        said = cast("Any", self.conf(**changes))
        return self.node.call(verb, pod, plugin="podberth-networks", env=env, tripwire=tripwire, **said)

    def added(self, pod: Pod, **changes: Any) -> Answer:
        """Make an ADD as a runtime does it: again while it is told to try again later."""
        return unless_told_to_wait(lambda: self.call("ADD", pod, **changes))

    def collect(self, *valid: Pod) -> Answer:
        """Make a GC call: only these pods are there."""
        stay = [{"containerID": pod.container_id, "ifname": "eth0"} for pod in valid]
        pod = Pod(name="none", container_id="none", netns="none")
        return self.call("GC", pod, **cast("Any", {"cni.dev/valid-attachments": stay}))

    def left(self) -> list[object]:
        """Return what is recorded, leased, lent by the folder of the cluster's network, and remembered."""
        found: list[object] = [*self.node.rows("SELECT * FROM leases"), *self.node.rows("SELECT * FROM attachments")]
        own = self.node.state / "networks" / "podberth.db"
        if own.exists():
            with contextlib.closing(sqlite3.connect(own)) as database:
                found += database.execute("SELECT * FROM attachments").fetchall()
        lent = self.folder / "host-local" / "cluster"
        names = [*lent.glob("10.*"), *(self.folder / "cni" / "results").glob("*")]
        return [*found, *(path.name for path in names)]

    def gone(self, pod: Pod) -> bool:
        """Wait until the pod has no link but lo, and nothing is left: an agent answers a DEL before its end."""
        until(lambda: set(self.node.links(pod.netns)) == {"lo"})
        return self.all_ended()

    def all_ended(self) -> bool:
        """Wait until nothing is left of any pod."""
        return until(lambda: not self.left(), lambda: f"left: {self.left()}")

    def told(self, pod: Pod, entries: int) -> list[dict[str, Any]]:
        """Return the pod's network-status once it has so many entries."""
        return until(lambda: found if len(found := self.status(pod)) == entries else [])

    def define(self, name: str, config: object, namespace: str = NAMESPACE, **annotations: str) -> None:
        """Make a definition; a `config` that is no text is written as JSON."""
        text = config if isinstance(config, str) else json.dumps(config)
        metadata = {"name": name, "namespace": namespace, "annotations": annotations}
        self.client.create(NETWORK_ATTACHMENTS, {"metadata": metadata, "spec": {"config": text}}, namespace)

    def claim(self, name: str, *ips: str, **spec: object) -> str:
        """Make an IPAMClaim, with a status if there are `ips`; return its UID."""
        said = {"network": "legs", "interface": "net1", **spec}
        made = self.client.create(IPAM_CLAIMS, {"metadata": {"name": name}, "spec": said}, NAMESPACE)
        if ips:
            status = {"status": {"ips": list(ips), "ownerPod": "before"}}
            self.client.merge_patch(IPAM_CLAIMS, name, status, NAMESPACE, subresource="status")
        return str(made["metadata"]["uid"])

    def claim_status(self, name: str) -> dict[str, Any]:
        """Return what a claim's status says."""
        return dict(self.client.get(IPAM_CLAIMS, name, NAMESPACE).get("status", {}))

    def kept(self) -> list[tuple[str, str]]:
        """Return what is reserved, and for whom, as the store has it."""
        rows = self.node.rows("SELECT address, namespace, pod FROM reservations ORDER BY address")
        return [(str(ip_address(cast("bytes", address))), f"{namespace}/{pod}") for address, namespace, pod in rows]

    def pod(
        self, name: str, networks: object = "", labels: dict[str, str] | None = None, namespace: str = NAMESPACE,
        **annotations: str,
    ) -> Pod:  # fmt: skip
        """Make a pod of the API server's, and its sandbox here."""
        text = networks if isinstance(networks, str) else json.dumps(networks)
        said = {**({"k8s.v1.cni.cncf.io/networks": text} if text else {}), **annotations}
        body = {
            "metadata": {"name": name, "namespace": namespace, "annotations": said, "labels": labels or {}},
            "spec": {
                "nodeName": self.name,
                "containers": [{"name": "main", "image": "none"}],
                "automountServiceAccountToken": False,
            },
        }
        made = self.client.create(PODS, body, namespace)
        return self.node.pod(name, namespace=namespace, uid=made["metadata"]["uid"])

    def remove_pod(self, pod: Pod) -> None:
        """Have the API server forget the pod."""
        forget(self.client, PODS, pod.name, pod.namespace)

    def status(self, pod: Pod) -> list[dict[str, Any]]:
        """Return the pod's network-status; [] if it has none."""
        annotations = self.client.get(PODS, pod.name, pod.namespace)["metadata"].get("annotations", {})
        return list(json.loads(annotations.get("k8s.v1.cni.cncf.io/network-status", "[]")))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    with KubeServer(tmp_path_factory.mktemp("kube")) as running:
        for definition in (CRD, CLAIMS):
            running.operator.apply(definition)
        until(lambda: _listed(running.operator.client))
        for namespace in (NAMESPACE, "shared"):
            running.operator.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        yield running


def forget(client: Client, resource: Resource, name: str, namespace: str) -> None:
    """Have an object gone at once: nobody ends pods of a node that is none."""
    body = json.dumps({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}).encode()
    client.call(Call(verb="delete", resource=resource, namespace=namespace, name=name, body=body))


def _listed(client: Client) -> bool:
    try:
        client.list(NETWORK_ATTACHMENTS)
        client.list(IPAM_CLAIMS)
    except CniError:
        return False
    return True


@pytest.fixture
def site(tmp_path: Path, server: KubeServer) -> Iterator[Site]:
    """Yield a node without an agent."""
    with kubelet(tmp_path / "state", POOL, bare=True) as node:
        made = Site(node=node, server=server, folder=tmp_path)
        (tmp_path / "net.d").mkdir()
        (tmp_path / "net.d" / "10-cluster.conflist").write_text(json.dumps(cluster_network(tmp_path)))
        yield made
    for bridge in ("cluster0", "legs0"):
        subprocess.run(["ip", "link", "delete", bridge], capture_output=True, check=False)
    emptied(made.client)
    shutil.rmtree(tmp_path / "cni", ignore_errors=True)


def emptied(client: Client) -> None:
    """Have the API server forget what a test has made."""
    for resource in (PODS, NETWORK_ATTACHMENTS, IPAM_CLAIMS):
        for one in client.list(resource).items:
            forget(client, resource, one["metadata"]["name"], one["metadata"]["namespace"])


@pytest.fixture(params=["alone", "agent"])
def served(site: Site, request: pytest.FixtureRequest) -> Iterator[Site]:
    """Yield a node whose calls are served by a process each, and one that has an agent."""
    with agent(site.node) if request.param == "agent" else contextlib.nullcontext():
        yield site


def cluster_network(folder: Path) -> dict[str, object]:
    """Return the cluster's network: a bridge with addresses of a folder, as most clusters have it."""
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": "10.80.0.0/24"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(folder / "host-local"),
    }
    bridge = {
        "type": "bridge",
        "bridge": "cluster0",
        "isGateway": True,
        "ipam": ipam,
        "stateDir": str(folder / "state"),
    }
    return {"cniVersion": "1.1.0", "name": "cluster", "plugins": [bridge]}


def leg(folder: Path, **changes: object) -> dict[str, object]:
    """Return a second network: addresses by the pods' names, of podberth's ledger."""
    own = {"type": "podberth", "bridge": "legs0", "pool": "legs", "stateDir": str(folder / "state")}
    return {"cniVersion": "1.1.0", "name": "legs", "plugins": [{**own, **changes}]}
