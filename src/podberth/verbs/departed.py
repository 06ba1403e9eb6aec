"""Attachments whose address went to others, or was freed by them, while this node was thought dead: they are cut off.

A node that was fenced and comes back still has its pods' interfaces, and their addresses are others' by now.
"""

from __future__ import annotations

from podberth.ipam.epoch import OWN
from podberth.ipam.lifecycle import Kind
from podberth.ipam.refusals import same
from podberth.net.ops import AddAddress
from podberth.net.standby import held_back
from podberth.verbs.delete import delete_locked
from podberth.verbs.recorded import lessee

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from podberth.cni.pod import Attachment
    from podberth.ipam.epoch import Epoch
    from podberth.ipam.lease import Event
    from podberth.net.ops import Address
    from podberth.net.record import Record
    from podberth.verbs.node import Node


_CONTROLLER = "controller"  # ends the leases of pods that Kubernetes has no more, whatever became of their node


def addresses_of(record: Record) -> frozenset[Address]:
    """Return the addresses that were given to the record's interface; of one that stands by another has them."""
    given = (step.op.address.ip for step in record.steps if isinstance(step.op, AddAddress) and step.op.netns)
    return frozenset(given) - held_back(record.steps)


def awaiting(node: Node) -> Epoch | None:
    """Return the epoch of a ledger that was put back and does not know what this node's pods have; None if it does."""
    epoch = node.ledger.epoch()
    return epoch if epoch is not None and not {OWN, node.name}.isdisjoint(epoch.awaited) else None


def moved_away(node: Node, record: Record, leased: AbstractSet[Address]) -> Event | None:
    """Return the event by which an address of the record became another attachment's; None if none did.

    Or by which an operator on another node ended the lease: this one was fenced. Anybody may get that address.
    `leased`: the addresses that the ledger says are the record's. Its history is read only if others are in it. A
    ledger that was put back, and does not know yet what this node's pods have, is no ground to take anything from them.
    """
    if not record.leases or awaiting(node) is not None:
        return None
    for address in addresses_of(record) - leased:
        if node.ledger.who(address).event is None:
            continue  # another IPAM plugin's
        events = tuple(node.ledger.history(address=address))
        if (ended := _ended_elsewhere(node, record, events)) is not None:
            return ended
        taken = [e for e in events if e.kind in (Kind.BOUND, Kind.MOVED)]
        if not taken or taken[-1].attachment == record.attachment:
            continue
        # It was the record's, or would have been: what was bound while the store was away is in no history.
        last = taken[-1]
        was_ours = any(event.attachment == record.attachment for event in taken)
        if was_ours or (same(last.pod, record.pod) and last.actor.node != node.name):
            return last
    return None


def _ended_elsewhere(node: Node, record: Record, events: tuple[Event, ...]) -> Event | None:
    """Return the event by which another node's operator ended the record's lease, if nothing came of it since."""
    hands = [event for event in events if event.kind in (Kind.BOUND, Kind.MOVED, Kind.UNBOUND)]
    if not hands or hands[-1].kind != Kind.UNBOUND or hands[-1].attachment != record.attachment:
        return None
    last = hands[-1]
    return last if last.actor.node != node.name and last.actor.who != _CONTROLLER else None


def cut_off(node: Node, attachment: Attachment, who: str) -> Event | None:
    """Take the attachment's interface from its pod if an address of it has moved away; return by what event.

    Raises NotUndone, with the record kept, if the kernel refuses.
    """
    with node.host.locked(f"container:{attachment.container_id}"):
        record = lessee(node, attachment)
        if record is None:
            return None
        taken = moved_away(node, record, {lease.address for lease in node.ledger.of(attachment)})
        if taken is not None:
            delete_locked(node, attachment, why(taken), who)
        return taken


def why(taken: Event) -> str:
    """Return why an attachment is cut off, for ledger and log."""
    if taken.kind == Kind.UNBOUND:
        return f"the lease of its address {taken.address} was ended on node {taken.actor.node}: {taken.actor.why}"
    container = taken.attachment.container_id if taken.attachment is not None else "unknown"
    return f"its address {taken.address} moved to container {container} on node {taken.actor.node}"
