"""An op in one line, as the `ip`, `bridge`, `tc`, `nft` or `sysctl` command it stands for. Pure."""

from __future__ import annotations

from podberth.net import ops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.net.ops import Op


def describe(op: Op) -> str:
    """Return the op as a command line, with `-n NETNS` where it acts in a pod's namespace."""
    return _LINES[type(op)](op)


def _create_veth(op: ops.CreateVeth) -> str:
    peer = f"peer name {op.ifname} netns {op.netns}{_mac(op.mac)}{_mtu(op.mtu)}"
    return f"ip link add {op.name}{_mtu(op.mtu)} type veth {peer}"


def _join_bridge(op: ops.JoinBridge) -> str:
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


def _enable_forwarding(op: ops.EnableForwarding) -> str:
    key = "net.ipv4.ip_forward" if op.version == 4 else "net.ipv6.conf.all.forwarding"
    return f"sysctl -w {key}=1"


def _masquerade(op: ops.Masquerade) -> str:
    return f'nft add element inet podberth {op.group} {{ {op.address.ip} comment "{op.comment}" }}'


def _create_macvlan(op: ops.CreateMacvlan) -> str:
    below = ops.vlan_device(op) or op.parent
    place = f"link {below} netns {op.netns}{_mac(op.mac)}{_mtu(op.mtu)}"
    return f"ip link add {op.ifname} {place} type macvlan mode {op.mode}"


def _create_ipvlan(op: ops.CreateIpvlan) -> str:
    below = ops.vlan_device(op) or op.parent
    return f"ip link add {op.ifname} link {below} netns {op.netns}{_mtu(op.mtu)} type ipvlan mode {op.mode}"


def _write_sysctl(op: ops.WriteSysctl) -> str:
    return f"ip netns exec {op.netns} sysctl -w {op.key}={op.value}"


def _set_link_up(op: ops.SetLinkUp) -> str:
    return f"ip{_inside(op.netns)} link set {op.ifname} up"


def _await_carrier(op: ops.AwaitCarrier) -> str:
    return f"# wait at most {op.milliseconds} ms for a carrier on {op.ifname}"


def _configure_vf(op: ops.ConfigureVf) -> str:
    proto = f" proto {op.proto}" if op.proto != "802.1q" else ""
    said = (
        ("mac", op.mac),
        ("max_tx_rate", op.max_tx_rate),
        ("min_tx_rate", op.min_tx_rate),
        ("spoofchk", _switch(op.spoofchk)),
        ("trust", _switch(op.trust)),
        ("state", op.link_state),
    )
    rest = "".join(f" {key} {content}" for key, content in said if content is not None)
    return f"ip link set {op.pf} vf {op.index} vlan {op.vlan} qos {op.qos}{proto}{rest}"


def _move_vf(op: ops.MoveVf) -> str:
    return f"ip link set {op.link} down; ip link set {op.link}{_mtu(op.mtu)} netns {op.netns} name {op.ifname}"


def _switch(on: bool | None) -> str | None:
    return None if on is None else "on" if on else "off"


def _probe(op: ops.ProbeAddress) -> str:
    return f"ip netns exec {op.netns} arping -D -c {op.probes} -I {op.ifname} {op.address}"


def _add_address(op: ops.AddAddress) -> str:
    nodad = " nodad" if op.address.version == 6 else ""
    return f"ip{_inside(op.netns)} address add {op.address} dev {op.ifname}{nodad}"


def _add_route(op: ops.AddRoute) -> str:
    via = f" via {op.gw}" if op.gw is not None else ""
    said = (
        ("metric", op.priority),
        ("table", op.table),
        ("scope", op.scope),
        ("mtu", op.mtu),
        ("advmss", op.advmss),
    )
    rest = "".join(f" {key} {number}" for key, number in said if number is not None)
    return f"ip{_inside(op.netns)} route add {op.dst}{via} dev {op.ifname}{rest}"


def _limit_transmit(op: ops.LimitTransmit) -> str:
    return f"tc{_inside(op.netns)} qdisc add dev {op.ifname} root tbf rate {op.mbit}mbit"


def _limit_receive(op: ops.LimitReceive) -> str:
    return (
        f"tc{_inside(op.netns)} qdisc add dev {op.ifname} ingress, redirected to {op.ifb};"
        f" tc{_inside(op.netns)} qdisc add dev {op.ifb} root tbf rate {op.mbit}mbit"
    )


def _announce(op: ops.Announce) -> str:
    return "; ".join(f"ip netns exec {op.netns} arping -U -c 2 -I {op.ifname} {address}" for address in op.addresses)


def _inside(netns: str | None) -> str:
    return f" -n {netns}" if netns is not None else ""


def _mac(mac: str | None) -> str:
    return f" address {mac}" if mac is not None else ""


def _mtu(mtu: int | None) -> str:
    return f" mtu {mtu}" if mtu is not None else ""


_LINES: dict[type, Callable[..., str]] = {
    ops.CreateVeth: _create_veth,
    ops.JoinBridge: _join_bridge,
    ops.EnableForwarding: _enable_forwarding,
    ops.Masquerade: _masquerade,
    ops.CreateMacvlan: _create_macvlan,
    ops.CreateIpvlan: _create_ipvlan,
    ops.WriteSysctl: _write_sysctl,
    ops.SetLinkUp: _set_link_up,
    ops.AwaitCarrier: _await_carrier,
    ops.ProbeAddress: _probe,
    ops.AddAddress: _add_address,
    ops.AddRoute: _add_route,
    ops.LimitTransmit: _limit_transmit,
    ops.LimitReceive: _limit_receive,
    ops.ConfigureVf: _configure_vf,
    ops.MoveVf: _move_vf,
    ops.Announce: _announce,
}
