"""What the CNI project's plugins have made, and their own DEL would take away.

An ADD never makes any of it. What a node needs that goes back to them is made by `podberth evict-rules`.
"""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops.parts import Address, Interface

__all__ = [
    "AdoptBackup",
    "AdoptDevice",
    "AdoptForwarding",
    "AdoptLimits",
    "AdoptLink",
    "AdoptMasquerade",
    "AdoptPorts",
    "AdoptRules",
    "AdoptSpoofCheck",
    "AdoptVrf",
]


@value
class AdoptLink:
    """ip link delete IFNAME, if it is of that KIND and has that MAC; '' for any.

    `host` is the other end of a veth pair, on the node, and `bridge` what that is a port of; '' where there is none.
    `mode` is a macvlan's or ipvlan's, or the number of a VLAN; '' for any.
    """

    netns: str
    ifname: str
    kind: str
    mac: str = ""
    host: str = ""
    bridge: str = ""
    mode: str = ""


@value
class AdoptDevice:
    """ip link set IFNAME netns NODE name ALIAS alias '': a device of the node, by its alias; its MAC is `mac`."""

    netns: str
    ifname: str
    mac: str = ""


@value
class AdoptMasquerade:
    """The rules of `ipMasq`: of inet cni_plugins_masquerade by `comment`, and the `chain` of iptables' nat table.

    `addresses` are the pod's, for who makes the former.
    """

    comment: str
    chain: str
    addresses: tuple[Interface, ...] = ()


@value
class AdoptSpoofCheck:
    """The chains of `macspoofchk`: cni-br-iface-OWNER and what leads to it, in bridge nat."""

    owner: str


@value
class AdoptPorts:
    """The rules of `portmap`: of the tables cni_hostport by the container's ID, and the `chains` of iptables' nat.

    Of rules with that comment those count that name one of the `addresses`, or all where there are none. Each has to
    have one for each of the `ports` (`ops.ports.written`), and if `masqueraded` those that get its answers back: to the
    pod itself and 127.0.0.1, or with `masquerade_all` to anybody.
    """

    container_id: str
    chains: tuple[str, ...]
    addresses: tuple[Address, ...]
    ports: tuple[str, ...]
    masqueraded: bool
    masquerade_all: bool = False


@value
class AdoptForwarding:
    """iptables -D CNI-FORWARD -s ADDRESS -j ACCEPT, and the same of what is sent to it, for each."""

    addresses: tuple[Address, ...]


@value
class AdoptLimits:
    """ip link delete IFB, to which what the pod sends is redirected. Rates in bit/s, bursts in bits; 0 for no limit.

    `hosts` are links of the node: one of them is the other end of the pod's. `was` is what the ifb was called, for who
    gives it the name.
    """

    ifb: str
    hosts: tuple[str, ...]
    receive_rate: int = 0
    receive_burst: int = 0
    send_rate: int = 0
    send_burst: int = 0
    was: str = ""


@value
class AdoptRules:
    """ip rule del from ADDRESS [lookup TABLE], for each."""

    netns: str
    addresses: tuple[Address, ...]
    table: int | None = None


@value
class AdoptVrf:
    """ip link set IFNAME nomaster; ip link delete VRF, if that was its last link."""

    netns: str
    ifname: str
    vrf: str


@value
class AdoptBackup:
    """Attributes of IFNAME that the file PATH keeps, set again; rm PATH.

    `values` are those for who makes it, each 'ATTRIBUTE=VALUE' as `SetAttribute` has them.
    """

    netns: str
    ifname: str
    path: str
    values: tuple[str, ...] = ()


if TYPE_CHECKING:
    Op: TypeAlias = (
        AdoptLink | AdoptDevice | AdoptMasquerade | AdoptSpoofCheck | AdoptPorts | AdoptForwarding | AdoptLimits
        | AdoptRules | AdoptVrf | AdoptBackup
    )  # fmt: skip


def describe(op: Op) -> str:
    """Return the op as the command line of what was made."""
    if isinstance(op, AdoptLink):
        pair = f" peer name {op.host}" if op.host else ""
        return f"ip{inside(op.netns)} link add {op.ifname} type {op.kind}{pair}"
    if isinstance(op, AdoptDevice):
        return f"ip{inside(op.netns)} link set {op.ifname} alias NAME"
    if isinstance(op, AdoptVrf):
        return f"ip{inside(op.netns)} link set {op.ifname} master {op.vrf}"
    if isinstance(op, AdoptRules):
        to = f"lookup {op.table}" if op.table is not None else "lookup TABLE"
        return "; ".join(f"ip{inside(op.netns)} rule add from {address} {to}" for address in op.addresses)
    if isinstance(op, AdoptBackup):
        return f"cat {op.path}"
    return _describe_node(op)


def _describe_node(
    op: AdoptMasquerade | AdoptSpoofCheck | AdoptPorts | AdoptForwarding | AdoptLimits,
) -> str:
    if isinstance(op, AdoptMasquerade):
        return f'nft add rule inet cni_plugins_masquerade masq_checks ... comment "{op.comment}"'
    if isinstance(op, AdoptSpoofCheck):
        return f"nft add chain bridge nat cni-br-iface-{op.owner}"
    if isinstance(op, AdoptPorts):
        return f'nft add rule ip cni_hostport hostports ... comment "{op.container_id}"'
    if isinstance(op, AdoptForwarding):
        return "; ".join(f"iptables -A CNI-FORWARD -s {address} -j ACCEPT" for address in op.addresses)
    return f"tc qdisc add dev {op.ifb} root tbf rate {op.send_rate}bit"
