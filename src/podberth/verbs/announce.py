"""What a node says of its pods to a ledger that was put back to an earlier state: its records, and what it sees.

What is recorded is said as it is recorded, seen or not: unknown is not gone. An address that the kernel shows in a
namespace, and that no record speaks of, has a holder of which nobody knows more than that.
"""

from __future__ import annotations

from podberth.cni.pod import Attachment
from podberth.ipam.epoch import FOUND, WHO, Announced, Held
from podberth.ipam.lease import Actor
from podberth.verbs.departed import addresses_of, awaiting
from podberth.verbs.gone import holder_is_gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.ipam.lease import Lease
    from podberth.net.record import Record
    from podberth.verbs.node import Node

FOLDER = "/run/netns"  # where runtimes have the namespaces of pods


def announce(node: Node) -> Announced:
    """Say what this node's pods have, if the ledger waits for that. It beats the restored record, and is events."""
    with node.host.locked("announce"):
        epoch = awaiting(node)
        if epoch is None:
            return Announced()
        records, leases = node.attachments.all(), node.ledger.leases()
        held = (*_recorded(records), *_found(node, records, leases))
        known = {each.attachment for each in held}
        gone = tuple(
            lease
            for lease in leases
            if lease.node == node.name and lease.attachment not in known and holder_is_gone(node, lease)
        )
        return node.ledger.announce(held, gone, Actor(who=WHO, why=f"epoch {epoch.number}", node=node.name))


def clear(node: Node) -> bool:
    """End the leases of holders that were found, and whose namespace is gone: no DEL of theirs finds them."""
    ended = False
    for lease in node.ledger.leases(network=FOUND):
        if lease.node == node.name and holder_is_gone(node, lease):
            actor = Actor(who=WHO, why="its network namespace is gone", node=node.name)
            ended = bool(node.ledger.unbind(lease.attachment, actor)) or ended
    return ended


def _recorded(records: Iterable[Record]) -> Iterator[Held]:
    for record in records:
        for address in sorted(addresses_of(record), key=int):
            yield Held(address=address, attachment=record.attachment, pod=record.pod, netns=record.netns)


def _found(node: Node, records: tuple[Record, ...], leases: tuple[Lease, ...]) -> Iterator[Held]:
    """Yield the addresses in namespaces of this node that neither a record nor the ledger has there."""
    if node.inside is None:
        return
    known = {(record.netns_id, address) for record in records for address in addresses_of(record)}
    paths = {lease.address: lease.netns for lease in leases}
    used = (record.netns for record in records), (lease.netns for lease in leases if lease.node == node.name)
    folders = dict.fromkeys((FOLDER, *(path.rpartition("/")[0] for paths_ in used for path in paths_)))
    for each in node.inside(tuple(filter(None, folders))):
        path = paths.get(each.address, "")
        if (each.netns_id, each.address) in known or (path and node.host.netns_id(path) == each.netns_id):
            continue
        name = each.netns.rpartition("/")[2]
        attachment = Attachment(network=FOUND, container_id=name, ifname=each.ifname)
        yield Held(address=each.address, attachment=attachment, pod=None, netns=each.netns)
