"""The closed union of what podberth does to a node's network: plans are tuples of these, nothing else has effects.

`netns` is the path of a network namespace, None the node's own. Every op is complete in itself: what it needs to know is
in it, what it replaced is in its `Step`. MACs are lower-case, colon-separated.
"""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
    from typing import TypeAlias

    Address: TypeAlias = IPv4Address | IPv6Address
    Interface: TypeAlias = IPv4Interface | IPv6Interface
    Network: TypeAlias = IPv4Network | IPv6Network


@value
class EnsureBridge:
    """ip link add NAME type bridge vlan_filtering F; ip link set NAME up. Shared: undone only if ours and without ports."""

    name: str
    vlan_filtering: bool = False
    mtu: int | None = None


@value
class CreateVeth:
    """ip link add NAME type veth peer name IFNAME netns NETNS: one message, so never half a pair."""

    name: str
    netns: str
    ifname: str
    mac: str | None = None
    mtu: int | None = None


@value
class CreateMacvlan:
    """ip link add IFNAME link PARENT netns NETNS type macvlan mode MODE (bridge, private, vepa, passthru)."""

    parent: str
    mode: str
    netns: str
    ifname: str
    mac: str | None = None
    mtu: int | None = None


@value
class CreateIpvlan:
    """ip link add IFNAME link PARENT netns NETNS type ipvlan mode MODE (l2, l3, l3s)."""

    parent: str
    mode: str
    netns: str
    ifname: str
    mtu: int | None = None


@value
class CreateVlan:
    """ip link add NAME link PARENT type vlan id VLAN. Shared: undone only if ours and nothing stands on it."""

    parent: str
    name: str
    vlan: int


@value
class JoinBridge:
    """ip link set LINK master BRIDGE; with a VLAN and a filtering bridge: bridge vlan add dev LINK vid VLAN pvid untagged."""

    link: str
    bridge: str
    vlan: int | None = None
    hairpin: bool = False


@value
class WriteSysctl:
    """sysctl -w KEY=VALUE in NETNS; KEY with dots, an interface name in it with slashes kept as in /proc/sys."""

    netns: str
    key: str
    value: str


@value
class SetLinkUp:
    """ip link set IFNAME up."""

    netns: str | None
    ifname: str


@value
class ProbeAddress:
    """arping -D / ndisc: ask whether a host already answers for the address (RFC 5227 section 2.1.1, RFC 4862 section 5.4)."""

    netns: str
    ifname: str
    address: Address
    probes: int
    interval_ms: int


@value
class AddAddress:
    """ip address add ADDRESS dev IFNAME (nodad for IPv6: the ledger has already decided)."""

    netns: str
    ifname: str
    address: Interface


@value
class AddRoute:
    """ip route add DST via GW dev IFNAME [metric table scope mtu advmss]."""

    netns: str
    ifname: str
    dst: Network
    gw: Address | None = None
    mtu: int | None = None
    advmss: int | None = None
    priority: int | None = None
    table: int | None = None
    scope: int | None = None


@value
class LimitTransmit:
    """tc qdisc add dev IFNAME root tbf rate MBIT burst BYTES latency MS: what IFNAME sends."""

    netns: str | None
    ifname: str
    mbit: int


@value
class LimitReceive:
    """What IFNAME receives: an ifb named IFB beside it, ingress redirected to it (u32 + mirred), tbf at its root."""

    netns: str | None
    ifname: str
    ifb: str
    mbit: int


@value
class Announce:
    """arping -U / unsolicited NA for each address, so that neighbours forget the previous holder's MAC."""

    netns: str
    ifname: str
    addresses: tuple[Address, ...]


if TYPE_CHECKING:
    Op: TypeAlias = (
        EnsureBridge
        | CreateVeth
        | CreateMacvlan
        | CreateIpvlan
        | CreateVlan
        | JoinBridge
        | WriteSysctl
        | SetLinkUp
        | ProbeAddress
        | AddAddress
        | AddRoute
        | LimitTransmit
        | LimitReceive
        | Announce
    )
