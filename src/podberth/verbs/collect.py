"""GC: take back every attachment of a network that is not among the valid ones (SPEC.md 1.1.0 section 4, GC)."""

from __future__ import annotations

from podberth.cni.errors import CniError, KernelRefused
from podberth.verbs.delete import delete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from podberth.cni.pod import Attachment
    from podberth.verbs.node import Node


def stale(node: Node, network: str, valid: AbstractSet[tuple[str, str]]) -> tuple[Attachment, ...]:
    """Return this node's attachments of `network`, recorded or leased, whose (container_id, ifname) is not valid."""
    recorded = [record.attachment for record in node.attachments.all(network)]
    leased = [lease.attachment for lease in node.ledger.leases(network=network) if lease.node == node.name]
    every = dict.fromkeys((*recorded, *leased))
    return tuple(known for known in every if (known.container_id, known.ifname) not in valid)


def collect(node: Node, network: str, valid: AbstractSet[tuple[str, str]], why: str = "GC") -> tuple[Attachment, ...]:
    """Delete every stale attachment; one that fails does not keep the others. KernelRefused names all that failed."""
    if not node.stored():
        return ()
    taken: list[Attachment] = []
    failures: list[str] = []
    for attachment in stale(node, network, valid):
        try:
            delete(node, attachment, why)
            taken.append(attachment)
        except CniError as failure:
            failures.append(f"{attachment}: {failure.message}")
    if failures:
        raise KernelRefused("; ".join(failures), "the attachments named are still recorded: run GC again")
    return tuple(taken)
