"""CHECK: does everything that was recorded at ADD still hold? (SPEC.md section 4, CHECK)"""

from __future__ import annotations

from podberth.cni.errors import Drifted, UnknownContainer
from podberth.net.ops import AddAddress
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment
    from podberth.cni.result import Result
    from podberth.net.ops import Address
    from podberth.net.record import Record
    from podberth.verbs.node import Node


def drifts(node: Node, record: Record) -> tuple[Drift, ...]:
    """Compare a record with the live host and with the ledger; every difference is named."""
    netns = node.host.netns_id(record.netns)
    if netns != record.netns_id:
        found = "gone" if netns is None else "another one"
        return (Drift(what=str(record.attachment), field="netns", wanted=record.netns, found=found),)
    return tuple(drift for step in record.steps for drift in node.host.check(step))


def check(node: Node, attachment: Attachment, prev_result: Result | None) -> None:
    """Raise Drifted with every difference; return if there is none.

    Raises UnknownContainer if this node never made the attachment, or has undone it.
    """
    record = node.attachments.find(attachment)
    leases = node.ledger.of(attachment)
    if record is None and not leases:
        raise UnknownContainer(f"{attachment}: this node has no such attachment", "it was deleted, or never added")
    found = list(drifts(node, record)) if record is not None else []
    if record is not None and not record.done:
        found.append(Drift(what=str(attachment), field="record", wanted="complete", found="an ADD that never ended"))
    found += _lease_drifts(attachment, record, {lease.address for lease in leases}, prev_result)
    if found:
        raise Drifted("; ".join(map(str, found)), "restart the pod, or put it right by hand")


def _lease_drifts(
    attachment: Attachment, record: Record | None, leased: set[Address], prev_result: Result | None
) -> list[Drift]:
    """Compare the ledger with what was put on the link, and with what the runtime remembers of ADD."""
    steps = record.steps if record is not None else ()
    added = {step.op.address.ip for step in steps if isinstance(step.op, AddAddress)}
    stated = leased if prev_result is None else {ip.address.ip for ip in prev_result.ips}
    return [
        *(
            Drift(what=str(attachment), field="lease", wanted=str(address), found="not leased to it")
            for address in sorted(added - leased, key=str)
        ),
        *(
            Drift(what=str(attachment), field="prevResult.ips", wanted=str(address), found="not in it")
            for address in sorted(leased - stated, key=str)
        ),
    ]
