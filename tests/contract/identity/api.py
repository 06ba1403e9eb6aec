"""Pods, nodes and heartbeats as API objects, made by the tests: no kubelet and no controller is there to make them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from podberth.kube import errors
from podberth.kube.client import Call
from podberth.kube.config import load
from podberth.kube.resources import EVENTS, LEASES, NAMESPACES, NODES, PODS
from tests.contract.clusters import kube_server
from tests.contract.identity.site import POD
from tests.servers.asking import PatientClient
from tests.servers.operator import SECONDS

if TYPE_CHECKING:
    from podberth.kube.resources import Resource

HEARTBEATS = "kube-node-lease"
BELOW = ("pods/bank/", "minions/", f"leases/{HEARTBEATS}/", "events/bank/")


class Api:
    """What `kubectl`, the kubelets and the controllers would do to one pod and its nodes."""

    def __init__(self) -> None:
        self.client = PatientClient(load(str(kube_server().kubeconfig)), timeout=SECONDS)
        self._clear()
        for namespace in ("bank", HEARTBEATS):
            self._make(NAMESPACES, {"metadata": {"name": namespace}})

    def node(self, name: str, *, ready: str = "True", reason: str = "KubeletReady") -> None:
        """Have a node be, and its condition Ready be so."""
        self._make(NODES, {"metadata": {"name": name}})
        condition = {"type": "Ready", "status": ready, "reason": reason}
        self.client.merge_patch(NODES, name, {"status": {"conditions": [condition]}}, subresource="status")

    def lose(self, name: str) -> None:
        """Do what the node lifecycle controller does to a node that was not heard of for 40 seconds."""
        self.node(name, ready="Unknown", reason="NodeStatusUnknown")

    def taint(self, name: str) -> None:
        """Do what an operator does to a node that is shut down."""
        taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
        self.client.merge_patch(NODES, name, {"spec": {"taints": [taint]}})

    def report(self, name: str, seconds: float) -> None:
        """Have the node's kubelet report so many seconds after the pod there is now was created."""
        created = datetime.fromisoformat(self._pod()["metadata"]["creationTimestamp"])
        renewed = (created + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewed}
        self._make(LEASES, {"metadata": {"name": name, "namespace": HEARTBEATS}}, HEARTBEATS)
        self.client.merge_patch(LEASES, name, {"spec": spec}, HEARTBEATS)

    def pod(self, node: str, *, phase: str = "Running") -> str:
        """Create the pod on a node; return its UID."""
        spec = {"nodeName": node, "containers": [{"name": "mysql", "image": "mysql"}]}
        made = self.client.create(PODS, {"metadata": {"name": POD, "namespace": "bank"}, "spec": spec}, "bank")
        self.phase(phase)
        return str(made["metadata"]["uid"])

    def phase(self, phase: str) -> None:
        self.client.merge_patch(PODS, POD, {"status": {"phase": phase}}, "bank", subresource="status")

    def remove_pod(self) -> None:
        """Have the pod's object gone: the kubelet's last word on it, and what `--force` does without that."""
        now = json.dumps({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}).encode()
        self.client.call(Call(verb="delete", resource=PODS, namespace="bank", name=POD, body=now))

    def remove_node(self, name: str) -> None:
        self.client.delete(NODES, name)

    def events(self, uid: str) -> list[tuple[str, str, str]]:
        """Return the Events on the pod of that UID: type, reason, message."""
        found = self.client.list(EVENTS, "bank", fields=f"involvedObject.uid={uid}").items
        return [(event["type"], event["reason"], event["message"]) for event in found]

    def close(self) -> None:
        self._clear()
        self.client.close()

    def describe(self) -> str:
        """Return what a user sees."""
        return kube_server().kubectl("-n", "bank", "describe", "pod", POD)

    def _clear(self) -> None:
        kube_server().clear(*BELOW)

    def _pod(self) -> dict[str, Any]:
        return self.client.get(PODS, POD, "bank")

    def _make(self, resource: Resource, made: dict[str, Any], namespace: str = "") -> None:
        try:
            self.client.create(resource, made, namespace)
        except errors.AlreadyExists:
            pass
