"""The plan of a leg that stands by: the plan of any other, but nothing leaves by the link."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface

import pytest

from podberth.cni.pod import Attachment
from podberth.net import ops
from podberth.net.endpoint import Endpoint
from podberth.net.plan import Plan
from podberth.net.settings import Settings
from podberth.net.standby import held_back, standing_by
from podberth.net.step import Step

POD = "/run/netns/pod"
ADDRESS = ip_interface("10.81.0.5/24")
END = Endpoint(
    attachment=Attachment(network="legs", container_id="c1", ifname="net1"),
    netns=POD,
    addresses=(ADDRESS,),
    gateways=(None,),
    settings=Settings(),
    standby=True,
)
UP, OUTSIDE = ops.SetLinkUp(netns=POD, ifname="net1"), ops.SetLinkUp(netns=None, ifname="pb1")
GIVEN = ops.AddAddress(netns=POD, ifname="net1", address=ADDRESS)
PROBE = ops.ProbeAddress(netns=POD, ifname="net1", address=ADDRESS.ip, probes=1, interval_ms=1)
TOLD = ops.Announce(netns=POD, ifname="net1", addresses=(ADDRESS.ip,))
HELD = ops.HoldBack(netns=POD, ifname="net1", held_back=(ADDRESS.ip,))


@pytest.mark.parametrize(
    ("planned", "quiet"),
    [
        ((OUTSIDE, UP, PROBE, GIVEN, TOLD), (OUTSIDE, HELD, UP, GIVEN)),
        ((GIVEN, UP, TOLD), (HELD, GIVEN, UP)),
    ],
    ids=["up first", "address first"],
)
def test_the_link_is_held_back_before_it_can_say_anything_and_nobody_is_asked_or_told(
    planned: tuple[ops.Op, ...], quiet: tuple[ops.Op, ...]
) -> None:
    assert standing_by(Plan(ops=planned), END).ops == quiet


def test_what_is_held_back_is_known_by_the_steps() -> None:
    steps = (Step(op=HELD), Step(op=GIVEN), Step(op=TOLD))
    assert held_back(steps) == {ip_address("10.81.0.5")}
    assert held_back(steps[1:]) == frozenset()
