"""Every op in the words of the command it stands for."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING

import pytest

from podberth.net import ops
from podberth.net.ops import describe
from tests.unit.net.every_op import KINDS

if TYPE_CHECKING:
    from podberth.net.ops import Op

POD = "/run/netns/pod"
LINES: list[tuple[Op, str]] = [
    (
        ops.CreateVeth(name="pb1", netns=POD, ifname="eth0", mac="02:00:00:00:00:01", mtu=1400),
        f"ip link add pb1 mtu 1400 type veth peer name eth0 netns {POD} address 02:00:00:00:00:01 mtu 1400",
    ),
    (
        ops.PinSender(
            netns=None,
            link="pb1",
            owner="ps1",
            addresses=(ip_address("10.20.0.11"), ip_address("fd00::1")),
            own_macs=("02:00:00:00:00:01",),
        ),
        (
            "nft add chain netdev podberth-senders ps1 '{ type filter hook ingress device pb1 priority 0; }'"
            "  # lets through frames from 02:00:00:00:00:01 of 10.20.0.11, fd00::1"
        ),
    ),
    (
        ops.PinSender(
            netns=POD, link="eth0", owner="ps1", addresses=(), own_macs=("02:00:00:00:00:01",), any_link_local=True
        ),
        (
            f"ip netns exec {POD} nft add chain netdev podberth-senders ps1"
            " '{ type filter hook egress device eth0 priority 0; }'"
            "  # lets through frames from 02:00:00:00:00:01 of nobody"
        ),
    ),
    (
        ops.PinSenderAtParent(
            parent="up0", owner="ps1", mac="02:00:00:00:00:01", addresses=(ip_address("10.20.0.11"),)
        ),
        (
            "nft add chain netdev podberth-senders ps1 '{ type filter hook egress device up0 priority 0; }'"
            "  # lets through frames from 02:00:00:00:00:01: those of 10.20.0.11"
        ),
    ),
    (
        ops.ListSenders(
            parent="up0.7", owner="ps1", addresses=(ip_interface("10.20.0.11/24"), ip_interface("fd00::1/64"))
        ),
        (
            "nft add element netdev podberth-senders senders4-up0.7 '{ 10.20.0.11 }'; nft add element netdev"
            " podberth-senders senders6-up0.7 '{ fd00::1 }'  # other senders of these subnets are dropped there"
        ),
    ),
    (
        ops.ListSenders(parent="up0", owner="ps1", addresses=(ip_interface("10.20.0.11/24"),), pinned=False),
        ("nft add element netdev podberth-senders senders4-up0 '{ 10.20.0.11 }'  # if senders are checked there"),
    ),
    (
        ops.CreateBond(
            netns=POD,
            ifname="eth0",
            mode="balance-tlb",
            miimon=50,
            xmit_hash_policy="layer2+3",
            all_slaves_active=True,
            tlb_dynamic_lb=False,
            mtu=1400,
        ),
        (
            f"ip -n {POD} link add eth0 mtu 1400 type bond mode balance-tlb miimon 50 xmit_hash_policy layer2+3"
            " all_slaves_active 1 tlb_dynamic_lb 0"
        ),
    ),
    (
        ops.JoinBond(netns=POD, link="net1", bond="eth0"),
        f"ip -n {POD} link set net1 down; ip -n {POD} link set net1 master eth0",
    ),
    (ops.CreateDummy(netns=POD, ifname="eth0"), f"ip link add eth0 netns {POD} type dummy"),
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
    (
        ops.JoinBridge(link="pb1", bridge="cni0", bridge_mtu=1400, promiscuous=True, isolated=True, tended=True),
        (
            "ip link add cni0 mtu 1400 type bridge (unless it is there); ip link set pb1 master cni0;"
            " ip link set cni0 promisc on; sysctl -w net/ipv6/conf/cni0/accept_ra=0;"
            " bridge link set dev pb1 isolated on"
        ),
    ),
    (
        ops.ServeGateways(port="pb1", bridge="cni0", gateways=(ip_interface("10.20.0.1/24"),), force=True),
        "ip address add 10.20.0.1/24 dev cni0 (unless it is there, instead of others)",
    ),
    (
        ops.JoinBridge(link="pb1", bridge="cni0", vlan_filtering=True, trunk=("101", "200-210"), keeps_default=True),
        (
            "ip link add cni0 type bridge vlan_filtering 1 (unless it is there); ip link set pb1 master cni0;"
            " bridge vlan add dev pb1 vid 1 pvid untagged; bridge vlan add dev pb1 vid 101;"
            " bridge vlan add dev pb1 vid 200-210"
        ),
    ),
    (
        ops.ServeGateways(port="pb1", bridge="cni0", gateways=(ip_interface("10.20.0.1/24"),), vlan=7, vlan_port="pb2"),
        (
            "ip link add cni0.7 type veth peer name pb2 (unless it is there); ip link set pb2 master cni0;"
            " bridge vlan add dev pb2 vid 7 pvid untagged; ip address add 10.20.0.1/24 dev cni0.7 (unless it is there)"
        ),
    ),
    (
        ops.PinMac(port="pb1", mac="02:00:00:00:00:01", owner="c1-eth0"),
        (
            'nft add rule bridge nat PREROUTING iifname pb1 jump cni-br-iface-c1-eth0 comment "macspoofchk-c1-eth0";'
            " nft add rule bridge nat cni-br-iface-c1-eth0 jump cni-br-iface-c1-eth0-mac"
            ' comment "macspoofchk-c1-eth0"; nft add rule bridge nat cni-br-iface-c1-eth0-mac ether saddr'
            ' 02:00:00:00:00:01 return comment "macspoofchk-c1-eth0"; nft add rule bridge nat'
            ' cni-br-iface-c1-eth0-mac drop comment "macspoofchk-c1-eth0"'
        ),
    ),
    (ops.EnableForwarding(version=4), "sysctl -w net.ipv4.ip_forward=1"),
    (ops.EnableForwarding(version=6), "sysctl -w net.ipv6.conf.all.forwarding=1"),
    (
        ops.Masquerade(group="masq-a-10.20.0.0/24", address=ip_interface("10.20.0.11/24"), comment="pb1 a/b/eth0"),
        'nft add element inet podberth masq-a-10.20.0.0/24 { 10.20.0.11 comment "pb1 a/b/eth0" }',
    ),
    (
        ops.AdoptLink(netns=POD, ifname="eth0", kind="veth", mac="02:00:00:00:00:01", host="veth0a1b2c3d"),
        f"ip -n {POD} link add eth0 type veth peer name veth0a1b2c3d",
    ),
    (ops.AdoptDevice(netns=POD, ifname="eth0"), f"ip -n {POD} link set eth0 alias NAME"),
    (
        ops.AdoptMasquerade(comment="0a1b", chain="CNI-0a1b"),
        'nft add rule inet cni_plugins_masquerade masq_checks ... comment "0a1b"',
    ),
    (
        ops.AdoptFunction(netns=POD, ifname="net1", path="/var/lib/cni/sriov/c1-net1"),
        f"ip -n {POD} link set net1 netns 1, with what /var/lib/cni/sriov/c1-net1 says of it",
    ),
    (ops.AdoptSpoofCheck(owner="c1-eth0"), "nft add chain bridge nat cni-br-iface-c1-eth0"),
    (
        ops.AdoptPorts(
            container_id="c1", chains=("CNI-DN-0a",), addresses=(), ports=("8080:80/tcp",), masqueraded=True
        ),
        'nft add rule ip cni_hostport hostports ... comment "c1"',
    ),
    (
        ops.AdoptForwarding(addresses=(ip_address("10.20.0.11"),)),
        "iptables -A CNI-FORWARD -s 10.20.0.11 -j ACCEPT",
    ),
    (
        ops.AdoptLimits(ifb="bwp0a", hosts=("veth0a1b2c3d",), send_rate=8000, send_burst=8000),
        "tc qdisc add dev bwp0a root tbf rate 8000bit",
    ),
    (
        ops.AdoptRules(netns=POD, addresses=(ip_address("10.20.0.11"),), table=100),
        f"ip -n {POD} rule add from 10.20.0.11 lookup 100",
    ),
    (ops.AdoptVrf(netns=POD, ifname="eth0", vrf="blue"), f"ip -n {POD} link set eth0 master blue"),
    (
        ops.AdoptBackup(netns=POD, ifname="eth0", path="/run/cni/tuning/c1_eth0.json"),
        "cat /run/cni/tuning/c1_eth0.json",
    ),
    (
        ops.MapPorts(
            address=ip_interface("10.20.0.11/24"),
            ports=("192.0.2.7:8080:80/tcp", "53:5353/udp"),
            mark=0x2000,
            mark_all=False,
            comment="pb1",
        ),
        (
            "nft add rule inet podberth-ports by_address ip daddr 192.0.2.7 tcp dport 8080 dnat ip to 10.20.0.11:80"
            ' comment "pb1"; nft add rule inet podberth-ports by_port udp dport 53 dnat ip to 10.20.0.11:5353'
            ' comment "pb1"'
        ),
    ),
    (
        ops.MasqueradeMapped(address=ip_address("10.20.0.11"), mark=0x2000, comment="pb1 a/b/eth0"),
        (
            "nft add rule inet podberth-ports postrouting meta mark & 0x2000 == 0x2000 ip daddr 10.20.0.11 masquerade"
            ' comment "pb1 a/b/eth0"'
        ),
    ),
    (ops.RouteLoopback(link="bank0"), "sysctl -w net.ipv4.conf.bank0.route_localnet=1"),
    (
        ops.AllowForwarding(address=ip_address("10.20.0.11"), comment="pb1 a/b/eth0"),
        (
            "nft add rule inet podberth-firewall pods ip daddr 10.20.0.11 ct state established,related accept"
            ' comment "pb1 a/b/eth0"; nft add rule inet podberth-firewall pods ip saddr 10.20.0.11 accept'
            ' comment "pb1 a/b/eth0"'
        ),
    ),
    (
        ops.KeepApart(link="bank0", alone=True, comment="pb1 a/b/eth0"),
        (
            "nft add rule inet podberth-firewall apart iifname bank0 oifname != bank0 jump elsewhere"
            ' comment "pb1 a/b/eth0"; nft add rule inet podberth-firewall apart iifname bank0 oifname bank0 drop'
            ' comment "pb1 a/b/eth0"'
        ),
    ),
    (
        ops.IsolatePort(port="pb1", comment="pb1 a/b/eth0"),
        (
            'nft add rule bridge podberth-firewall forward oifname pb1 drop comment "pb1 a/b/eth0";'
            ' nft add rule bridge podberth-firewall forward iifname pb1 drop comment "pb1 a/b/eth0"'
        ),
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
        ops.CreateMacvlan(parent="in0", mode="private", netns=POD, ifname="eth0", in_pod=True, bcqueuelen=100),
        f"ip -n {POD} link add eth0 link in0 type macvlan mode private bcqueuelen 100",
    ),
    (
        ops.CreateVlan(parent="up0", tag=100, netns=POD, ifname="eth0", mtu=1400),
        f"ip link add eth0 link up0 netns {POD} mtu 1400 type vlan id 100",
    ),
    (
        ops.CreateTap(netns=POD, ifname="eth0", owner=107, group=0, multi_queue=True, mtu=1400, bridge="br0"),
        (
            f"ip -n {POD} tuntap add eth0 mode tap user 107 group 0 multi_queue;"
            f" ip -n {POD} link set eth0 mtu 1400 master br0"
        ),
    ),
    (
        ops.MoveLink(link="up0", netns=POD, ifname="eth0"),
        f"ip link set up0 down alias up0; ip link set up0 netns {POD} name eth0",
    ),
    (
        ops.WriteSysctl(netns=POD, key="net/ipv4/ip_forward", value="1"),
        f"ip netns exec {POD} sysctl -w net/ipv4/ip_forward=1",
    ),
    (ops.SetLinkUp(netns=None, ifname="pb1"), "ip link set pb1 up"),
    (ops.SetLoopbackUp(netns=POD), f"ip -n {POD} link set lo up"),
    (
        ops.ProbeAddress(netns=POD, ifname="eth0", address=ip_address("10.20.0.11"), probes=3, interval_ms=200),
        f"ip netns exec {POD} arping -D -c 3 -I eth0 10.20.0.11",
    ),
    (
        ops.AskGateway(
            netns=POD,
            ifname="eth0",
            over="bank0",
            source=ip_address("10.20.0.11"),
            gateway=ip_address("10.20.0.1"),
            probes=3,
            interval_ms=200,
        ),
        f"ip netns exec {POD} arping -f -c 3 -s 10.20.0.11 -I eth0 10.20.0.1",
    ),
    (
        ops.AddAddress(netns=POD, ifname="eth0", address=ip_interface("fd00::11/64")),
        f"ip -n {POD} address add fd00::11/64 dev eth0 nodad",
    ),
    (
        ops.AddRoute(netns=POD, ifname="eth0", dst=ip_network("10.0.0.0/8"), gw=ip_address("10.20.0.1"), priority=5),
        f"ip -n {POD} route add 10.0.0.0/8 via 10.20.0.1 dev eth0 metric 5",
    ),
    (
        ops.AddAddress(netns=None, ifname="pb1", address=ip_interface("10.20.0.1/32"), connected=False),
        "ip address add 10.20.0.1/32 dev pb1 noprefixroute",
    ),
    (
        ops.AddRoute(netns=None, ifname="pb1", dst=ip_network("10.20.0.0/24"), source=ip_address("10.20.0.1")),
        "ip route add 10.20.0.0/24 dev pb1 src 10.20.0.1",
    ),
    (
        ops.WriteSysctl(netns=None, key="net/ipv6/conf/pb1/accept_ra", value="0"),
        "sysctl -w net/ipv6/conf/pb1/accept_ra=0",
    ),
    (ops.LimitTransmit(netns=None, ifname="pb1", mbit=50), "tc qdisc add dev pb1 root tbf rate 50mbit"),
    (
        ops.LimitReceive(netns=None, ifname="pb1", ifb="pi1", mbit=50),
        "tc qdisc add dev pb1 ingress, redirected to pi1; tc qdisc add dev pi1 root tbf rate 50mbit",
    ),
    (
        ops.SetAttribute(netns=POD, ifname="eth0", attribute="promisc", value="on"),
        f"ip -n {POD} link set eth0 promisc on",
    ),
    (
        ops.LimitTransmit(netns=POD, ifname="eth0", rate=8_000_000, burst=16_000),
        f"tc -n {POD} qdisc add dev eth0 root tbf rate 8000000bit burst 2000b",
    ),
    (
        ops.RouteBySource(netns=POD, ifname="eth0", address=ip_interface("10.20.0.11/24"), table=7),
        f"ip -n {POD} rule add from 10.20.0.11 lookup 7",
    ),
    (
        ops.RouteBySource(
            netns=POD, ifname="eth0", address=ip_interface("10.20.0.11/24"), gateway=ip_address("10.20.0.1")
        ),
        (
            f"ip -n {POD} rule add from 10.20.0.11 lookup TABLE, the first free one from 100;"
            f" ip -n {POD} route add default via 10.20.0.1 dev eth0 table TABLE"
        ),
    ),
    (ops.LeaveMainTable(netns=POD, ifname="eth0", version=4), f"ip -n {POD} -4 route flush dev eth0 table main"),
    (
        ops.JoinVrf(netns=POD, ifname="eth0", vrf="red", table=10),
        (f"ip -n {POD} link add red type vrf table 10 (unless it is there); ip -n {POD} link set eth0 master red"),
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
    (
        ops.CallPlugins(
            network="storage",
            netns=POD,
            ifname="net1",
            container_id="c1",
            config="{}",
            path=("/opt/cni/bin",),
            cache="/c",
        ),
        f"CNI_IFNAME=net1 cnitool add storage {POD}",
    ),
    (
        ops.HoldBack(netns=POD, ifname="net1", held_back=(ip_address("10.81.0.5"),)),
        (
            f"ip netns exec {POD} nft 'add table netdev podberth-standby-net1; add chain netdev podberth-standby-net1"
            " out { type filter hook egress device net1 priority 0; };"
            " add rule netdev podberth-standby-net1 out drop'"
        ),
    ),
    (
        ops.AdoptCalls(netns=POD, ifname="eth0", container_id="c1", path="/m/c1", search=("/opt/cni/bin",), cache="/m"),
        "CNI_IFNAME=eth0 cnitool del, for each network in /m/c1",
    ),
]


@pytest.mark.parametrize(("op", "line"), LINES, ids=lambda part: type(part).__name__)
def test_an_op_reads_as_the_command_it_stands_for(op: Op, line: str) -> None:
    assert describe(op) == line


def test_every_op_there_is_has_its_words() -> None:
    assert {type(op) for op, _ in LINES} == set(KINDS)
