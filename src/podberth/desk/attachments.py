"""Which interfaces of containers this node has recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.pod import Attachment as Named
from podberth.desk.form import Address, Answer, Pod, Time, row
from podberth.net.record import by_attachment
from podberth.verbs.departed import addresses_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.net.record import Record
    from podberth.verbs.node import Node


@row
class Attachment:
    """An attachment as this node recorded it, with the plugins that made it, in order.

    It is not `complete` while its ADD, or its DEL, has not ended; with a DEL it is `removing`.
    """

    network: str
    container_id: str
    ifname: str
    pod: Pod | None
    addresses: tuple[Address, ...]
    netns: str
    plugins: tuple[str, ...]
    complete: bool
    removing: bool
    since: Time

    @property
    def named(self) -> Named:
        """Its three names."""
        return Named(network=self.network, container_id=self.container_id, ifname=self.ifname)


@row
class Attachments(Answer):
    """The attachments of this node."""

    SCHEMA = "attachments/1"
    items: tuple[Attachment, ...]


def attachments(node: Node) -> Attachments:
    """Return what is recorded."""
    found = by_attachment(node.attachments.all())
    return Attachments(items=tuple(_of(node, attachment, records) for attachment, records in found.items()))


def _of(node: Node, attachment: Named, records: Sequence[Record]) -> Attachment:
    # The records have them, but for a function that the pod drives itself: those the ledger has alone.
    inside = {address for record in records for address in addresses_of(record)}
    own = sorted(inside, key=lambda address: (address.version, address))
    return Attachment(
        network=attachment.network,
        container_id=attachment.container_id,
        ifname=attachment.ifname,
        pod=records[0].pod,
        addresses=tuple(own or (lease.address for lease in node.ledger.of(attachment))),
        netns=records[0].netns,
        plugins=tuple(one.type for one in records),
        complete=all(one.done for one in records),
        removing=any(one.removing for one in records),
        since=records[0].since,
    )
