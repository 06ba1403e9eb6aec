"""Links that stand on no other: veth pairs; and links that are set up."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside, mac, mtu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["CreateVeth", "SetLinkUp"]


@value
class CreateVeth:
    """ip link add NAME type veth peer name IFNAME netns NETNS: one message, so never half a pair."""

    name: str
    netns: str
    ifname: str
    mac: str | None = None
    mtu: int | None = None


@value
class SetLinkUp:
    """ip link set IFNAME up."""

    netns: str | None
    ifname: str


if TYPE_CHECKING:
    Op: TypeAlias = CreateVeth | SetLinkUp


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, CreateVeth):
        return _create_veth(op)
    return _set_link_up(op)


def _create_veth(op: CreateVeth) -> str:
    peer = f"peer name {op.ifname} netns {op.netns}{mac(op.mac)}{mtu(op.mtu)}"
    return f"ip link add {op.name}{mtu(op.mtu)} type veth {peer}"


def _set_link_up(op: SetLinkUp) -> str:
    return f"ip{inside(op.netns)} link set {op.ifname} up"
