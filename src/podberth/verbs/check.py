"""CHECK: does everything that was recorded at ADD still hold? (SPEC.md section 4, CHECK)"""

from __future__ import annotations

from podberth.cni.errors import Drifted, UnknownContainer
from podberth.cni.result import EVERYTHING
from podberth.net.ops import AddAddress, CreateVeth, SetAttribute, WriteSysctl, made
from podberth.net.standby import held_back
from podberth.net.step import IDENTITY, Drift
from podberth.verbs.adopted import adopted
from podberth.verbs.adopted import differences as adopted_differences
from podberth.verbs.recorded import record_of

_MAIN = " table 254"
_EVERYTHING = tuple(map(str, EVERYTHING.values()))

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from podberth.cni.call import Call
    from podberth.cni.pod import Attachment
    from podberth.cni.result import Result
    from podberth.net.ops import Address, Op
    from podberth.net.record import Record
    from podberth.net.step import Step
    from podberth.verbs.node import Node, Plugin


def drifts(node: Node, record: Record) -> tuple[Drift, ...]:
    """Compare a record with the live host and with the ledger; every difference is named."""
    netns = node.host.netns_id(record.netns)
    if netns != record.netns_id:
        found = "gone" if netns is None else "another one"
        return (Drift(what=str(record.attachment), field="netns", wanted=record.netns, found=found),)
    every = tuple(drift for step in record.steps for drift in drifts_of(node, record, step))
    # What else is different is another link's, or another function's, business.
    return tuple(drift for drift in every if drift.field == IDENTITY) or every


def drifts_of(node: Node, record: Record, step: Step) -> tuple[Drift, ...]:
    """Return what is not as a step of the record made it, but for what a later plugin of the chain has made of it."""
    found = node.host.check(step)
    if not found:
        return ()
    later = [one for one in node.attachments.of(record.attachment) if one.since > record.since]
    steps = [other for one in later for other in one.steps]
    return tuple(
        drift
        for drift in found
        if not any(_subject(other.op) == _of_drift(step.op, drift) and not node.host.check(other) for other in steps)
    )


def _subject(op: Op) -> tuple[str | None, str, str] | None:
    """Return the setting that an op fixes: (its namespace, link or sysctl, the field of a Drift)."""
    if isinstance(op, SetAttribute):
        return op.netns, op.ifname, "mac" if op.attribute == "address" else op.attribute
    return (op.netns, op.key, "value") if isinstance(op, WriteSysctl) else None


def _of_drift(op: Op, drift: Drift) -> tuple[str | None, str, str]:
    field = "mac" if isinstance(op, SetAttribute) and drift.field == "address" else drift.field
    return getattr(op, "netns", None), drift.what, field


def differences(node: Node, record: Record, leased: AbstractSet[Address]) -> Iterator[Drift]:
    """Yield every difference of a record: unfinished, not as made, or addresses of the ledger not leased to it."""
    what = str(record.attachment)
    if not record.done:
        found = "its DEL is answered" if record.removing else "an ADD that never ended"
        yield Drift(what=what, field="record", wanted="complete", found=found)
    yield from drifts(node, record)
    mine = leased | held_back(record.steps)
    for step in record.steps if record.leases else ():
        if isinstance(step.op, AddAddress) and step.op.netns and step.op.address.ip not in mine:
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
        found = [drift for drift in found if not _is_told(record, prev_result, drift)]
        stated = {ip.address.ip for ip in prev_result.ips}
        found += [
            Drift(what=str(attachment), field="prevResult.ips", wanted=str(address), found="not in it")
            for address in sorted((leased | _made(record)) - stated, key=str)
        ]
        if record is not None and node.host.netns_id(record.netns) == record.netns_id:
            found += _other_macs(node, record, prev_result)
    if found:
        remedy = "`podberth check --repair` puts it right, or restart the pod"
        raise Drifted("; ".join(map(str, dict.fromkeys(found))), remedy if record is not None else "restart the pod")


def _is_told(record: Record | None, told: Result, drift: Drift) -> bool:
    """Say whether the result says of the pod's link what was found: a later plugin of the chain has given it an MTU.

    Or a meta plugin has taken its default route, since another network of the pod has that.
    """
    if drift.field == "route":
        dst, _, rest = drift.wanted.partition(" ")
        hops = [route.gw for route in told.routes if str(route.dst) == dst]
        of_all = dst in _EVERYTHING and _MAIN in rest  # rules lead to another table: that is no default of the pod's
        return of_all and not any(hop is None or rest.startswith(f"via {hop} ") for hop in hops)
    return drift.field == "mtu" and any(
        record is not None and (one.sandbox, one.name, str(one.mtu)) == (record.netns, drift.what, drift.found)
        for one in told.interfaces
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
