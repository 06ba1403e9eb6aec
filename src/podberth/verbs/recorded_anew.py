"""Attachments whose record was lost with the state directory: what ledger and kernel have of them is recorded anew.

Without a record a DEL could end the leases alone, and the addresses would go to others while the pod's interface still
has them. A lease without an interface of podberth's is another plugin's: it never had a record.
"""

from __future__ import annotations

from podberth.ipam.lease import Actor
from podberth.ipam.lifecycle import Kind
from podberth.net.ops import AddAddress
from podberth.net.record import Record
from podberth.verbs.recorded import lessee

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.pod import Attachment
    from podberth.ipam.lease import Lease
    from podberth.verbs.node import Node

WHO = "agent"
WHY = "its record was lost: it is made anew of what ledger and kernel have"


def record_anew(node: Node) -> Iterator[Attachment]:
    """Record what has leases of this node, an interface of podberth's, and no record; yield each."""
    if node.remains is None:
        return
    known = {record.attachment for record in node.attachments.all() if record.leases}
    held: dict[Attachment, list[Lease]] = {}
    for lease in node.ledger.leases():
        if lease.node == node.name and lease.netns and lease.attachment not in known:
            held.setdefault(lease.attachment, []).append(lease)
    for attachment, leases in held.items():
        with node.host.locked(f"container:{attachment.container_id}", wait=False):
            if lessee(node, attachment) is None and _recorded(node, attachment, leases):
                yield attachment


def _recorded(node: Node, attachment: Attachment, leases: list[Lease]) -> bool:
    path, pod = leases[0].netns, leases[0].pod
    before = node.host.netns_id(path)
    if before is None or node.remains is None:
        return False
    steps = node.remains(path, attachment)
    inside = {step.op.address.ip for step in steps if isinstance(step.op, AddAddress)}
    if inside.isdisjoint(lease.address for lease in leases) or node.host.netns_id(path) != before:
        return False
    record = Record(
        attachment=attachment, pod=pod, netns=path, netns_id=before, steps=steps, done=True, since=node.clock()
    )
    node.attachments.open(record)
    node.attachments.done(record.key)
    node.ledger.noted(attachment, Kind.REPAIRED, Actor(who=WHO, why=WHY, node=node.name))
    return True
