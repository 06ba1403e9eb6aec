"""What a pod may send as: its own MAC and its own addresses, in frames, ARP and neighbour discovery."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops.parts import Address

__all__ = ["PinSender", "PinSenderAtParent"]


@value
class PinSender:
    """nft add chain netdev podberth-senders OWNER, at LINK's ingress (a link of the node: NETNS is None) or egress.

    What is not from one of `own_macs`, or has a sender that is none of `addresses`, is dropped. So is what is neither
    ARP nor IP, a router's advertisement and a redirect. Link-local addresses are those that follow from the MACs
    (RFC 4291, appendix A); with `any_link_local` each will do.
    """

    netns: str | None
    link: str
    owner: str
    addresses: tuple[Address, ...]
    own_macs: tuple[str, ...]
    any_link_local: bool = False


@value
class PinSenderAtParent:
    """nft add chain netdev podberth-senders OWNER, at PARENT's egress: for frames from MAC alone, others pass.

    Of those it lets through what `PinSender` does. PARENT is a link of the node that a macvlan stands on.
    """

    parent: str
    owner: str
    mac: str
    addresses: tuple[Address, ...]


if TYPE_CHECKING:
    Op: TypeAlias = PinSender | PinSenderAtParent


def describe(op: Op) -> str:
    """Return the op as a command line, of the chain alone: its rules follow from it."""
    own = ", ".join(map(str, op.addresses)) or "nobody"
    inside, hook, link, rest = "", "ingress", "", ""
    if isinstance(op, PinSenderAtParent):
        hook, link, rest = "egress", op.parent, f"frames from {op.mac}: those of {own}"
    else:
        link, rest = op.link, f"frames from {', '.join(op.own_macs)} of {own}"
        if op.netns is not None:
            inside, hook = f"ip netns exec {op.netns} ", "egress"
    chain = f"{{ type filter hook {hook} device {link} priority 0; }}"
    return f"{inside}nft add chain netdev podberth-senders {op.owner} '{chain}'  # lets through {rest}"
