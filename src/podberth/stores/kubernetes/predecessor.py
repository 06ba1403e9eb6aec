"""Whether a pod that had an address on another node is dead, by what the API server knows. Pure, but for the asking.

A name is one pod's at a time: where the successor's object is, the predecessor's is deleted. That alone says nothing
about what still runs on its node: `kubectl delete --force` deletes without asking the kubelet. So the node has to have
been heard of after that, or to be fenced. docs/decisions/020-the-predecessor-is-dead.md has the whole argument.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from podberth.ipam.elsewhere import Verdict

if TYPE_CHECKING:
    from podberth.cni.pod import PodRef
    from podberth.ipam.elsewhere import Fence
    from podberth.ipam.lease import Lease

    Object = dict[str, Any]

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"  # KEP-2268: an operator says that the node is shut down
ENDED = ("Succeeded", "Failed")
_TRUNCATED = timedelta(seconds=1)  # creationTimestamp is in whole seconds


def of_pod(lease: Lease, claimant: PodRef | None, now: Object | None) -> Verdict | None:
    """Judge by the pod object `now` of the lease's namespace and name, None if there is none; None: by the node."""
    if now is None:
        return None
    uid, phase = now["metadata"]["uid"], now.get("status", {}).get("phase", "")
    if _is_holder(lease, now):
        if phase in ENDED:
            return None
        ending = " and is being deleted" if now["metadata"].get("deletionTimestamp") else ""
        return _wait(
            f"that pod (UID {uid}) is still there ({phase or 'Pending'}){ending}",
            f"the address moves once the pod is deleted and node {lease.node} has reported since",
        )
    if claimant is not None and claimant.uid not in ("", uid):
        return _wait(
            f"pod {claimant} is another one by now (UID {uid}) than the one that asks (UID {claimant.uid})",
            "nothing has to be done: a pod that was replaced needs no address any more",
        )
    return None


def of_fence(lease: Lease, node: Object | None) -> Verdict | None:
    """Judge by the node's object, None if there is none: gone, or out of service, it can be taken for dead."""
    if node is None:
        return Verdict(dead=True, why=f"node {lease.node} is no longer in the cluster")
    if any(taint.get("key") == OUT_OF_SERVICE for taint in node.get("spec", {}).get("taints") or ()):
        return Verdict(dead=True, why=f"node {lease.node} is tainted {OUT_OF_SERVICE}")
    ready = _ready(node)
    if ready.get("status") == "True":
        return None
    return _wait(
        f"node {lease.node} is not ready ({ready.get('reason') or 'it has never reported'}), and whether the pod still"
        " runs there is not known",
        f"the address moves once the node is back, or is shut down and its Node object is deleted or tainted"
        f" {OUT_OF_SERVICE}: kubectl taint nodes {lease.node} {OUT_OF_SERVICE}=nodeshutdown:NoExecute",
    )


def of_machine(lease: Lease, fenced: Fence | None) -> Verdict:
    """Judge a machine that is no Node: an operator's word alone says that it is dead."""
    if fenced is not None:
        by = fenced.actor
        return Verdict(dead=True, why=f"machine {lease.node} is fenced by {by.who}: {by.why}")
    return _wait(
        f"machine {lease.node} is no Node and not fenced, and whether the old pod still runs there is not known",
        "the address moves once the old sandbox is deleted there, or, if nothing runs there any more, an operator says"
        f" so: `podberth fence {lease.node} --why REASON`",
    )


def unknown(lease: Lease) -> Verdict:
    """Judge nothing of a name of which it is not known that it ever was a Node's of this cluster."""
    return _wait(
        f"node {lease.node} is no Node of the cluster, and nobody knows here that it ever was one",
        f"the address moves once the old sandbox is deleted there. Its agent makes node {lease.node} known when it"
        f" starts; if nothing runs there any more, say so: `podberth fence {lease.node} --why REASON`",
    )


def unnamed(lease: Lease, node: str) -> Verdict:
    """Judge nothing where neither this node nor the holder's is known by the name that leases have."""
    return _wait(
        f"neither node {lease.node} nor this node, {node}, is a Node object's name, so nothing is known of either",
        "name each node as Kubernetes does: podberth store use kubernetes --node NAME; or say that they are none:"
        " --nodes none",
    )


def of_report(lease: Lease, now: Object | None, report: Object | None) -> Verdict:
    """Judge by the kubelet's heartbeat, the node's Lease of kube-node-lease, and the successor's object `now`.

    A node is Ready until it was not heard of for 40 seconds and more; a heartbeat after the successor was created shows
    that its kubelet has been there since the predecessor's object went, and knows of it.
    """
    if now is None:
        return _wait(
            f"there is no pod {lease.pod} in the API, so nobody can say since when its predecessor is deleted",
            "the address moves once the old sandbox is deleted on its node",
        )
    since, heard = now["metadata"]["creationTimestamp"], (report or {}).get("spec", {}).get("renewTime")
    if _is_holder(lease, now) or (heard and _time(heard) > _time(since) + _TRUNCATED):
        uid = f" (UID {lease.pod.uid})" if lease.pod is not None and lease.pod.uid else ""
        return Verdict(dead=True, why=f"its pod{uid} has ended, and node {lease.node} is ready and has reported since")
    return _wait(
        f"node {lease.node} has not reported since that pod was deleted",
        "a kubelet does so every 10 seconds: if it is gone, the node will be NotReady soon",
    )


def _is_holder(lease: Lease, now: Object) -> bool:
    """Say whether the object is the pod that has the lease; where no UID was recorded, a pod of that node."""
    if lease.pod is not None and lease.pod.uid:
        return bool(now["metadata"]["uid"] == lease.pod.uid)
    return bool(now.get("spec", {}).get("nodeName") == lease.node)


def _ready(node: Object) -> Object:
    conditions = node.get("status", {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == "Ready"), {})


def _wait(why: str, advice: str) -> Verdict:
    return Verdict(dead=False, why=why, advice=advice)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
