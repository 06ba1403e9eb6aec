"""Who may send over a link of the node that ipvlans stand on: all of these have its MAC, and so has the node."""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops.parts import Address, Interface

__all__ = ["ListSenders"]

NOBODY = "-"  # who has an address on the parent by a record without the op


@value
class ListSenders:
    """nft add element netdev podberth-senders senders4-PARENT { ADDRESS }, or senders6-PARENT: who may be sent from.

    From other addresses of the subnets of those who are `pinned`, PARENT then sends what the node itself says, and no
    more. One who is not pinned is let through where others are, and else there is nothing to do.

    `beside`: who is on that parent already and not listed, each as `entry` says it. Of one without the op `NOBODY` is
    the owner.
    """

    parent: str
    owner: str
    addresses: tuple[Interface, ...]
    pinned: bool = True
    beside: tuple[str, ...] = ()


if TYPE_CHECKING:
    Op: TypeAlias = ListSenders


def entry(address: Address, owner: str) -> str:
    """Return who is beside, as the op has it."""
    return f"{address} {owner}"


def read_entry(text: str) -> tuple[Address, str]:
    """Return the address and the owner of an entry."""
    address, _, owner = text.partition(" ")
    return ip_address(address), owner


def describe(op: Op) -> str:
    """Return the op as a command line, of one set for each IP version."""
    made = []
    for version in sorted({address.version for address in op.addresses}):
        own = ", ".join(str(address.ip) for address in op.addresses if address.version == version)
        made.append(f"nft add element netdev podberth-senders senders{version}-{op.parent} '{{ {own} }}'")
    rest = "  # other senders of these subnets are dropped there" if op.pinned else "  # if senders are checked there"
    return "; ".join(made) + rest
