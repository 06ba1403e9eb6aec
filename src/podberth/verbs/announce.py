"""What a node says of its pods to a ledger that was put back to an earlier state: its records, and what it sees.

What is recorded is said as it is recorded, seen or not: unknown is not gone. An address that the kernel shows in a
namespace, and that no record speaks of, has a holder of which nobody knows more than that.
"""

from __future__ import annotations

from podberth.cni.pod import Attachment
from podberth.ipam.epoch import FOUND, WHO, Announcement, HeldAddress
from podberth.ipam.lease import Actor
from podberth.verbs.departed import addresses_of, awaiting
from podberth.verbs.gone import holder_is_gone
from podberth.verbs.recorded import lessee

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.ipam.epoch import SeenAddress
    from podberth.ipam.lease import Lease
    from podberth.net.record import Record
    from podberth.verbs.node import Node

FOLDER = "/run/netns"  # where runtimes have the namespaces of pods


def announce(node: Node) -> Announcement:
    """Say what this node's pods have, if the ledger waits for that. It beats the restored record, and is events."""
    with node.host.locked("announce"):
        epoch = awaiting(node)
        if epoch is None:
            return Announcement()
        records, leases = node.attachments.all(), node.ledger.leases()
        held = (*_recorded(records), *_found(node, leases))
        known = {each.attachment for each in held}
        gone = tuple(
            lease
            for lease in leases
            if lease.node == node.name and lease.attachment not in known and holder_is_gone(node, lease)
        )
        said = node.ledger.announce(held, gone, Actor(who=WHO, why=f"epoch {epoch.number}", node=node.name))
    _take_back_what_went(node, records)  # an ADD that waits to announce lets go of its container then
    return said


def _take_back_what_went(node: Node, records: Iterable[Record]) -> None:
    """End the leases that were announced of what ended meanwhile: its own end came before they were in the ledger."""
    for attachment in (record.attachment for record in records if record.leases):
        if lessee(node, attachment) is not None:
            continue  # whoever ends it from now on finds the lease
        with node.host.locked(f"container:{attachment.container_id}"):
            if lessee(node, attachment) is None:
                actor = Actor(who=WHO, why="it ended while it was announced", node=node.name)
                node.ledger.unbind(attachment, actor)


def clear(node: Node) -> bool:
    """End the leases of holders that were found, and whose namespace is gone: no DEL of theirs finds them."""
    ended = False
    for lease in node.ledger.leases(network=FOUND):
        if lease.node == node.name and holder_is_gone(node, lease):
            actor = Actor(who=WHO, why="its network namespace is gone", node=node.name)
            ended = bool(node.ledger.unbind(lease.attachment, actor)) or ended
    return ended


def _recorded(records: Iterable[Record]) -> Iterator[HeldAddress]:
    for record in (each for each in records if each.leases):
        for address in sorted(addresses_of(record), key=int):
            yield HeldAddress(address=address, attachment=record.attachment, pod=record.pod, netns=record.netns)


def _found(node: Node, leases: tuple[Lease, ...]) -> Iterator[HeldAddress]:
    """Yield the addresses in namespaces of this node that neither a record nor the ledger has there.

    What an ADD or a DEL has under way is none: it is recorded before it is in the kernel and until it is not. So the
    records are read behind the look, and what none speaks of has to be there still.
    """
    if node.inside is None:
        return
    seen = tuple(_unrecorded(node, leases))
    if seen:
        again = tuple(_unrecorded(node, leases))
        yield from (_held(each) for each in seen if each in again)


def _unrecorded(node: Node, leases: tuple[Lease, ...]) -> Iterator[SeenAddress]:
    assert node.inside is not None
    paths = {lease.address: lease.netns for lease in leases}
    used = [record.netns for record in node.attachments.all()]
    used += [lease.netns for lease in leases if lease.node == node.name]
    folders = dict.fromkeys((FOLDER, *(path.rpartition("/")[0] for path in used)))
    inside = tuple(node.inside(tuple(filter(None, folders))))
    known = {(record.netns_id, address) for record in node.attachments.all() for address in addresses_of(record)}
    for each in inside:
        path = paths.get(each.address, "")
        if (each.netns_id, each.address) in known or (path and node.host.netns_id(path) == each.netns_id):
            continue
        yield each


def _held(each: SeenAddress) -> HeldAddress:
    attachment = Attachment(network=FOUND, container_id=each.netns.rpartition("/")[2], ifname=each.ifname)
    return HeldAddress(address=each.address, attachment=attachment, pod=None, netns=each.netns)
