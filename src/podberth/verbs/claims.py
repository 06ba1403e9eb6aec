"""Addresses of IPAMClaims that no pod has just now: which this node looks after, and how they end with their claim."""

from __future__ import annotations

from podberth.cni.errors import CniError
from podberth.ipam.lease import Actor
from podberth.ipam.owner import claim_of
from podberth.net.ops import CallPlugins
from podberth.networks.claim import status_of
from podberth.networks.settings import kubeconfig_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.ipam.lease import Reservation
    from podberth.networks.claim import ClaimStatus
    from podberth.verbs.node import Node


def idle(node: Node) -> tuple[Reservation, ...]:
    """Return what is kept for claims whose last pod was on this node, and is gone.

    So one node looks after each claim, whatever their number; what a pod has needs nobody: it can't become free. What
    other clusters have in the ledger is theirs (`stores.replica.naming`).
    """
    return tuple(one for one in node.ledger.idle_claims(node.name) if ":" not in one.pod.namespace)


def end(node: Node, kept: Reservation) -> bool:
    """Release the address of a claim that was deleted; say whether it was still the claim's."""
    name, uid = claim_of(kept.pod)
    why = f"IPAMClaim {kept.pod.namespace}/{name} ({uid}) was deleted"
    return node.ledger.release(kept.address, Actor(who="agent", why=why, node=node.name), kept.pod) is not None


def shown(node: Node) -> Iterator[tuple[str, ClaimStatus]]:
    """Yield what the status of each claim is to say that a pod here refers to, with the kubeconfig of its API server.

    `node` is that of the meta plugins' calls.
    """
    for record in node.attachments.all() if node.stored() else ():
        kubeconfig = kubeconfig_of(record.fields)
        calls = [step.op for step in record.steps if isinstance(step.op, CallPlugins)]
        ops = [op for op in calls if op.claim and not op.standby]  # those: `agent.migrations`
        if record.pod is None or not record.done or not kubeconfig:
            continue
        for op in ops:
            try:
                status = status_of(op, node.host.outside.answered(op), record.pod)
            except CniError:
                continue  # its result is not remembered any more: the next ADD says it
            if status is not None:
                yield kubeconfig, status
