"""Any sequence of ops, in any order, sensible or not: whether it succeeds or fails, undone it has left nothing."""

from __future__ import annotations

import contextlib
import tempfile
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from podberth.cni.errors import KernelRefused
from podberth.cni.value import replace
from podberth.net import ops
from podberth.net.apply import apply, revert
from tests.netns.kubelet import run
from tests.netns.linux.conftest import Ground, made_ground
from tests.sizes import size
from tests.waiting import until

POD = "POD"
SYSCTLS = ("net/ipv4/ip_forward", "net/ipv4/conf/eth0/arp_notify", "net/ipv4/conf/net1/arp_notify", "net/ipv4/none")

ifnames = st.sampled_from(["eth0", "eth0", "eth0", "old0", "net1"])
VETH = ops.CreateVeth(name="pb0", netns=POD, ifname="eth0")
MACVLAN = ops.CreateMacvlan(parent="up0", mode="bridge", netns=POD, ifname="eth0")
UP = ops.SetLinkUp(netns=POD, ifname="eth0")
beginnings = st.sampled_from([[VETH], [VETH, UP], [MACVLAN, UP], [MACVLAN], []])
more = st.sampled_from(
    [
        ops.CreateVeth(name="pb1", netns=POD, ifname="net1", mtu=1400),
        ops.CreateVeth(name="up0", netns=POD, ifname="net1"),
        ops.CreateMacvlan(parent="up0", mode="private", netns=POD, ifname="old0"),
        ops.CreateMacvlan(parent="up9", mode="bridge", netns=POD, ifname="net1"),
    ]
)
on_node = st.builds(ops.JoinBridge, link=st.just("pb0"), bridge=st.sampled_from(["bank0", "up0"]))
carried = st.one_of(
    st.builds(ops.WriteSysctl, netns=st.just(POD), key=st.sampled_from(SYSCTLS), value=st.sampled_from(["0", "1"])),
    st.builds(
        ops.AddAddress,
        netns=st.just(POD),
        ifname=ifnames,
        address=st.sampled_from([ip_interface("10.20.0.11/24"), ip_interface("fd00:20::11/64")]),
    ),
    st.builds(
        ops.AddRoute,
        netns=st.just(POD),
        ifname=ifnames,
        dst=st.sampled_from([ip_network("0.0.0.0/0"), ip_network("192.0.2.0/24")]),
        gw=st.sampled_from([None, ip_address("10.20.0.1"), ip_address("203.0.113.1")]),
        priority=st.sampled_from([None, 7]),
    ),
    st.builds(ops.LimitTransmit, netns=st.just(POD), ifname=ifnames, mbit=st.integers(1, 100)),
    st.builds(ops.LimitReceive, netns=st.just(POD), ifname=ifnames, ifb=st.just("pi0"), mbit=st.integers(1, 100)),
    st.builds(ops.SetLinkUp, netns=st.just(POD), ifname=ifnames),
    st.builds(
        lambda ifname, said: ops.SetAttribute(netns=POD, ifname=ifname, attribute=said[0], value=said[1]),
        ifnames,
        st.sampled_from([("address", "02:00:00:00:00:07"), ("mtu", "1400"), ("txqueuelen", "5"), ("promisc", "on")]),
    ),
    st.builds(
        ops.RouteBySource,
        netns=st.just(POD),
        ifname=ifnames,
        address=st.sampled_from([ip_interface("10.20.0.11/24"), ip_interface("fd00:20::11/64")]),
        table=st.sampled_from([None, 7]),
    ),
    st.builds(ops.LeaveMainTable, netns=st.just(POD), ifname=ifnames, version=st.sampled_from([4, 6])),
)
sequences = st.tuples(beginnings, st.lists(more | on_node, max_size=1), st.lists(carried, max_size=6)).map(
    lambda parts: [op for part in parts for op in part]
)


def prepared_ground(ground: Ground) -> None:
    """Put what is not podberth's there: an uplink that is a bridge, and a link of the pod's that is up."""
    # A bridge with a MAC and a port of its own: else both MAC and carrier are those of whatever port comes and goes.
    ground.ip("link", "add", "up0", "address", "02:00:00:00:00:b0", "type", "bridge")
    ground.ip("link", "add", "wire0", "master", "up0", "type", "veth", "peer", "name", "wire1")
    for name in ("up0", "wire0", "wire1"):
        ground.ip("link", "set", name, "addrgenmode", "none", "up")
    ground.pod_ip("link", "add", "old0", "type", "veth", "peer", "name", "old1")
    for name in ("old0", "old1"):
        ground.pod_ip("link", "set", name, "addrgenmode", "none", "up")
    # A carrier takes effect later, on a busy machine much later.
    until(lambda: "state UP" in ground.ip("link", "show", "up0"), "up0 has no carrier")
    until(lambda: "state UP" in ground.pod_ip("link", "show", "old0"), "old0 has no carrier")


def kept(ground: Ground) -> list[str]:
    forwarding = run("ip", "netns", "exec", Path(ground.pod).name, "cat", "/proc/sys/net/ipv4/ip_forward")
    return [*ground.state(), f"ip_forward {forwarding}"]


@settings(max_examples=size(8, 100))
@given(chosen=sequences)
def test_whatever_is_done_in_whatever_order_is_undone(chosen: list[ops.Op]) -> None:
    with tempfile.TemporaryDirectory() as folder, made_ground(Path(folder)) as ground:
        prepared_ground(ground)
        before = kept(ground)
        in_pod = [replace(op, netns=ground.pod) if getattr(op, "netns", None) else op for op in chosen]
        steps = [ground.host.prepare(op) for op in in_pod]
        with contextlib.suppress(KernelRefused):
            apply(ground.host, steps, ground.pod_id)
            revert(ground.host, steps, ground.pod_id)
        assert kept(ground) == before
        revert(ground.host, steps, ground.pod_id)
        assert kept(ground) == before
