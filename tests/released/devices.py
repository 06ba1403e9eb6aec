"""Steps that no machine without a card can make: of a virtual function, and one of every op. Values make them."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

from podberth.cni.pod import Attachment, PodRef
from podberth.net import ops
from podberth.net.step import Step

POD = PodRef(namespace="bank", name="wired", uid="u1")
FUNCTION = "0000:03:00.2"
BOOT = "7f3f1a58-6c7e-4a55-9a53-0d6f2e3b8c11"
_NETNS, _IFNAME, _MAC = "/var/run/netns/wired", "eth0", "02:00:0a:32:00:0b"
_SETTINGS = (
    ("boot", BOOT), ("driver", "iavf"), ("vlan", "0"), ("qos", "0"), ("proto", "802.1q"), ("mac", "00:00:00:00:00:00"),
    ("max_tx_rate", "0"), ("min_tx_rate", "0"), ("spoofchk", "yes"), ("trust", "no"), ("link_state", "auto"),
    ("effective_mac", "3e:11:22:33:44:55"), ("mac_chosen_by", "3"), ("up", "no"),
)  # fmt: skip
VF = (
    Step(
        op=ops.ConfigureVf(device=FUNCTION, pf="ens1f0", index=0, vlan=100, qos=3, mac=_MAC, max_tx_rate=1000,
                           spoofchk=True, trust=False, link_state="auto"),
        before=_SETTINGS,
    ),
    Step(
        op=ops.MoveVf(device=FUNCTION, link="ens1f0v0", netns=_NETNS, ifname=_IFNAME, mac=_MAC, mtu=9000),
        before=(("boot", BOOT), ("driver", "iavf"), ("name", "ens1f0v0"), ("altnames", ""), ("mtu", "1500"),
                ("queue", "1000"), ("flags", "0")),
    ),
)  # fmt: skip
EVERY = (
    ops.CreateVeth(name="pb0123456789abc", netns=_NETNS, ifname=_IFNAME, mac=_MAC, mtu=1400),
    ops.JoinBridge(link="pb0123456789abc", bridge="bank0", vlan_filtering=True, vlan=100, hairpin=True,
                   gateways=(ip_interface("10.50.0.1/24"), ip_interface("fd00:50::1/64"))),
    ops.EnableForwarding(version=4),
    ops.Masquerade(group="g0123", address=ip_interface("10.50.0.11/24"), comment="banknet/c1/eth0"),
    ops.CreateMacvlan(parent="up0", mode="bridge", netns=_NETNS, ifname=_IFNAME, vlan=7, mac=_MAC, mtu=1400),
    ops.CreateIpvlan(parent="up0", mode="l3", netns=_NETNS, ifname=_IFNAME, vlan=7, mtu=1400),
    ops.WriteSysctl(netns=_NETNS, key="net/ipv4/conf/eth0/arp_notify", value="1", optional=True),
    ops.SetLinkUp(netns=None, ifname=_IFNAME),
    ops.AwaitCarrier(netns=_NETNS, ifname=_IFNAME, milliseconds=500),
    ops.ProbeAddress(netns=_NETNS, ifname=_IFNAME, address=ip_address("fd00:50::30"), probes=3, interval_ms=100),
    ops.AddAddress(netns=_NETNS, ifname=_IFNAME, address=ip_interface("10.50.0.11/24")),
    ops.AddRoute(netns=_NETNS, ifname=_IFNAME, dst=ip_network("0.0.0.0/0"), gw=ip_address("10.50.0.1"), mtu=1400,
                 advmss=1360, priority=5, table=100, scope=0),
    ops.LimitTransmit(netns=_NETNS, ifname=_IFNAME, mbit=100),
    ops.LimitReceive(netns=None, ifname=_IFNAME, ifb="pi0123456789abc", mbit=200),
    VF[0].op,
    VF[1].op,
    ops.Announce(netns=_NETNS, ifname=_IFNAME, addresses=(ip_address("10.50.0.11"), ip_address("fd00:50::30"))),
)  # fmt: skip


def recorded() -> list[tuple[Attachment, tuple[Step, ...]]]:
    """Return the attachments that are recorded by hand, with their steps."""
    return [(Attachment(network="sriovnet", container_id="wired0001", ifname=_IFNAME), VF)]
