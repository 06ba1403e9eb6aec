"""Links that stand on a parent of the node's: macvlans, ipvlans, and the VLAN devices below."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import mac, mtu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["CreateIpvlan", "CreateMacvlan", "vlan_device"]


@value
class CreateMacvlan:
    """ip link add IFNAME link PARENT netns NETNS type macvlan mode MODE (bridge, private, vepa, passthru).

    With a VLAN it stands on PARENT.VLAN, which is made unless it is there.
    """

    parent: str
    mode: str
    netns: str
    ifname: str
    vlan: int | None = None
    mac: str | None = None
    mtu: int | None = None


@value
class CreateIpvlan:
    """ip link add IFNAME link PARENT netns NETNS type ipvlan mode MODE (l2, l3, l3s); VLAN as with a macvlan."""

    parent: str
    mode: str
    netns: str
    ifname: str
    vlan: int | None = None
    mtu: int | None = None


if TYPE_CHECKING:
    Op: TypeAlias = CreateMacvlan | CreateIpvlan


def vlan_device(op: object) -> str | None:
    """Return the name of the VLAN device that the op's link stands on, if it does: other attachments may share it."""
    if isinstance(op, CreateMacvlan | CreateIpvlan) and op.vlan is not None:
        return f"{op.parent}.{op.vlan}"
    return None


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, CreateMacvlan):
        return _create_macvlan(op)
    return _create_ipvlan(op)


def _create_macvlan(op: CreateMacvlan) -> str:
    below = vlan_device(op) or op.parent
    place = f"link {below} netns {op.netns}{mac(op.mac)}{mtu(op.mtu)}"
    return f"ip link add {op.ifname} {place} type macvlan mode {op.mode}"


def _create_ipvlan(op: CreateIpvlan) -> str:
    below = vlan_device(op) or op.parent
    return f"ip link add {op.ifname} link {below} netns {op.netns}{mtu(op.mtu)} type ipvlan mode {op.mode}"
