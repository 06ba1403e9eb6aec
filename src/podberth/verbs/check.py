"""CHECK: does everything that was recorded at ADD still hold? (SPEC.md section 4, CHECK)"""

from __future__ import annotations

from podberth.cni.errors import Drifted, UnknownContainer
from podberth.net.ops import AddAddress
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

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


def differences(node: Node, record: Record, leased: AbstractSet[Address]) -> Iterator[Drift]:
    """Yield every difference of a record: unfinished, not as made, or its addresses not those of its leases."""
    what = str(record.attachment)
    if not record.done:
        found = "its DEL is answered" if record.removing else "an ADD that never ended"
        yield Drift(what=what, field="record", wanted="complete", found=found)
    yield from drifts(node, record)
    for step in record.steps:
        if isinstance(step.op, AddAddress) and step.op.address.ip not in leased:
            yield Drift(what=what, field="lease", wanted=str(step.op.address.ip), found="not leased to it")


def check(node: Node, attachment: Attachment, prev_result: Result | None) -> None:
    """Raise Drifted with every difference; return if there is none.

    Raises UnknownContainer if this node never made the attachment, or has undone it.
    """
    if not node.stored():
        raise _unknown(attachment)
    record = node.attachments.find(attachment)
    leased = {lease.address for lease in node.ledger.of(attachment)}
    if record is None and not leased:
        raise _unknown(attachment)
    found = list(differences(node, record, leased)) if record is not None else []
    if prev_result is not None:
        stated = {ip.address.ip for ip in prev_result.ips}
        found += [
            Drift(what=str(attachment), field="prevResult.ips", wanted=str(address), found="not in it")
            for address in sorted(leased - stated, key=str)
        ]
    if found:
        raise Drifted("; ".join(map(str, found)), "`podberth check --repair` puts it right, or restart the pod")


def _unknown(attachment: Attachment) -> UnknownContainer:
    return UnknownContainer(f"{attachment}: this node has no such attachment", "it was deleted, or never added")
