"""Other nodes, as the Kubernetes API knows them (`ipam.elsewhere.Elsewhere`); what a pod is told is an Event on it.

It is asked only when an address is held by another node's lease: one to four reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.cni.errors import Refused
from podberth.ipam.elsewhere import MOVED
from podberth.kube import errors, resources
from podberth.kube.events import NORMAL, WARNING, Recorder
from podberth.process.log import say
from podberth.process.outbox import Outbox
from podberth.stores.kubernetes.predecessor import OUT_OF_SERVICE, of_fence, of_pod, of_report, unnamed

if TYPE_CHECKING:
    from podberth.cni.pod import PodRef
    from podberth.ipam.elsewhere import Fence, Verdict
    from podberth.ipam.lease import Lease
    from podberth.kube.client import Client
    from podberth.kube.resources import Resource

    Object = dict[str, Any]

COMPONENT = "podberth"
HEARTBEATS = "kube-node-lease"  # the namespace of kubelets' Leases (KEP-589)
MOST = 256  # events that wait to be posted


class KubernetesElsewhere:
    """`node` is this node's name, as leases have it and Events show it. Threads share it."""

    def __init__(self, client: Client, node: str) -> None:
        self._client = client
        self._node = node
        self._recorder = Recorder(client, COMPONENT, node)
        self._outbox: Outbox[tuple[Object, str, str, str]] = Outbox("events", self._post, _lost, MOST)

    def judge(self, lease: Lease, pod: PodRef | None) -> Verdict:
        """Say whether the lease's holder is dead. Raises what the API server's absence amounts to."""
        of = lease.pod
        now = self._get(resources.PODS, of.name, of.namespace) if of is not None else None
        verdict = of_pod(lease, pod, now)
        if verdict is not None:
            return verdict
        there = self._get(resources.NODES, lease.node)
        if there is None and self._get(resources.NODES, self._node) is None:
            return unnamed(lease, self._node)
        return of_fence(lease, there) or of_report(lease, now, self._get(resources.LEASES, lease.node, HEARTBEATS))

    def tell(self, pod: PodRef, reason: str, message: str) -> None:
        """Post an Event on the pod, in a thread that is there while there is something to post."""
        metadata = {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid}
        about = {"apiVersion": resources.PODS.api_version, "kind": resources.PODS.kind, "metadata": metadata}
        self._outbox.put((about, NORMAL if reason == MOVED else WARNING, reason, message))

    def settle(self) -> None:
        """Wait until what was told so far is posted, or given up."""
        self._outbox.settle()

    def registered(self, node: str) -> bool:  # noqa: ARG002
        """Return False: here the Node object says which machine it is."""
        return False

    def fences(self) -> tuple[Fence, ...]:
        """Return nothing: here nodes are fenced in their own objects."""
        return ()

    def fence(self, said: Fence) -> bool:
        """Refuse it: what Kubernetes itself acts on has to be said to Kubernetes."""
        taint = f"{OUT_OF_SERVICE}{'' if said.lifted else '=nodeshutdown'}:NoExecute{'-' if said.lifted else ''}"
        raise Refused(
            f"node {said.node} is fenced in its Node object, where all of Kubernetes sees it",
            f"kubectl taint nodes {said.node} {taint}",
        )

    def _get(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        try:
            return self._client.get(resource, name, namespace)
        except errors.NotFound:
            return None

    def _post(self, event: tuple[Object, str, str, str]) -> None:
        self._recorder.post(*event)


def _lost(why: str, events: int) -> None:
    say(f"podberth: {events} events were not posted: {why}")
