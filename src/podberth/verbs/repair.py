"""Repair: what CHECK finds different is brought about again, and the ledger says so."""

from __future__ import annotations

from podberth.cni.errors import Drifted
from podberth.cni.value import replace
from podberth.ipam.lifecycle import Kind
from podberth.net.step import IDENTITY, Drift
from podberth.verbs import departed
from podberth.verbs.beside import beside
from podberth.verbs.check import drifts_of, of_all
from podberth.verbs.delete import delete_locked
from podberth.verbs.departed import moved_away
from podberth.verbs.gone import attachment_is_gone, is_gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment
    from podberth.ipam.lease import Actor, Lease
    from podberth.net.record import Record
    from podberth.verbs.node import Node


def repair(node: Node, attachment: Attachment, actor: Actor) -> tuple[Drift, ...]:
    """Bring the attachment back to what was recorded when it was made; return what was different, none if nothing was.

    One whose network namespace is gone, or whose ADD never ended, is taken back: its DEL never came. So is one whose
    address has moved to another node, and a lease alone whose namespace is known to be gone. Raises Drifted with
    what could not be repaired, KernelRefused where the kernel would not have it.
    """
    with node.host.locked(f"container:{attachment.container_id}"):
        records = node.attachments.of(attachment)
        if not records:
            return _ended(node, attachment, actor)
        leased = {lease.address for lease in node.ledger.of(attachment)}
        found = of_all(node, records, leased)
        if not found:
            return ()
        taken = next((event for record in records if (event := moved_away(node, record, leased)) is not None), None)
        if taken is not None:
            delete_locked(node, attachment, departed.why(taken), actor.who)
            return found
        # Whoever ADDs holds the lock we hold: an intent that is seen here belongs to a process that is no more.
        if any(is_gone(node, record) or not record.done for record in records):
            delete_locked(node, attachment, actor.why, actor.who)
            return found
        strangers = [drift for drift in found if drift.field == IDENTITY]
        if strangers:
            raise Drifted("; ".join(map(str, strangers)), "nothing of another link is touched: restart the pod")
        for record in records:
            _put_right(node, record)
        records = node.attachments.of(attachment)
        told = replace(actor, why=f"{actor.why}: {'; '.join(map(str, found))}")
        node.ledger.noted(attachment, Kind.REPAIRED, told)
        left = of_all(node, records, leased)
        if left:
            raise Drifted("; ".join(map(str, left)), "this could not be repaired: restart the pod")
        return found


def _put_right(node: Node, record: Record) -> None:
    """Repair each step that is not as it was; a link that was made anew has another index, which is recorded."""
    steps = []
    for step in record.steps:
        # Only now: repairing one step can undo what a later one had brought about.
        if drifts_of(node, record, step):
            fresh = replace(step, op=beside(node.attachments, step.op))
            node.host.repair(fresh, record.netns_id)
            steps.append(node.host.known(fresh))
        else:
            steps.append(step)
    if tuple(steps) != record.steps:
        node.attachments.revise(record.key, tuple(steps))


def _ended(node: Node, attachment: Attachment, actor: Actor) -> tuple[Drift, ...]:
    """End the leases of an attachment without a record, if its network namespace is known to be gone."""
    held = node.ledger.of(attachment)
    if not held or not attachment_is_gone(node, attachment):
        return ()
    delete_locked(node, attachment, actor.why, actor.who)
    return (lost(held[0]),)


def lost(lease: Lease) -> Drift:
    """Return the difference of a lease alone whose holder's network namespace is gone."""
    return Drift(what=str(lease.attachment), field="netns", wanted=lease.netns, found="gone")
