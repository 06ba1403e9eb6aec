"""CHECK: does everything that was recorded at ADD still hold? (SPEC.md section 4, CHECK)"""

from __future__ import annotations

from podberth.cni.errors import Drifted, UnknownContainer
from podberth.net.ops import AddAddress, CreateVeth, made
from podberth.net.step import IDENTITY, Drift
from podberth.verbs.adopted import adopted
from podberth.verbs.adopted import differences as adopted_differences
from podberth.verbs.recorded import record_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from podberth.cni.call import Call
    from podberth.cni.pod import Attachment
    from podberth.cni.result import Result
    from podberth.net.ops import Address
    from podberth.net.record import Record
    from podberth.verbs.node import Node, Plugin


def drifts(node: Node, record: Record) -> tuple[Drift, ...]:
    """Compare a record with the live host and with the ledger; every difference is named."""
    netns = node.host.netns_id(record.netns)
    if netns != record.netns_id:
        found = "gone" if netns is None else "another one"
        return (Drift(what=str(record.attachment), field="netns", wanted=record.netns, found=found),)
    every = tuple(drift for step in record.steps for drift in node.host.check(step))
    # What else is different is another link's, or another function's, business.
    return tuple(drift for drift in every if drift.field == IDENTITY) or every


def differences(node: Node, record: Record, leased: AbstractSet[Address]) -> Iterator[Drift]:
    """Yield every difference of a record: unfinished, not as made, or addresses of the ledger not leased to it."""
    what = str(record.attachment)
    if not record.done:
        found = "its DEL is answered" if record.removing else "an ADD that never ended"
        yield Drift(what=what, field="record", wanted="complete", found=found)
    yield from drifts(node, record)
    for step in record.steps if record.leases else ():
        if isinstance(step.op, AddAddress) and step.op.netns and step.op.address.ip not in leased:
            yield Drift(what=what, field="lease", wanted=str(step.op.address.ip), found="not leased to it")


def of_all(node: Node, records: Iterable[Record], leased: AbstractSet[Address]) -> tuple[Drift, ...]:
    """Return every difference of an attachment's records."""
    return tuple(found for record in records for found in differences(node, record, leased))


def check(node: Node, call: Call, plugin: Plugin) -> None:
    """Raise Drifted with every difference; return if there is none.

    Raises UnknownContainer if this node never made the attachment, or has undone it. But what the CNI project's plugin
    of the type may have made is compared with prevResult.
    """
    attachment, prev_result = call.attachment, call.previous
    record = record_of(node, call, plugin.TYPES) if node.stored() else None
    leased = {lease.address for lease in node.ledger.of(attachment)} if node.stored() else set()
    others = adopted(call, plugin) if record is None and prev_result is not None else ()
    if record is None and not leased and not others:
        raise _unknown(attachment)
    found = list(differences(node, record, leased)) if record is not None else list(adopted_differences(node, others))
    if prev_result is not None:
        stated = {ip.address.ip for ip in prev_result.ips}
        found += [
            Drift(what=str(attachment), field="prevResult.ips", wanted=str(address), found="not in it")
            for address in sorted((leased | _made(record)) - stated, key=str)
        ]
        if record is not None and node.host.netns_id(record.netns) == record.netns_id:
            found += _other_macs(node, record, prev_result)
    if found:
        raise Drifted(
            "; ".join(map(str, dict.fromkeys(found))), "`podberth check --repair` puts it right, or restart the pod"
        )


def _other_macs(node: Node, record: Record, told: Result) -> Iterator[Drift]:
    """Yield each interface of the result, of those that the record's plugin made, whose MAC is another by now.

    Nobody else may have chosen it, and then no step speaks of it.
    """
    inside = {made(step.op)[1] for step in record.steps}
    outside = {step.op.name for step in record.steps if isinstance(step.op, CreateVeth)}
    for one in told.interfaces:
        link = None
        if one.mac and one.sandbox == record.netns and one.name in inside:
            link = node.host.named_in(one.sandbox, one.name)
        elif one.mac and not one.sandbox and one.name in outside:
            link = node.host.named(one.name)
        if link is not None and link.mac != one.mac.lower():
            yield Drift(what=one.name, field="mac", wanted=one.mac.lower(), found=link.mac)


def _made(record: Record | None) -> set[Address]:
    """Return the addresses that a record has put into the pod."""
    steps = record.steps if record is not None else ()
    return {step.op.address.ip for step in steps if isinstance(step.op, AddAddress) and step.op.netns}


def _unknown(attachment: Attachment) -> UnknownContainer:
    return UnknownContainer(f"{attachment}: this node has no such attachment", "it was deleted, or never added")
