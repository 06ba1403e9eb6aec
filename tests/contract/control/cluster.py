"""A cluster's operator, its nodes and its pods, in short words."""

from __future__ import annotations

import json
import tempfile
from io import StringIO
from typing import TYPE_CHECKING, Any

from podberth.cni.pod import Attachment, PodRef
from podberth.controller.service import Controller
from podberth.controller.service import Options as ControllerOptions
from podberth.controller.sweep import Settings
from podberth.controller.webhook import Options, Webhook
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.kube.client import Call
from podberth.kube.config import load
from podberth.kube.resources import ADDRESS_RESERVATIONS, NODES, POD_NETWORKS, PODS, POOLS
from podberth.process.certificate import Files
from podberth.process.journal import Journal
from podberth.stores.clock import node_clock
from podberth.stores.kubernetes.once import OnceNodes
from podberth.stores.kubernetes.store import KubernetesCluster
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from tests.checkout import ROOT
from tests.servers.asking import PatientClient, kubectl
from tests.servers.operator import SECONDS, objects
from tests.waiting import until

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from podberth.ipam.lease import Lease
    from tests.servers.kube import KubeServer

HOME = "podberth-system"
PLUGIN = Actor(who="plugin", why="ADD", node="node1")
API_VERSION = "podberth.io/v1alpha1"
DECLARING = {of.kind.lower(): of for of in (POOLS, POD_NETWORKS, ADDRESS_RESERVATIONS)}


class Cluster:
    """One cluster, a client of its own to its ledger, and whatever was started in it."""

    def __init__(self, server: KubeServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.client = PatientClient(load(str(server.kubeconfig)), timeout=SECONDS)
        self.store = KubernetesCluster(self.client, HOME, "test")
        proposer = Proposer(Replica(tempfile.mkdtemp(dir=folder)), self.store, "node1", current=True)
        self.ledger = ClusterLedger(proposer, clock=node_clock)
        self.policies = ClusterPolicies(proposer)
        self._webhooks: list[Webhook] = []
        self._controllers: list[Controller] = []

    def close(self) -> None:
        self.stop_webhooks()
        for controller in self._controllers:
            controller.stop()
        self.client.close()

    def stop_webhooks(self) -> None:
        while self._webhooks:
            self._webhooks.pop().stop()

    def kubectl(self, *arguments: str, stdin: object = None) -> subprocess.CompletedProcess[str]:
        cache = self.server.root / "cache"
        command = ["kubectl", f"--kubeconfig={self.server.kubeconfig}", f"--cache-dir={cache}", *arguments]
        given = stdin if isinstance(stdin, str) else json.dumps(stdin)
        return kubectl(command, given)

    def apply(self, *documents: dict[str, Any] | str) -> None:
        """Apply, which must succeed: objects, or YAML."""
        for document in documents:
            self.server.operator.apply(*(objects(document) if isinstance(document, str) else [document]))

    def refused(self, document: dict[str, Any]) -> str:
        """Return what the API server says to an object that must not be accepted."""
        said = self.server.operator.refusal(document)
        assert said, f"accepted: {document}"
        return said

    def webhook(self, kubeconfig: str = "", *, own_pools: bool = False) -> Webhook:
        """Start a webhook, and return once it follows the cluster and the API server asks it."""
        certificate, key = self.server.authority.issue("webhook", "webhook", hosts="IP:127.0.0.1")
        files = Files(certificate, key)
        options = Options(
            listen=("127.0.0.1", 0),
            kubeconfig=kubeconfig or str(self.server.kubeconfig),
            home=HOME,
            source=lambda _: files,
            own_pools=own_pools,
        )
        webhook = Webhook(options, Journal("error", StringIO()))
        webhook.start()
        self._webhooks.append(webhook)
        until(lambda: not webhook._feed.away)
        self.configure(f"https://127.0.0.1:{webhook.port}/validate")
        wrong = pool("asked", "10.255.0.0/24", gateway="10.0.0.1")
        until(lambda: "gateway" in self.server.operator.refusal(wrong, dry_run=True))
        return webhook

    def configure(self, url: str) -> None:
        """Apply the configuration of deploy/, with a URL in the place of the Service."""
        manifest = (ROOT / "deploy/base/webhook/configuration.yaml").read_text()
        (made,) = objects(manifest)
        for hook in made["webhooks"]:
            hook["clientConfig"] = {"url": url, "caBundle": _bundle(self.server)}
        self.apply(made)

    def controller(
        self, *, grace: float = 1.0, archiving: float = 3600.0, kubeconfig: str = "", log: StringIO | None = None,
        publishing: bool = False, own_pools: bool = False,
    ) -> Controller:  # fmt: skip
        """Start a controller that looks often."""
        options = ControllerOptions(
            kubeconfig=kubeconfig or str(self.server.kubeconfig), home=HOME, interval=0.2, archiving=archiving,
            settings=Settings(grace=grace, nearly_full=50, publishing=publishing, own_pools=own_pools),
            metrics=("127.0.0.1", 0),
        )  # fmt: skip
        controller = Controller(options, Journal("warning", log or StringIO()))
        controller.start()
        self._controllers.append(controller)
        return controller

    def stop(self, controller: Controller) -> None:
        self._controllers.remove(controller)
        controller.stop()

    def sweeps(self, controller: Controller, count: int = 3) -> None:
        """Wait until the controller has looked at everything that often, from now on."""
        enough = controller.swept + count
        until(lambda: controller.swept >= enough)

    def status(self, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
        return self.object(kind, name, namespace).get("status") or {}

    def object(self, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
        return self.client.get(DECLARING[kind], name, namespace)

    def condition(self, kind: str, name: str, namespace: str = "") -> tuple[str, str]:
        """Return the first condition's status and message."""
        found = self.status(kind, name, namespace).get("conditions") or [{}]
        return found[0].get("status", ""), found[0].get("message", "")

    def node(self, name: str, *, ready: bool = True, taints: tuple[str, ...] = ()) -> None:
        """Make a node, or change it."""
        spec = {"taints": [{"key": key, "effect": "NoExecute", "value": "x"} for key in taints]}
        self.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec})
        said = {"type": "Ready", "status": "True" if ready else "Unknown"}
        self.client.merge_patch(NODES, name, {"status": {"conditions": [said]}}, subresource="status")

    def pod(self, name: str, node: str = "", phase: str = "Running") -> str:
        """Make a pod; return its UID."""
        namespace, _, own = name.partition("/")
        containers = [{"name": "main", "image": "none"}]
        spec: dict[str, Any] = {"containers": containers, **({"nodeName": node} if node else {})}
        made = self.client.create(PODS, {"metadata": {"name": own}, "spec": spec}, namespace)
        self.client.merge_patch(PODS, own, {"status": {"phase": phase}}, namespace, subresource="status")
        return str(made["metadata"]["uid"])

    def no_pod(self, name: str) -> None:
        """Have the pod be gone at once."""
        namespace, _, own = name.partition("/")
        now = json.dumps({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}).encode()
        self.client.call(Call(verb="delete", resource=PODS, namespace=namespace, name=own, body=now))

    def bind(
        self, name: str, *, uid: str, address: str | None = None, pool: str = "db", node: str = "node1",
        sticky: bool = False,
    ) -> Lease:  # fmt: skip
        """Do what an ADD of the pod on the node would, whose agent has proven that it is a Node."""
        from ipaddress import ip_address

        OnceNodes(self.client, HOME).note(node)

        namespace, _, own = name.partition("/")
        claim = Claim(
            attachment=Attachment(network="banknet", container_id=f"c-{own}-{uid}", ifname="eth0"),
            pod=PodRef(namespace=namespace, name=own, uid=uid),
            netns="/run/netns/x",
            wanted=(Wanted(pool=pool, family=4, address=ip_address(address) if address else None),),
            sticky=sticky,
        )
        (lease,) = self.ledger.bind(claim, Actor(who="plugin", why="ADD", node=node))
        return lease

    def leased(self) -> list[str]:
        return [f"{lease.address} {lease.pod}" for lease in self.ledger.leases()]

    def reserved(self) -> list[str]:
        return [f"{kept.address} {kept.pod} {kept.origin}" for kept in self.ledger.reservations()]


def pool(name: str = "db", subnet: str = "10.20.0.0/24", **subnets: object) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "Pool",
        "metadata": {"name": name},
        "spec": {"subnets": [{"subnet": subnet, **subnets}]},
    }


def podnetwork(name: str, *addresses: str, pod: str = "", namespace: str = "db", **member: object) -> dict[str, Any]:
    """Return a PodNetwork for one pod."""
    attachment = {"pool": "db", **member} | ({"addresses": list(addresses)} if addresses else {})
    return {
        "apiVersion": API_VERSION,
        "kind": "PodNetwork",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"pod": pod or name, "attachments": [attachment]},
    }


def of_set(name: str, replicas: int, *ordinals: object, namespace: str = "db") -> dict[str, Any]:
    """Return a PodNetwork for a StatefulSet."""
    made = podnetwork(name, namespace=namespace)
    made["spec"] = {
        "statefulSet": {"name": name, "replicas": replicas},
        "attachments": [{"pool": "db", "ordinals": list(ordinals)}],
    }
    return made


def reservation(name: str, address: str, pod: str, **more: object) -> dict[str, Any]:
    namespace, _, own = pod.partition("/")
    spec = {"address": address, "pool": "db", "pod": {"namespace": namespace, "name": own}, **more}
    return {"apiVersion": API_VERSION, "kind": "AddressReservation", "metadata": {"name": name}, "spec": spec}


def config_map(name: str, text: str, namespace: str = "db") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": name, "labels": {"podberth.io/policies": "true"}},
        "data": {"declared.yaml": text},
    }


def _bundle(server: KubeServer) -> str:
    import base64

    return base64.b64encode(server.authority.certificate.read_bytes()).decode()


def node(cluster: Cluster) -> ClusterPolicies:
    """Return what a node that was never there before has in force."""
    store = KubernetesCluster(cluster.client, HOME, "fresh")
    return ClusterPolicies(Proposer(Replica(tempfile.mkdtemp(dir=cluster.folder)), store, "fresh", current=True))


def in_force(policies: ClusterPolicies) -> list[str]:
    """Return the PodNetworks that are in force, as messages call them."""
    return [str(one) for one in policies.pod_networks()]
