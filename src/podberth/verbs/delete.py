"""DEL: take back what was recorded, end the leases, forget. Succeeds when there is nothing left to do."""

from __future__ import annotations

from podberth.cni.errors import DiskFull
from podberth.ipam.lease import Actor
from podberth.net.addresses import Addresses
from podberth.net.apply import revert
from podberth.net.ops import vlan_device
from podberth.verbs.adopted import take_away
from podberth.verbs.recorded import record_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from podberth.cni.call import Call
    from podberth.cni.pod import Attachment
    from podberth.net.record import Record
    from podberth.verbs.node import Node, Plugin

    T = TypeVar("T")


def delete(node: Node, attachment: Attachment, why: str = "DEL", who: str = "plugin") -> bool:
    """Undo the attachment as recorded at ADD, whatever plugins made it; False if there was nothing.

    What today's configuration says does not matter. Neither the network namespace nor prevResult is needed (SPEC.md
    section 4, DEL: "should generally complete without error even if some resources are missing"). Raises NotUndone,
    with record and leases kept, if the kernel refuses.
    """

    def once() -> bool:
        with node.host.locked(f"container:{attachment.container_id}"):
            return delete_locked(node, attachment, why, who)

    return with_room(node, once)


def delete_call(node: Node, call: Call, plugin: Plugin) -> bool:
    """Undo what one plugin of a chain did, and end the leases with it if they are its own. Raises as `delete`."""

    def once() -> bool:
        with node.host.locked(f"container:{call.container_id}"):
            return delete_record(node, call, record_of(node, call, plugin.TYPES), plugin)

    return with_room(node, once)


def delete_record(node: Node, call: Call, record: Record | None, plugin: Plugin, why: str = "DEL") -> bool:
    """Do the plugin's DEL; the caller holds the container's lock. `record`: of its call, None if there is none."""
    if record is not None:
        end(node, record, why)
        return True
    take_away(node, call, plugin)
    if plugin.ADDRESSES in (Addresses.PREVIOUS, Addresses.KERNEL, Addresses.CALLED):
        return False  # what is leased to the attachment is another plugin's
    return bool(node.ledger.unbind(call.attachment, Actor(who="plugin", why=why, node=node.name)))


def with_room(node: Node, departing: Callable[[], T]) -> T:
    """Return what `departing` does; on a full disk it is done again, once, in the room that is kept for it.

    Whatever ends an attachment can be begun again at any point.
    """
    try:
        return departing()
    except DiskFull:
        if node.room is None or not node.room.give_up():
            raise
    return departing()


def delete_locked(node: Node, attachment: Attachment, why: str, who: str = "plugin") -> bool:
    """Do its work; the caller holds the container's lock. The plugin that came last in the chain is undone first."""
    records = node.attachments.of(attachment)
    for record in reversed(records):
        end(node, record, why, who)
    if any(record.leases for record in records):
        return True
    return bool(node.ledger.unbind(attachment, Actor(who=who, why=why, node=node.name))) or bool(records)


def end(node: Node, record: Record, why: str, who: str = "plugin") -> None:
    """Undo what is recorded, end the leases, forget the record; the caller holds the container's lock."""
    undo_steps(node, record)
    unbind_and_forget(node, (record,), why, who)


def unbind_and_forget(node: Node, records: Sequence[Record], why: str, who: str = "plugin") -> None:
    """End the leases and forget the records of what is put back.

    Only now may somebody else get the addresses: their old holders can't use them any more.
    """
    leased = tuple(record.attachment for record in records if record.leases)
    if leased:
        node.ledger.unbind_all(leased, Actor(who=who, why=why, node=node.name), durable=False)
    if records:
        node.attachments.close(*(record.key for record in records), durable=bool(leased))


def shares_a_device(record: Record) -> bool:
    """Say whether putting the record back depends on what else is recorded."""
    return any(vlan_device(step.op) is not None for step in record.steps)


def undo_steps(node: Node, record: Record) -> None:
    """Revert the record's steps, and remove VLAN devices that only this record stood on. Raises NotUndone.

    Whoever makes a link on one has recorded the intent before, and takes the same lock to make it: so nobody can be
    about to use what no record speaks of.
    """
    revert(node.host, record.steps, record.netns_id)
    for name in {name for step in record.steps if (name := vlan_device(step.op)) is not None}:
        with node.host.locked(f"link:{name}"):
            others = (other for other in node.attachments.all() if other.key != record.key)
            if not any(vlan_device(step.op) == name for other in others for step in other.steps):
                node.host.remove_vlan_device(name)
