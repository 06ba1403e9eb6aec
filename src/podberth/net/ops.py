"""The closed union of what podberth does to a node's network: plans are tuples of these, nothing else has effects.

`netns` is the path of a network namespace, None the node's own. Every op is complete in itself: what it needs to know
is in it, what it replaced is in its `Step`. MACs are lower-case, colon-separated.
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
class CreateVeth:
    """ip link add NAME type veth peer name IFNAME netns NETNS: one message, so never half a pair."""

    name: str
    netns: str
    ifname: str
    mac: str | None = None
    mtu: int | None = None


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


@value
class EnableForwarding:
    """sysctl -w net.ipv4.ip_forward=1, or net.ipv6.conf.all.forwarding=1: on the node, where it stays on.

    It is the node's, and others rely on it: nothing is written where it is on, and it is never turned off.
    """

    version: int


@value
class Masquerade:
    """nft add element inet podberth GROUP { ADDRESS comment "COMMENT" }, with the set GROUP and its rule if need be.

    What ADDRESS sends to anywhere outside its subnet, and to no multicast address, leaves with the node's address.
    GROUP is of one network and one subnet. COMMENT says whose the element is: only that one's undo takes it away.
    """

    group: str
    address: Interface
    comment: str


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


@value
class WriteSysctl:
    """sysctl -w KEY=VALUE in NETNS; KEY is the path below /proc/sys, as net/ipv4/conf/eth0.5/rp_filter.

    One that is `optional` is left out on a kernel that has no such sysctl.
    """

    netns: str
    key: str
    value: str
    optional: bool = False


@value
class SetLinkUp:
    """ip link set IFNAME up."""

    netns: str | None
    ifname: str


@value
class AwaitCarrier:
    """Wait until IFNAME has a carrier, so that what is sent next arrives; go on without one after a while."""

    netns: str
    ifname: str
    milliseconds: int


@value
class ProbeAddress:
    """arping -D: ask whether a host answers for the address (RFC 5227 section 2.1.1, RFC 4862 section 5.4)."""

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
class ConfigureVf:
    """ip link set PF vf INDEX, one by one: vlan qos proto, mac, max_tx_rate min_tx_rate, spoofchk, trust, state.

    The rates are in Mbit/s; None leaves a setting as it is. The function, PCI address DEVICE, stays on the node, and a
    MAC is its interface's too in the end. A function that is driven from `userspace` has no interface; it is reset when
    it is given back.
    """

    device: str
    pf: str
    index: int
    vlan: int = 0
    qos: int = 0
    proto: str = "802.1q"
    mac: str | None = None
    max_tx_rate: int | None = None
    min_tx_rate: int | None = None
    spoofchk: bool | None = None
    trust: bool | None = None
    link_state: str | None = None
    userspace: bool = False


@value
class MoveVf:
    """ip link set LINK netns NETNS name IFNAME: the interface of the function with PCI address DEVICE, down."""

    device: str
    link: str
    netns: str
    ifname: str
    mac: str | None = None
    mtu: int | None = None


@value
class Announce:
    """arping -U / unsolicited NA for each address, so that neighbours forget the previous holder's MAC."""

    netns: str
    ifname: str
    addresses: tuple[Address, ...]


if TYPE_CHECKING:
    Op: TypeAlias = (
        CreateVeth
        | JoinBridge
        | EnableForwarding
        | Masquerade
        | CreateMacvlan
        | CreateIpvlan
        | WriteSysctl
        | SetLinkUp
        | AwaitCarrier
        | ProbeAddress
        | AddAddress
        | AddRoute
        | LimitTransmit
        | LimitReceive
        | ConfigureVf
        | MoveVf
        | Announce
    )


def device(op: object) -> str | None:
    """Return the PCI address of the virtual function that the op is about, if it is about one: nobody else's now."""
    return op.device if isinstance(op, ConfigureVf | MoveVf) else None


def vlan_device(op: object) -> str | None:
    """Return the name of the VLAN device that the op's link stands on, if it does: other attachments may share it."""
    if isinstance(op, CreateMacvlan | CreateIpvlan) and op.vlan is not None:
        return f"{op.parent}.{op.vlan}"
    return None
