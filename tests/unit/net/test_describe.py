"""Every op in the words of the command it stands for."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING

import pytest

from podberth.net import ops
from podberth.net.ops import describe

if TYPE_CHECKING:
    from podberth.net.ops import Op

POD = "/run/netns/pod"
LINES: list[tuple[Op, str]] = [
    (
        ops.CreateVeth(name="pb1", netns=POD, ifname="eth0", mac="02:00:00:00:00:01", mtu=1400),
        f"ip link add pb1 mtu 1400 type veth peer name eth0 netns {POD} address 02:00:00:00:00:01 mtu 1400",
    ),
    (
        ops.JoinBridge(link="pb1", bridge="bank0"),
        "ip link add bank0 type bridge (unless it is there); ip link set pb1 master bank0",
    ),
    (
        ops.JoinBridge(link="pb1", bridge="bank0", vlan_filtering=True, vlan=100, hairpin=True),
        (
            "ip link add bank0 type bridge vlan_filtering 1 (unless it is there); ip link set pb1 master bank0;"
            " bridge link set dev pb1 hairpin on; bridge vlan add dev pb1 vid 100 pvid untagged"
        ),
    ),
    (
        ops.JoinBridge(link="pb1", bridge="bank0", gateways=(ip_interface("10.20.0.1/24"),)),
        (
            "ip link add bank0 type bridge (unless it is there); ip link set pb1 master bank0;"
            " ip address add 10.20.0.1/24 dev bank0 (unless it is there)"
        ),
    ),
    (ops.EnableForwarding(version=4), "sysctl -w net.ipv4.ip_forward=1"),
    (ops.EnableForwarding(version=6), "sysctl -w net.ipv6.conf.all.forwarding=1"),
    (
        ops.Masquerade(group="masq-a-10.20.0.0/24", address=ip_interface("10.20.0.11/24"), comment="pb1 a/b/eth0"),
        'nft add element inet podberth masq-a-10.20.0.0/24 { 10.20.0.11 comment "pb1 a/b/eth0" }',
    ),
    (
        ops.CreateMacvlan(parent="up0", mode="bridge", netns=POD, ifname="eth0", vlan=100),
        f"ip link add eth0 link up0.100 netns {POD} type macvlan mode bridge",
    ),
    (
        ops.CreateIpvlan(parent="up0", mode="l3", netns=POD, ifname="eth0", mtu=1400),
        f"ip link add eth0 link up0 netns {POD} mtu 1400 type ipvlan mode l3",
    ),
    (
        ops.WriteSysctl(netns=POD, key="net/ipv4/ip_forward", value="1"),
        f"ip netns exec {POD} sysctl -w net/ipv4/ip_forward=1",
    ),
    (ops.SetLinkUp(netns=None, ifname="pb1"), "ip link set pb1 up"),
    (
        ops.ProbeAddress(netns=POD, ifname="eth0", address=ip_address("10.20.0.11"), probes=3, interval_ms=200),
        f"ip netns exec {POD} arping -D -c 3 -I eth0 10.20.0.11",
    ),
    (
        ops.AddAddress(netns=POD, ifname="eth0", address=ip_interface("fd00::11/64")),
        f"ip -n {POD} address add fd00::11/64 dev eth0 nodad",
    ),
    (
        ops.AddRoute(netns=POD, ifname="eth0", dst=ip_network("10.0.0.0/8"), gw=ip_address("10.20.0.1"), priority=5),
        f"ip -n {POD} route add 10.0.0.0/8 via 10.20.0.1 dev eth0 metric 5",
    ),
    (ops.LimitTransmit(netns=None, ifname="pb1", mbit=50), "tc qdisc add dev pb1 root tbf rate 50mbit"),
    (
        ops.LimitReceive(netns=None, ifname="pb1", ifb="pi1", mbit=50),
        "tc qdisc add dev pb1 ingress, redirected to pi1; tc qdisc add dev pi1 root tbf rate 50mbit",
    ),
    (ops.AwaitCarrier(netns=POD, ifname="eth0", milliseconds=50), "# wait at most 50 ms for a carrier on eth0"),
    (
        ops.ConfigureVf(device="0000:01:10.0", pf="eth0", index=3, vlan=100, qos=2, proto="802.1ad", trust=False),
        "ip link set eth0 vf 3 vlan 100 qos 2 proto 802.1ad trust off",
    ),
    (
        ops.MoveVf(device="0000:01:10.0", link="eth4", netns=POD, ifname="eth0", mtu=9000),
        f"ip link set eth4 down; ip link set eth4 mtu 9000 netns {POD} name eth0",
    ),
    (
        ops.Announce(netns=POD, ifname="eth0", addresses=(ip_address("10.20.0.11"),)),
        f"ip netns exec {POD} arping -U -c 2 -I eth0 10.20.0.11",
    ),
]


@pytest.mark.parametrize(("op", "line"), LINES, ids=lambda part: type(part).__name__)
def test_an_op_reads_as_the_command_it_stands_for(op: Op, line: str) -> None:
    assert describe(op) == line


def test_every_op_there_is_has_its_words() -> None:
    kinds = {
        kind for kind in vars(ops).values() if isinstance(kind, type) and kind.__module__.startswith(f"{ops.__name__}.")
    }
    assert {type(op) for op, _ in LINES} == kinds
