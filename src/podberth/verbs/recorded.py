"""Which record is meant: of a call, or of a lease. A chain has one for each plugin of podberth's in it."""

from __future__ import annotations

import json

from podberth.cni.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from podberth.cni.call import Call
    from podberth.cni.pod import Attachment
    from podberth.net.record import Record
    from podberth.verbs.node import Node


def record_of(node: Node, call: Call, types: Collection[str]) -> Record | None:
    """Return the record of the plugin call that a DEL or CHECK is about; None if there is none.

    It is the one that was made by the same configuration, else the newest of one of the `types`. Where there is none of
    them the configuration has got another type since the ADD, or addresses alone are wanted: then it is the one that
    the leases end with.
    """
    records = node.attachments.of(call.attachment)
    mine = [record for record in records if record.type in types]
    same = [record for record in mine if record.made_by(call.conf.raw)] if len(mine) > 1 else mine
    found = _newest(same) or _newest(mine) or _lessee(records)
    return found if found is None else _as_named_now(node, found, call.netns)


def _as_named_now(node: Node, record: Record, netns: str) -> Record:
    """Return the record with the path that the call has for the namespace, if its own names that no more.

    A runtime may have named it by a process at ADD, which has ended since.
    """
    if not netns or netns == record.netns or node.host.netns_id(record.netns) == record.netns_id:
        return record
    if node.host.netns_id(netns) != record.netns_id:
        return record
    steps = (
        replace(step, op=replace(step.op, netns=netns)) if getattr(step.op, "netns", None) == record.netns else step
        for step in record.steps
    )
    return replace(record, netns=netns, steps=tuple(steps))


def lessee(node: Node, attachment: Attachment) -> Record | None:
    """Return the record that the attachment's leases end with, if there is one."""
    return _lessee(node.attachments.of(attachment))


def _lessee(records: Iterable[Record]) -> Record | None:
    return next((record for record in records if record.leases), None)


def _newest(records: list[Record]) -> Record | None:
    return records[-1] if records else None


def kept(call: Call) -> str:
    """Return the network configuration as it is kept with the record; prevResult is other plugins' business."""
    return json.dumps({key: said for key, said in call.conf.raw.items() if key != "prevResult"})
