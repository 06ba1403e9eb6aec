"""What undoing leaves alone: what was there before, what another attachment has, and a namespace that came later."""

from __future__ import annotations

import contextlib
import threading
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from podberth.cni.errors import CniError, KernelRefused
from podberth.cni.pod import Attachment
from podberth.net import ops
from podberth.net.apply import apply, revert
from podberth.net.endpoint import Endpoint
from podberth.net.settings import Rates, Settings
from podberth.net.step import Step
from podberth.plugins import podberth
from tests.hosts import plan_of
from tests.netns.kubelet import run
from tests.netns.linux.conftest import Ground, host_in

RATES = Rates(egress=10, ingress=20)
RESERVED_PORTS = "net/ipv4/ip_local_reserved_ports"  # empty unless somebody sets it


def macvlan(ground: Ground, container_id: str, address: str) -> list[Step]:
    """Prepare the whole of an ADD of eth0 on up0."""
    end = Endpoint(
        attachment=Attachment(network="banknet", container_id=container_id, ifname="eth0"),
        netns=ground.pod,
        addresses=(ip_interface(address),),
        gateways=(None,),
        settings=Settings(rates=RATES, sysctls=(("net.ipv4.ip_forward", "1"),)),
    )
    conf = podberth.Conf(kind="macvlan", parent="up0", mode="bridge")
    return [ground.host.prepare(op) for op in plan_of(ground.host, conf, end)]


def on_bridge(ground: Ground) -> list[Step]:
    end = Endpoint(
        attachment=Attachment(network="banknet", container_id="c0ffee", ifname="eth0"),
        netns=ground.pod,
        addresses=(ip_interface("10.20.0.11/24"),),
        gateways=(None,),
        settings=Settings(rates=RATES),
    )
    conf = podberth.Conf(kind="bridge", parent="bank0")
    return [ground.host.prepare(op) for op in plan_of(ground.host, conf, end)]


@pytest.fixture
def uplink(ground: Ground) -> Ground:
    ground.ip("link", "add", "up0", "type", "bridge")
    ground.ip("link", "set", "up0", "addrgenmode", "none", "up")
    return ground


@pytest.fixture
def foreign(ground: Ground) -> Ground:
    """A pod whose eth0 somebody else made, with an address and a default route."""
    ground.pod_ip("link", "add", "eth0", "type", "veth", "peer", "name", "other")
    ground.pod_ip("link", "set", "eth0", "addrgenmode", "none", "up")
    ground.pod_ip("address", "add", "10.20.0.11/24", "dev", "eth0")
    ground.pod_ip("route", "add", "default", "via", "10.20.0.1", "dev", "eth0", "proto", "static", "metric", "77")
    return ground


DEFAULT = ip_network("0.0.0.0/0")
GATEWAY = ip_address("10.20.0.1")


@pytest.mark.parametrize("priority", [77, None])
def test_an_address_and_a_route_of_another_stay_when_steps_that_were_never_done_are_undone(
    foreign: Ground, priority: int | None
) -> None:
    before = foreign.state()
    steps = [
        foreign.host.prepare(op)
        for op in (
            ops.AddAddress(netns=foreign.pod, ifname="eth0", address=ip_interface("10.20.0.11/24")),
            ops.AddRoute(netns=foreign.pod, ifname="eth0", dst=DEFAULT, gw=GATEWAY, priority=priority),
        )
    ]
    revert(foreign.host, steps, foreign.pod_id)
    assert foreign.state() == before


@pytest.mark.parametrize(
    "op",
    [
        ops.AddAddress(netns="POD", ifname="eth0", address=ip_interface("10.20.0.11/24")),
        ops.AddRoute(netns="POD", ifname="eth0", dst=DEFAULT, gw=GATEWAY, priority=77),
    ],
    ids=["address", "route"],
)
def test_what_is_there_already_is_refused_and_stays(foreign: Ground, op: ops.AddAddress | ops.AddRoute) -> None:
    before = foreign.state()
    named = (
        ops.AddAddress(netns=foreign.pod, ifname="eth0", address=op.address)
        if isinstance(op, ops.AddAddress)
        else ops.AddRoute(netns=foreign.pod, ifname="eth0", dst=op.dst, gw=op.gw, priority=op.priority)
    )
    with pytest.raises(KernelRefused, match="EEXIST"):
        apply(foreign.host, [foreign.host.prepare(named)], foreign.pod_id)
    assert foreign.state() == before


def test_an_address_and_a_route_added_to_a_link_of_another_go_singly(foreign: Ground) -> None:
    before = foreign.state()
    steps = [
        foreign.host.prepare(op)
        for op in (
            ops.AddAddress(netns=foreign.pod, ifname="eth0", address=ip_interface("10.30.0.11/24")),
            ops.AddRoute(netns=foreign.pod, ifname="eth0", dst=DEFAULT, gw=GATEWAY),
        )
    ]
    apply(foreign.host, steps, foreign.pod_id)
    assert [drift for step in steps for drift in foreign.host.check(step)] == []
    revert(foreign.host, steps, foreign.pod_id)
    assert foreign.state() == before


def test_an_add_that_finds_the_name_taken_leaves_the_other_attachment_its_limits(uplink: Ground) -> None:
    first = macvlan(uplink, "first", "10.20.0.11/24")
    apply(uplink.host, first, uplink.pod_id)
    before = uplink.state()
    second = macvlan(uplink, "second", "10.20.0.12/24")
    with pytest.raises(KernelRefused, match="EEXIST"):
        apply(uplink.host, second, uplink.pod_id)
    revert(uplink.host, second, uplink.pod_id)  # a failed ADD takes back all that it has recorded
    assert uplink.state() == before
    assert [drift for step in first for drift in uplink.host.check(step)] == []


def test_undoing_spares_a_later_namespace_though_path_and_inode_are_the_same(uplink: Ground, tmp_path: Path) -> None:
    old, name = macvlan(uplink, "old", "10.20.0.11/24"), Path(uplink.pod).name
    apply(uplink.host, old, uplink.pod_id)
    uplink.host.close()
    run("ip", "netns", "delete", name)
    run("ip", "netns", "add", name)
    with contextlib.closing(host_in(uplink.node, str(tmp_path / "locks"))) as host:
        uplink.host = host
        new = macvlan(uplink, "new", "10.20.0.11/24")
        apply(host, new, uplink.pod_id)
        before = uplink.state()
        assert [str(drift) for drift in host.check(old[0])] == [
            f"eth0: netns: expected {uplink.pod} as at ADD, found another one"
        ]
        revert(host, old, uplink.pod_id)  # the new one's identity: what a record holds whose inode came back
        assert uplink.state() == before
        assert [drift for step in new for drift in host.check(step)] == []


def test_a_sysctl_that_was_empty_is_empty_again(ground: Ground) -> None:
    step = ground.host.prepare(ops.WriteSysctl(netns=ground.pod, key=RESERVED_PORTS, value="3306,33060"))
    apply(ground.host, [step], ground.pod_id)
    assert ground.host.check(step) == ()
    revert(ground.host, [step], ground.pod_id)
    assert ground.host.prepare(step.op).before == step.before
    assert dict(step.before)["value"] == ""


def test_a_link_that_was_taken_at_first_is_not_made_later(ground: Ground) -> None:
    ground.pod_ip("link", "add", "eth0", "type", "veth", "peer", "name", "other")
    step = ground.host.prepare(ops.CreateVeth(name="pbhost", netns=ground.pod, ifname="eth0"))
    ground.pod_ip("link", "delete", "eth0")
    before = ground.state()
    with pytest.raises(KernelRefused, match="EEXIST"):
        apply(ground.host, [step], ground.pod_id)
    assert ground.state() == before


@pytest.mark.parametrize("known", [True, False])
def test_undoing_in_a_namespace_that_is_gone_succeeds(ground: Ground, known: bool) -> None:
    identity = ground.pod_id if known else None
    gone = "/var/run/netns/gone-before"
    for op in (
        ops.CreateVeth(name="pbgone", netns=gone, ifname="eth0"),
        ops.CreateMacvlan(parent="up0", mode="bridge", netns=gone, ifname="eth0"),
        ops.WriteSysctl(netns=gone, key=RESERVED_PORTS, value="1"),
        ops.AddAddress(netns=gone, ifname="eth0", address=ip_interface("10.20.0.11/24")),
        ops.LimitTransmit(netns=gone, ifname="eth0", mbit=1),
        ops.LimitReceive(netns=gone, ifname="eth0", ifb="pi0", mbit=1),
    ):
        ground.host.undo(Step(op=op, before=(("value", "0"), ("netns", "1"))), identity)
    assert ground.pod_ip("-o", "link").count("\n") == 1


def test_many_may_undo_the_same_steps_at_once(ground: Ground, tmp_path: Path) -> None:
    failures: list[CniError] = []

    def undo(steps: list[Step], together: threading.Barrier) -> None:
        with contextlib.closing(host_in(ground.node, str(tmp_path / "locks"))) as host:
            together.wait()
            try:
                revert(host, steps, ground.pod_id)
            except CniError as failure:
                failures.append(failure)

    before = ground.state()
    for _ in range(8):
        steps, together = on_bridge(ground), threading.Barrier(4)
        apply(ground.host, steps, ground.pod_id)
        threads = [threading.Thread(target=undo, args=(steps, together)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert ground.state() == before


def test_a_port_that_was_there_before_stays_on_its_bridge_when_its_repetition_is_refused(ground: Ground) -> None:
    live = on_bridge(ground)
    apply(ground.host, live, ground.pod_id)
    before = port_of(ground, "bank0")
    again = on_bridge(ground)  # by a store that does not know of it
    with pytest.raises(KernelRefused):
        apply(ground.host, again, ground.pod_id)
    revert(ground.host, again, ground.pod_id)  # all that was intended, as an ADD that failed and a DEL do
    ground.host.drop(again)
    assert port_of(ground, "bank0") == before
    assert [drift for step in live for drift in ground.host.check(step)] == []


def port_of(ground: Ground, bridge: str) -> tuple[str, str]:
    """Return the name of a bridge's only port, and the group it is in."""
    said = ground.ip("-o", "link", "show", "master", bridge).split()
    return said[1], said[said.index("group") + 1]
