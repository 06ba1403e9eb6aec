"""What plugins behind another one have changed, and somebody changes since, is put right; and then still undone."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING

import pytest

from podberth.net import ops
from podberth.net.apply import apply, revert

if TYPE_CHECKING:
    from podberth.net.ops import Op
    from tests.netns.linux.conftest import Ground

FROM = ip_interface("10.1.0.5/24")


def planned(ground: Ground) -> tuple[Op, ...]:
    """Return ops of every kind that work on a link that is there."""
    return (
        ops.SetAttribute(netns=ground.pod, ifname="eth0", attribute="address", value="02:00:00:00:00:07"),
        ops.SetAttribute(netns=ground.pod, ifname="eth0", attribute="mtu", value="1400"),
        ops.SetAttribute(netns=ground.pod, ifname="eth0", attribute="allmulticast", value="on"),
        ops.LimitTransmit(netns=ground.pod, ifname="eth0", rate=80_000_000, burst=8_000_000),
        ops.RouteBySource(netns=ground.pod, ifname="eth0", address=FROM, gateway=ip_address("10.1.0.1")),
        ops.LeaveMainTable(netns=ground.pod, ifname="eth0", version=4),
    )


@pytest.mark.parametrize(
    "command",
    [
        "link set eth0 address 02:00:00:00:00:08",
        "link set eth0 mtu 1300",
        "link set eth0 allmulticast off",
        "rule del from 10.1.0.5",
        "route flush table 100",
        "route del default table 100",
    ],
)
def test_what_was_changed_is_put_right_and_undone_in_the_end(ground: Ground, command: str) -> None:
    for line in (
        "link add eth0 type veth peer name eth1", "link set eth0 addrgenmode none up",
        "link set eth1 addrgenmode none up", "address add 10.1.0.5/24 dev eth0",
        "route add 10.9.0.0/16 via 10.1.0.2 dev eth0 metric 7", "route add default via 10.1.0.1 dev eth0",
    ):  # fmt: skip
        ground.pod_ip(*line.split())
    before = ground.state()
    steps = [ground.host.prepare(op) for op in planned(ground)]
    apply(ground.host, steps, ground.pod_id)
    made = ground.state()
    assert [drift for step in steps for drift in ground.host.check(step)] == []
    ground.pod_ip(*command.split())
    different = [step for step in steps if ground.host.check(step)]
    assert len(different) == 1
    ground.host.repair(different[0], ground.pod_id)
    assert ground.state() == made
    revert(ground.host, steps, ground.pod_id)
    assert ground.state() == before
