"""Whether an attachment is gone: its network namespace, or, elsewhere, its whole node. Not known is never gone.

A record names its namespace and what tells it from all others. A lease alone has its path; one that was imported has
not even that: the plugin that gave the address out did not keep it.
"""

from __future__ import annotations

from podberth.cni.errors import StoreFailed, TryAgainLater

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment
    from podberth.ipam.lease import Lease
    from podberth.net.record import Record
    from podberth.verbs.node import Node


def is_gone(node: Node, record: Record) -> bool:
    """Say whether the record's network namespace is gone: nobody can use what it has, its DEL is only late."""
    return node.host.netns_id(record.netns) != record.netns_id


def is_unknown(lease: Lease) -> bool:
    """Say whether nobody ever said which network namespace the lease's holder has."""
    return lease.netns == ""


def holder_is_gone(node: Node, lease: Lease) -> bool:
    """Say whether the network namespace of a lease's holder, on this node, is known to be gone."""
    return not is_unknown(lease) and node.host.netns_id(lease.netns) is None


def attachment_is_gone(node: Node, attachment: Attachment) -> bool:
    """Say whether an attachment of this node, recorded or only leased, is known to have lost its namespace."""
    records = node.attachments.of(attachment)
    if records:
        return all(is_gone(node, record) for record in records)
    leases = node.ledger.of(attachment)
    return bool(leases) and all(lease.node == node.name and holder_is_gone(node, lease) for lease in leases)


def fenced(node: Node, name: str = "") -> dict[str, str]:
    """Return why nothing runs on other nodes, or on one, by node: an operator has fenced them.

    None is where that can't be asked: not known is never gone.
    """
    try:
        last = {said.node: said for said in node.elsewhere.fences(name)}
    except (StoreFailed, TryAgainLater):  # the first too: a certificate that has expired
        return {}
    return {
        each: f"node {each} is fenced by {said.actor.who}: {said.actor.why}"
        for each, said in last.items()
        if not said.lifted and each != node.name
    }


def fenced_off(node: Node, attachment: Attachment) -> str:
    """Return why nothing of an attachment runs on another node: that is fenced; '' if it may run."""
    leases = node.ledger.of(attachment)
    said = [fenced(node, lease.node).get(lease.node, "") for lease in leases if lease.node != node.name]
    return said[0] if said and all(said) and len(said) == len(leases) else ""
