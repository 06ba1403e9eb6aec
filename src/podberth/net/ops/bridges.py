"""Ports of bridges."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops.parts import Interface

__all__ = ["JoinBridge"]


@value
class JoinBridge:
    """ip link add BRIDGE type bridge, unless it is there; ip link set LINK master BRIDGE; with a VLAN, bridge vlan add
    dev LINK vid VLAN pvid untagged. With gateways, ip address add GATEWAY dev BRIDGE, unless it has them.

    One op, under one lock: a bridge that podberth made goes with its last port, never between making and joining it;
    its gateways go with it. A bridge that somebody else made has to have them.
    """

    link: str
    bridge: str
    vlan_filtering: bool = False
    vlan: int | None = None
    hairpin: bool = False
    gateways: tuple[Interface, ...] = ()


if TYPE_CHECKING:
    Op: TypeAlias = JoinBridge


def describe(op: Op) -> str:
    """Return the op as a command line."""
    filtering = " vlan_filtering 1" if op.vlan_filtering else ""
    line = (
        f"ip link add {op.bridge} type bridge{filtering} (unless it is there); ip link set {op.link} master {op.bridge}"
    )
    line += "".join(f"; ip address add {gateway} dev {op.bridge} (unless it is there)" for gateway in op.gateways)
    if op.hairpin:
        line += f"; bridge link set dev {op.link} hairpin on"
    if op.vlan is not None:
        line += f"; bridge vlan add dev {op.link} vid {op.vlan} pvid untagged"
    return line
