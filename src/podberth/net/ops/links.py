"""Links that stand on no other: veth pairs, dummies; and links that are set up, a pod's loopback too."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside, mac, mtu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["CreateDummy", "CreateVeth", "SetLinkUp", "SetLoopbackUp"]


@value
class CreateVeth:
    """ip link add NAME type veth peer name IFNAME netns NETNS: one message, so never half a pair."""

    name: str
    netns: str
    ifname: str
    mac: str | None = None
    mtu: int | None = None


@value
class CreateDummy:
    """ip link add IFNAME netns NETNS type dummy."""

    netns: str
    ifname: str


@value
class SetLinkUp:
    """ip link set IFNAME up."""

    netns: str | None
    ifname: str


@value
class SetLoopbackUp:
    """ip link set lo up, in a pod's namespace. Undone, it is as it was before."""

    netns: str


if TYPE_CHECKING:
    Op: TypeAlias = CreateDummy | CreateVeth | SetLinkUp | SetLoopbackUp


MAKERS = (CreateDummy, CreateVeth)


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, CreateVeth):
        return _create_veth(op)
    if isinstance(op, CreateDummy):
        return f"ip link add {op.ifname} netns {op.netns} type dummy"
    if isinstance(op, SetLoopbackUp):
        return f"ip{inside(op.netns)} link set lo up"
    return _set_link_up(op)


def _create_veth(op: CreateVeth) -> str:
    peer = f"peer name {op.ifname} netns {op.netns}{mac(op.mac)}{mtu(op.mtu)}"
    return f"ip link add {op.name}{mtu(op.mtu)} type veth {peer}"


def _set_link_up(op: SetLinkUp) -> str:
    return f"ip{inside(op.netns)} link set {op.ifname} up"
