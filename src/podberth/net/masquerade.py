"""Masquerading, planned: which addresses leave with the node's own, and what they are found by. Pure: values to ops."""

from __future__ import annotations

from podberth.net import ops
from podberth.net.pod_side import link_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.pod import Attachment
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Network, Op

LONGEST = 127  # bytes of a name or comment that nft(8) takes back from a listing of its own
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")


def masquerading(endpoint: Endpoint) -> Iterator[Op]:
    """Plan that what the endpoint sends out of its subnets leaves with the node's address."""
    for address in endpoint.addresses:
        yield ops.Masquerade(
            group=group(endpoint.attachment.network, address.network),
            address=address,
            comment=comment(endpoint.attachment),
        )


def group(network: str, subnet: Network) -> str:
    """Return the name of the set that a network's addresses of a subnet are in: one that nft(8) can read.

    Not of the subnet alone: networks that overlap have stores of their own, and may use one address each.
    """
    end = f"-{subnet}".replace(":", "-")
    room = LONGEST - len("masq-") - len(end)
    return f"masq-{network if len(network) <= room else _shortened(network, room)}{end}"


def comment(attachment: Attachment) -> str:
    """Return what an element is known by: the name that the attachment's link has, or would have, and the attachment.

    The former depends on nothing else, so that it may be cut where it gets too long.
    """
    said = "".join(letter if letter in _PLAIN else "?" for letter in str(attachment))
    return f"{link_name('pb', attachment)} {said}"[:LONGEST]


def _shortened(network: str, room: int) -> str:
    number = int.from_bytes(network.encode(), "big") % (2**61 - 1)
    mark = f"{number:016x}"
    return f"{network[: room - len(mark) - 1]}.{mark}"
