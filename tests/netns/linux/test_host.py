"""Every op on a real kernel: done, checked, undone; failing whole; and never touching what is not podberth's."""

from __future__ import annotations

import contextlib
import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podberth.cni.errors import InvalidConfig, InvalidNetns, KernelRefused
from podberth.cni.pod import Attachment
from podberth.cni.value import replace
from podberth.net import ops
from podberth.net.apply import apply, revert
from podberth.net.endpoint import Endpoint
from podberth.net.pod_side import link_name
from podberth.net.settings import Rates, Route, Settings
from podberth.plugins import podberth
from tests.hosts import plan_of
from tests.netns.kubelet import run
from tests.netns.linux.conftest import Ground, host_in, made_ground

if TYPE_CHECKING:
    from podberth.net.ops import Op
    from podberth.net.step import Step

ATTACHMENT = Attachment(network="banknet", container_id="c0ffee", ifname="eth0")
RATES = st.builds(Rates, egress=st.none() | st.integers(1, 9000), ingress=st.none() | st.integers(1, 9000))
SETTINGS = st.builds(
    Settings,
    mac=st.none() | st.just("02:50:0a:14:00:0b"),
    mtu=st.none() | st.integers(1280, 1500),
    rates=st.none() | RATES,
    routes=st.just(()) | st.just((Route(dst=ip_network("0.0.0.0/0"), gw=ip_address("10.20.0.1"), priority=5),)),
    sysctls=st.just(()) | st.just((("net.ipv4.conf.IFNAME.rp_filter", "2"), ("net.ipv4.ip_forward", "1"))),
)
ADDRESSES = st.sampled_from(
    [(ip_interface("10.20.0.11/24"),), (ip_interface("10.20.0.11/24"), ip_interface("fd00:20::11/64"))]
)


def planned(ground: Ground, kind: podberth.Conf, wanted: Settings, addresses: tuple[ops.Interface, ...]) -> list[Step]:
    end = Endpoint(
        attachment=ATTACHMENT,
        netns=ground.pod,
        addresses=addresses,
        gateways=(None,) * len(addresses),
        settings=wanted,
    )
    return [ground.host.prepare(op) for op in plan_of(ground.host, kind, end)]


def on_bridge(ground: Ground, **wanted: object) -> list[Step]:
    conf = podberth.Conf(kind="bridge", parent="bank0")
    return planned(ground, conf, Settings(**wanted), (ip_interface("10.20.0.11/24"),))  # type: ignore[arg-type]


@settings(max_examples=12)
@given(kind=st.sampled_from(["bridge", "macvlan"]), wanted=SETTINGS, addresses=ADDRESSES)
def test_apply_holds_and_undo_gives_back_everything(
    kind: str, wanted: Settings, addresses: tuple[ops.Interface, ...]
) -> None:
    with tempfile.TemporaryDirectory() as folder, made_ground(Path(folder)) as ground:
        ground.ip("link", "add", "up0", "type", "bridge")
        ground.ip("link", "set", "up0", "addrgenmode", "none", "up")
        conf = podberth.Conf(kind=kind, parent={"bridge": "bank0", "macvlan": "up0"}[kind], mode="bridge")
        before = ground.state()
        steps = planned(ground, conf, wanted, addresses)
        apply(ground.host, steps, ground.pod_id)
        assert [drift for step in steps for drift in ground.host.check(step)] == []
        revert(ground.host, steps, ground.pod_id)
        assert ground.state() == before
        revert(ground.host, steps, ground.pod_id)
        assert ground.state() == before


def test_ports_that_leave_a_bridge_at_the_same_time_take_it_away(ground: Ground) -> None:
    before = ground.state()
    ends = [ends_on_bridge(ground, name) for name in ("eth0", "eth1")]
    for steps in ends:
        apply(ground.host, steps, ground.pod_id)
    for number in reversed(range(len(ends[0]))):  # each step of both before the next step of either
        for steps in ends:
            ground.host.undo(steps[number], ground.pod_id)
    assert ground.state() == before


def test_a_port_that_is_repaired_stays(ground: Ground) -> None:
    steps = ends_on_bridge(ground, "eth0")
    apply(ground.host, steps, ground.pod_id)
    ground.ip("link", "set", "pbeth0", "nomaster")
    ground.host.repair(steps[1], ground.pod_id)
    other = ends_on_bridge(ground, "eth1")
    apply(ground.host, other, ground.pod_id)
    ground.host.drop(other)
    assert [drift for step in steps for drift in ground.host.check(step)] == []


def ends_on_bridge(ground: Ground, ifname: str) -> list[Step]:
    """Prepare a pair, one end of which joins bank0."""
    veth = ops.CreateVeth(name=f"pb{ifname}", netns=ground.pod, ifname=ifname)
    return [ground.host.prepare(op) for op in (veth, ops.JoinBridge(link=veth.name, bridge="bank0"))]


FAILING: dict[str, tuple[Op, str]] = {
    "an address that is there": (
        ops.AddAddress(netns="POD", ifname="eth0", address=ip_interface("10.20.0.11/24")),
        "EEXIST",
    ),
    "a link that there is not": (ops.SetLinkUp(netns="POD", ifname="eth7"), "ENODEV"),
    "a gateway out of reach": (
        ops.AddRoute(netns="POD", ifname="eth0", dst=ip_network("192.0.2.0/24"), gw=ip_address("203.0.113.1")),
        "ENETUNREACH",
    ),
    "an unknown sysctl": (ops.WriteSysctl(netns="POD", key="net/ipv4/no_such_thing", value="1"), "ENOENT"),
    "a value that is none": (ops.WriteSysctl(netns="POD", key="net/ipv4/ip_forward", value="teapot"), "EINVAL"),
    "a name that is taken": (ops.CreateVeth(name="pbother", netns="POD", ifname="eth0"), "EEXIST"),
    "a parent that there is not": (
        ops.CreateMacvlan(parent="up9", mode="bridge", netns="POD", ifname="net1"),
        "no link up9",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_step_that_fails_takes_all_before_it_back_and_says_what_and_why(ground: Ground, case: str) -> None:
    op, said = FAILING[case]
    failing = replace(op, netns=ground.pod)
    before = ground.state()
    steps = [*on_bridge(ground), ground.host.prepare(failing)]
    with pytest.raises(KernelRefused) as refused:
        apply(ground.host, steps, ground.pod_id)
    assert said in refused.value.message
    assert refused.value.details
    assert ground.state() == before


def test_a_foreign_link_of_the_same_name_is_never_deleted(ground: Ground) -> None:
    steps = on_bridge(ground)
    host_end = link_name("pb", ATTACHMENT)
    ground.ip("link", "add", host_end, "type", "veth", "peer", "name", "foreign")
    revert(ground.host, steps, ground.pod_id)
    assert host_end in ground.ip("link", "show", host_end)


def test_a_link_that_was_in_the_pod_before_stays_when_the_attachment_fails(ground: Ground) -> None:
    ground.pod_ip("link", "add", "eth0", "type", "veth", "peer", "name", "other")
    before = ground.state()
    steps = on_bridge(ground)
    with pytest.raises(KernelRefused, match="EEXIST"):
        apply(ground.host, steps, ground.pod_id)
    assert ground.state() == before


def test_an_operators_bridge_stays_and_keeps_its_settings(ground: Ground) -> None:
    ground.ip("link", "add", "bank0", "address", "02:00:00:00:00:b0", "type", "bridge", "forward_delay", "400")
    ground.ip("link", "set", "bank0", "up")
    steps = on_bridge(ground)
    apply(ground.host, steps, ground.pod_id)
    revert(ground.host, steps, ground.pod_id)
    (bridge,) = json.loads(ground.ip("-json", "-details", "link", "show", "bank0"))
    assert bridge["address"] == "02:00:00:00:00:b0"
    assert bridge["linkinfo"]["info_data"]["forward_delay"] == 400
    assert (bridge["group"], "UP" in bridge["flags"]) == ("default", True)


def test_a_link_that_is_no_bridge_is_refused_as_one(ground: Ground) -> None:
    steps = on_bridge(ground)
    ground.ip("link", "add", "bank0", "type", "veth", "peer", "name", "bank1")
    with pytest.raises(InvalidConfig, match="bank0 is no bridge"):
        apply(ground.host, steps, ground.pod_id)


def test_undoing_when_the_pods_namespace_is_gone_still_cleans_the_node(ground: Ground, tmp_path: Path) -> None:
    steps = on_bridge(ground, rates=Rates(egress=10, ingress=10))
    before = ground.pod_id
    apply(ground.host, steps, before)
    ground.host.close()
    run("ip", "netns", "delete", Path(ground.pod).name)
    with contextlib.closing(host_in(ground.node, str(tmp_path / "locks"))) as host:
        revert(host, steps, before)
    assert [link["ifname"] for link in json.loads(ground.ip("-json", "link"))] == ["lo"]


def test_undoing_leaves_another_namespace_at_the_same_path_alone(ground: Ground, tmp_path: Path) -> None:
    steps = on_bridge(ground, sysctls=(("net.ipv4.ip_forward", "1"),))
    old = ground.pod_id
    apply(ground.host, steps, old)
    ground.host.close()
    name = Path(ground.pod).name
    run("ip", "netns", "delete", name)
    run("ip", "netns", "add", name)
    ground.pod_ip("link", "add", "eth0", "type", "veth", "peer", "name", "other")
    run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    with contextlib.closing(host_in(ground.node, str(tmp_path / "locks"))) as host:
        revert(host, steps, old)
    assert "eth0" in ground.pod_ip("link", "show", "eth0")
    assert run("ip", "netns", "exec", name, "sysctl", "-n", "net.ipv4.ip_forward").strip() == "1"


def test_a_path_that_is_no_namespace_is_an_error_that_says_so(ground: Ground, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    assert ground.host.netns_id(str(plain)) is None
    with pytest.raises(InvalidNetns, match="no network namespace"):
        ground.host.prepare(ops.WriteSysctl(netns=str(plain), key="net/ipv4/ip_forward", value="1"))


CHANGES: dict[str, tuple[tuple[str, ...], str]] = {
    "mtu": (("link", "set", "eth0", "mtu", "1300"), "eth0: mtu: expected 1400, found 1300"),
    "mac": (("link", "set", "eth0", "address", "02:00:00:00:00:99"), "eth0: mac: expected 02:50:0a:14:00:0b"),
    "down": (("link", "set", "eth0", "down"), "eth0: state: expected up, found down"),
    "address": (("address", "del", "10.20.0.11/24", "dev", "eth0"), "eth0: address: expected 10.20.0.11/24"),
    "route": (("route", "del", "default"), "eth0: route: expected 0.0.0.0/0 via 10.20.0.1 metric 5"),
    "gone": (("link", "del", "eth0"), "link: expected there, found gone"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_check_names_what_somebody_changed_in_the_pod(ground: Ground, change: str) -> None:
    steps = on_bridge(
        ground,
        mac="02:50:0a:14:00:0b",
        mtu=1400,
        routes=(Route(dst=ip_network("0.0.0.0/0"), gw=ip_address("10.20.0.1"), priority=5),),
    )
    apply(ground.host, steps, ground.pod_id)
    words, told = CHANGES[change]
    ground.pod_ip(*words)
    assert told in "; ".join(str(drift) for step in steps for drift in ground.host.check(step))


def test_check_names_the_bridge_and_the_sysctl_that_changed(ground: Ground) -> None:
    steps = on_bridge(ground, sysctls=(("net.ipv4.ip_forward", "1"),))
    apply(ground.host, steps, ground.pod_id)
    host_end = link_name("pb", ATTACHMENT)
    ground.ip("link", "set", host_end, "nomaster")
    run("ip", "netns", "exec", Path(ground.pod).name, "sysctl", "-qw", "net.ipv4.ip_forward=0")
    told = [str(drift) for step in steps for drift in ground.host.check(step)]
    assert told == [
        f"{host_end}: master: expected bank0, found none",
        "net/ipv4/ip_forward: value: expected 1, found 0",
    ]


def test_check_names_the_mode_of_a_macvlan_that_changed(ground: Ground) -> None:
    ground.ip("link", "add", "up0", "type", "bridge")
    ground.ip("link", "set", "up0", "addrgenmode", "none", "up")
    conf = podberth.Conf(kind="macvlan", parent="up0", mode="bridge")
    steps = planned(ground, conf, Settings(), (ip_interface("10.20.0.11/24"),))
    apply(ground.host, steps, ground.pod_id)
    ground.pod_ip("link", "set", "eth0", "type", "macvlan", "mode", "vepa")
    told = [str(drift) for step in steps for drift in ground.host.check(step)]
    assert told == ["eth0: mode: expected bridge, found vepa"]


def _come_and_go(node: str, locks: str, number: int) -> int:
    """Join the one bridge and leave it, over and over, among others who do the same."""
    host = host_in(node, locks)
    pod = f"/var/run/netns/{node}-{number}"
    run("ip", "netns", "add", f"{node}-{number}")
    try:
        for turn in range(20):
            link = f"pb{number}x{turn}"
            steps = [
                host.prepare(op)
                for op in (
                    ops.CreateVeth(name=link, netns=pod, ifname="eth0"),
                    ops.JoinBridge(link=link, bridge="bank0"),
                    ops.SetLinkUp(netns=None, ifname=link),
                )
            ]
            apply(host, steps, host.netns_id(pod))
            assert [drift for step in steps for drift in host.check(step)] == []
            revert(host, steps, host.netns_id(pod))
    finally:
        run("ip", "netns", "delete", f"{node}-{number}")
    return number


def test_a_bridge_that_many_join_and_leave_at_once_is_there_for_each_and_gone_after_the_last(
    ground: Ground, tmp_path: Path
) -> None:
    with ProcessPoolExecutor(8) as workers:
        ended = list(workers.map(_come_and_go, [ground.node] * 8, [str(tmp_path / "locks")] * 8, range(8)))
    assert ended == list(range(8))
    assert [link["ifname"] for link in json.loads(ground.ip("-json", "link"))] == ["lo"]
