"""Who is on a link beside an ipvlan whose senders are checked there: others must not be cut off by that."""

from __future__ import annotations

from podberth.cni.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.net.attachments import Attachments
    from podberth.net.ops import Address, ListSenders, Op
    from podberth.net.record import Record


def beside(attachments: Attachments, op: Op) -> Op:
    """Return the op; one that lists pinned senders with the addresses of all records there that list none."""
    if not getattr(op, "pinned", False):
        return op
    from podberth.net.ops.parents import entry

    listing: ListSenders = op  # type: ignore[assignment]
    found = dict.fromkeys(entry(*each) for record in attachments.all() for each in _unpinned(record, listing))
    return replace(listing, beside=tuple(found))


def _unpinned(record: Record, op: ListSenders) -> Iterator[tuple[Address, str]]:
    """Yield what the record has on that link, with its owner, unless it is pinned there, or is being removed."""
    from podberth.net.ops import AddAddress, CreateIpvlan, ListSenders, vlan_device
    from podberth.net.ops.parents import NOBODY

    made = [step.op for step in record.steps if isinstance(step.op, CreateIpvlan) and not step.op.in_pod]
    on = [one for one in made if (vlan_device(one) or one.parent) == op.parent]
    listing = [step.op for step in record.steps if isinstance(step.op, ListSenders) and step.op.parent == op.parent]
    if record.removing or not on or any(one.pinned for one in listing):
        return
    owner = listing[0].owner if listing else NOBODY
    names = {one.ifname for one in on}
    for step in record.steps:
        if isinstance(step.op, AddAddress) and step.op.netns is not None and step.op.ifname in names:
            yield step.op.address.ip, owner
