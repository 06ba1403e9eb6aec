"""Other nodes, as the Kubernetes API knows them (`ipam.elsewhere.Elsewhere`); what a pod is told is an Event on it.

It is asked only when an address is held by another node's lease: one to five reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.cni.errors import Refused
from podberth.ipam.elsewhere import MOVED
from podberth.kube import errors, resources
from podberth.kube.events import NORMAL, WARNING, Recorder
from podberth.process.log import notice
from podberth.process.outbox import Outbox
from podberth.stores.chosen import NAMESPACE
from podberth.stores.kubernetes.machines import Machines
from podberth.stores.kubernetes.once import OnceNodes
from podberth.stores.kubernetes.predecessor import (
    OUT_OF_SERVICE,
    of_fence,
    of_machine,
    of_pod,
    of_report,
    unknown,
    unnamed,
)

if TYPE_CHECKING:
    from podberth.cni.pod import PodRef
    from podberth.ipam.elsewhere import Fence, Verdict
    from podberth.ipam.lease import Lease
    from podberth.ipam.registration import Registration
    from podberth.kube.client import Client
    from podberth.kube.resources import Resource
    from podberth.process.reason import Reason
    from podberth.stores.kubernetes.machines import Machine

    Object = dict[str, Any]

COMPONENT = "podberth"
HEARTBEATS = "kube-node-lease"  # the namespace of kubelets' Leases (KEP-589)
MOST = 256  # events that wait to be posted


class KubernetesElsewhere:
    """`node` is this node's name, as leases have it and Events show it. Threads share it.

    `home` is podberth's own namespace. `alone`: this machine is no Node, and takes no name for gone that is none.
    """

    def __init__(self, client: Client, node: str, home: str = NAMESPACE, *, alone: bool = False) -> None:
        self._client = client
        self._node = node
        self._alone = alone
        self._machines = Machines(client, home)
        self._once = OnceNodes(client, home)
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
        if there is None:
            machine = self._machines.holder(lease)
            if machine is not None or self._alone:
                return of_machine(lease, machine.fenced if machine is not None else None)
            if self._get(resources.NODES, self._node) is None:
                return unnamed(lease, self._node)
            if not self._once.has(lease.node):
                return unknown(lease)
        return of_fence(lease, there) or of_report(lease, now, self._get(resources.LEASES, lease.node, HEARTBEATS))

    def tell(self, pod: PodRef, reason: str, message: str) -> None:
        """Post an Event on the pod, in a thread that is there while there is something to post."""
        metadata = {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid}
        about = {"apiVersion": resources.PODS.api_version, "kind": resources.PODS.kind, "metadata": metadata}
        self._outbox.put((about, NORMAL if reason == MOVED else WARNING, reason, message))

    def settle(self) -> None:
        """Wait until what was told so far is posted, or given up."""
        self._outbox.settle()

    def machines(self, node: str = "") -> tuple[Registration, ...]:
        """Return the machines that are no Nodes and are registered. What a Node is, its kubelet reports."""
        return tuple(one.registration for one in self._known(node) if one.registration is not None)

    def require_fenceable(self, node: str) -> None:
        """Refuse it of a Node: what Kubernetes itself acts on has to be said to Kubernetes."""
        if self._get(resources.NODES, node) is not None:
            self._refuse(node, lifted=False)

    def ask(self, node: str, question: str) -> bool:
        """Ask a machine whether it lives; say whether there is one."""
        return self._machines.put_claim(node, question)

    def answered(self, node: str, question: str) -> bool:
        """Say whether the machine has answered the question, or somebody else has changed its registration."""
        found = self.machines(node)
        return not found or found[0].claim != question

    def withdraw(self, node: str, question: str) -> bool:
        """Take a question back; False if it was answered."""
        return self._machines.put_claim(node, "", over=question)

    def fences(self, node: str = "") -> tuple[Fence, ...]:
        """Return what was said of machines that are no Nodes. A Node is fenced in its own object."""
        if node == self._node and not self._alone:
            return ()  # STATUS asks this
        return tuple(said for one in self._known(node) for said in one.fences)

    def fence(self, said: Fence) -> bool:
        """Have it said of a machine that is no Node; of a Node it is refused."""
        if self._get(resources.NODES, said.node) is not None:
            self._refuse(said.node, lifted=said.lifted)
        return self._machines.fence(said)

    def _known(self, node: str) -> tuple[Machine, ...]:
        if not node:
            return self._machines.every()
        found = self._machines.find(node)
        return (found,) if found is not None else ()

    def _refuse(self, node: str, *, lifted: bool) -> None:
        taint = f"{OUT_OF_SERVICE}{'' if lifted else '=nodeshutdown'}:NoExecute{'-' if lifted else ''}"
        raise Refused(
            f"node {node} is fenced in its Node object, where all of Kubernetes sees it",
            f"kubectl taint nodes {node} {taint}",
        )

    def _get(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        try:
            return self._client.get(resource, name, namespace)
        except errors.NotFound:
            return None

    def _post(self, event: tuple[Object, str, str, str]) -> None:
        self._recorder.post(*event)


def _lost(why: Reason, events: int) -> None:
    notice(why.within(f"{events} events were not posted"))
