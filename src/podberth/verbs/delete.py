"""DEL: take back what was recorded, end the leases, forget. Succeeds when there is nothing left to do."""

from __future__ import annotations

from podberth.ipam.lease import Actor
from podberth.net.apply import revert

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment
    from podberth.verbs.node import Node


def delete(node: Node, attachment: Attachment, why: str = "DEL") -> bool:
    """Undo the attachment as recorded at ADD, whatever today's configuration says; False if there was nothing.

    Neither the network namespace nor prevResult is needed (SPEC.md section 4, DEL: "should generally complete without
    error even if some resources are missing"). Raises NotUndone, with record and leases kept, if the kernel refuses.
    """
    with node.host.locked(f"container:{attachment.container_id}"):
        return take_back(node, attachment, why)


def take_back(node: Node, attachment: Attachment, why: str) -> bool:
    """Do DEL's work; the caller holds the container's lock."""
    record = node.attachments.find(attachment)
    if record is not None:
        revert(node.host, record.steps, record.netns_id)
    # Only now may somebody else get the address: the old holder can't use it any more.
    ended = node.ledger.unbind(attachment, Actor(who="plugin", why=why, node=node.name))
    if record is not None:
        node.attachments.close(attachment)
    return record is not None or bool(ended)
