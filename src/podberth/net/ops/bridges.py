"""Ports of bridges."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from podberth.net.ops.parts import Interface

__all__ = ["JoinBridge", "ServeGateways"]


@value
class JoinBridge:
    """ip link add BRIDGE type bridge, unless it is there; ip link set LINK master BRIDGE; with a VLAN, bridge vlan add
    dev LINK vid VLAN pvid untagged. With gateways, ip address add GATEWAY dev BRIDGE, unless it has them.

    One op, under one lock: a bridge that podberth made goes with its last port, never between making and joining it;
    its gateways go with it. A bridge that somebody else made has to have them.

    `bridge_mtu` is of a bridge that is made. One that is `tended` is set up, and told nothing by router advertisements.
    An `isolated` port exchanges nothing with other isolated ones. `trunk`: VLANs that are tagged on the port, each as
    '101' or '200-210'; what is untagged there is in VLAN, or else in 1. A port that `keeps_default` stays in the VLAN
    that the bridge puts new ports into.
    """

    link: str
    bridge: str
    vlan_filtering: bool = False
    vlan: int | None = None
    hairpin: bool = False
    gateways: tuple[Interface, ...] = ()
    bridge_mtu: int | None = None
    promiscuous: bool = False
    isolated: bool = False
    tended: bool = False
    trunk: tuple[str, ...] = ()
    keeps_default: bool = False


@value
class ServeGateways:
    """ip address add GATEWAY dev BRIDGE, unless it has them, whoever has made the bridge. PORT holds it meanwhile.

    Another IPv4 address, or an IPv6 one of an overlapping subnet, is in the way: with `force` it goes. On a bridge that
    podberth has not made, both is put right when PORT is the last to go.

    Of a VLAN that the bridge keeps apart, the link BRIDGE.VLAN has them instead. If it is missing it is one end of a
    pair, whose other end, `vlan_port`, is a port of the bridge in that VLAN. The pair goes with the bridge's last port.
    """

    port: str
    bridge: str
    gateways: tuple[Interface, ...]
    force: bool = False
    vlan: int | None = None
    vlan_port: str = ""
    keeps_default: bool = False


if TYPE_CHECKING:
    Op: TypeAlias = JoinBridge | ServeGateways


def describe(op: Op) -> str:
    """Return the op as a command line."""
    return _serve(op) if isinstance(op, ServeGateways) else _join(op)


def gateway_link(op: ServeGateways) -> str:
    """Return the name of the link that has the gateways."""
    return op.bridge if op.vlan is None else f"{op.bridge}.{op.vlan}"


def ranges(trunk: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Return the first and the last VLAN of each member of a trunk."""
    ends = (member.partition("-") for member in trunk)
    return tuple((int(first), int(last or first)) for first, _, last in ends)


def _serve(op: ServeGateways) -> str:
    link, forced = gateway_link(op), ", instead of others" if op.force else ""
    made: tuple[str, ...] = ()
    if op.vlan is not None:
        pair = f"ip link add {link} type veth peer name {op.vlan_port} (unless it is there)"
        made = (pair, f"ip link set {op.vlan_port} master {op.bridge}", *_vlans(op.vlan_port, op.vlan, ()))
    added = (f"ip address add {gateway} dev {link} (unless it is there{forced})" for gateway in op.gateways)
    return "; ".join((*made, *added))


def _vlans(port: str, vlan: int | None, trunk: tuple[str, ...]) -> Iterator[str]:
    untagged = vlan if vlan is not None else 1 if trunk else None
    if untagged is not None:
        yield f"bridge vlan add dev {port} vid {untagged} pvid untagged"
    for member in trunk:
        yield f"bridge vlan add dev {port} vid {member}"


def _join(op: JoinBridge) -> str:
    made = (f" mtu {op.bridge_mtu}" if op.bridge_mtu is not None else "") + " type bridge"
    made += " vlan_filtering 1" if op.vlan_filtering else ""
    line = f"ip link add {op.bridge}{made} (unless it is there); ip link set {op.link} master {op.bridge}"
    line += f"; ip link set {op.bridge} promisc on" if op.promiscuous else ""
    line += f"; sysctl -w net/ipv6/conf/{op.bridge}/accept_ra=0" if op.tended else ""
    line += "".join(f"; ip address add {gateway} dev {op.bridge} (unless it is there)" for gateway in op.gateways)
    if op.hairpin:
        line += f"; bridge link set dev {op.link} hairpin on"
    if op.isolated:
        line += f"; bridge link set dev {op.link} isolated on"
    line += "".join(f"; {vlan}" for vlan in _vlans(op.link, op.vlan, op.trunk))
    return line
