"""Links that stand on a parent: macvlans, ipvlans, VLAN devices, and the VLAN devices below.

The parent is a link of the node, or of the pod itself where it is `in_pod`.
"""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside, mac, mtu, vlan_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["CreateIpvlan", "CreateMacvlan", "CreateVlan"]


@value
class CreateMacvlan:
    """ip link add IFNAME link PARENT netns NETNS type macvlan mode MODE (bridge, private, vepa, passthru).

    With a VLAN it stands on PARENT.VLAN, which is made unless it is there. `bcqueuelen`: how many broadcasts the parent
    keeps for its macvlans; the most that one of them asks for counts.
    """

    parent: str
    mode: str
    netns: str
    ifname: str
    vlan: int | None = None
    mac: str | None = None
    mtu: int | None = None
    in_pod: bool = False
    bcqueuelen: int | None = None


@value
class CreateIpvlan:
    """ip link add IFNAME link PARENT netns NETNS type ipvlan mode MODE (l2, l3, l3s); VLAN as with a macvlan."""

    parent: str
    mode: str
    netns: str
    ifname: str
    vlan: int | None = None
    mtu: int | None = None
    in_pod: bool = False


@value
class CreateVlan:
    """ip link add IFNAME link PARENT netns NETNS type vlan id TAG; TAG 0 is for frames with a priority alone."""

    parent: str
    tag: int
    netns: str
    ifname: str
    mtu: int | None = None
    in_pod: bool = False


if TYPE_CHECKING:
    Op: TypeAlias = CreateMacvlan | CreateIpvlan | CreateVlan


MAKERS = (CreateIpvlan, CreateMacvlan, CreateVlan)


def vlan_device(op: object) -> str | None:
    """Return the name of the VLAN device that the op's link stands on, if it does: other attachments may share it."""
    if isinstance(op, CreateMacvlan | CreateIpvlan) and op.vlan is not None:
        return vlan_name(op.parent, op.vlan)
    return None


def describe(op: Op) -> str:
    """Return the op as a command line."""
    below = vlan_device(op) or op.parent
    place = f" link {below}" if op.in_pod else f" link {below} netns {op.netns}"
    chosen = mac(op.mac) if isinstance(op, CreateMacvlan) else ""
    return f"ip{inside(op.netns if op.in_pod else None)} link add {op.ifname}{place}{chosen}{mtu(op.mtu)} {_kind(op)}"


def _kind(op: Op) -> str:
    if isinstance(op, CreateVlan):
        return f"type vlan id {op.tag}"
    if isinstance(op, CreateIpvlan):
        return f"type ipvlan mode {op.mode}"
    length = f" bcqueuelen {op.bcqueuelen}" if op.bcqueuelen is not None else ""
    return f"type macvlan mode {op.mode}{length}"
