"""What `bandwidth` reads of a configuration, and what it plans."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.call import Call, Verb
from podberth.cni.errors import InvalidConfig, UnsupportedField
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.linux.netlink import tc
from podberth.net import ops
from podberth.net.endpoint import Endpoint
from podberth.net.facts import Link
from podberth.net.seen import Seen
from podberth.net.settings import Settings
from podberth.plugins.standard import bandwidth

NETNS = "/run/netns/pod"
BOTH = {"ingressRate": 16_000, "ingressBurst": 8_000, "egressRate": 32_000, "egressBurst": 16_000}
HOST = Link(name="veth1", index=7, kind="veth", mac="02:00:00:00:00:01", mtu=1400, up=True, ours=False)


def planned(conf: dict[str, Any], peer: Link | None = HOST) -> tuple[ops.Op, ...]:
    """Return the plan's ops for an interface whose other end is that link of the node."""
    raw = {"cniVersion": "1.0.0", "name": "net", "type": "bandwidth", **conf}
    call = Call(verb=Verb.ADD, conf=NetConf.parse(Fields(raw)), container_id="a", netns=NETNS, ifname="eth0")
    end = Endpoint(attachment=call.attachment, netns=NETNS, addresses=(), gateways=(), settings=Settings())
    read = bandwidth.configure(call.conf.fields)
    seen = Seen(dict.fromkeys(bandwidth.asks(read, call, end, Seen()), peer))
    return bandwidth.plan(read, call, end, seen).ops


def test_what_the_pod_receives_is_what_the_nodes_end_sends() -> None:
    sent, received = planned(BOTH)
    assert sent == ops.LimitTransmit(netns=None, ifname="veth1", rate=16_000, burst=8_000)
    assert isinstance(received, ops.LimitReceive)
    assert (received.netns, received.ifname, received.rate, received.mtu) == (None, "veth1", 32_000, 1400)
    assert (received.ifb[:3], len(received.ifb)) == ("bwp", 15)


def test_without_an_end_on_the_node_the_limits_are_inside() -> None:
    received, sent = planned(BOTH, None)
    assert isinstance(received, ops.LimitReceive)
    assert (received.netns, received.ifname, received.rate) == (NETNS, "eth0", 16_000)
    assert sent == ops.LimitTransmit(netns=NETNS, ifname="eth0", rate=32_000, burst=16_000)


def test_its_own_keys_stand_before_the_runtimes_even_zeros() -> None:
    assert planned({"ingressRate": 0, "runtimeConfig": {"bandwidth": BOTH}}) == ()
    assert len(planned({"ingressRate": None, "runtimeConfig": {"bandwidth": BOTH}})) == 2


@pytest.mark.parametrize("key", BOTH)
def test_a_rate_needs_a_burst_and_the_other_way_round(key: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{key}: required beside"):
        planned({name: number for name, number in BOTH.items() if name != key})
    with pytest.raises(InvalidConfig, match=rf"^runtimeConfig\.bandwidth\.{key}: required"):
        planned({"runtimeConfig": {"bandwidth": {name: number for name, number in BOTH.items() if name != key}}})


@pytest.mark.parametrize("number", [-1, 7, 2**64, 1.5, "8M", True])
def test_a_rate_that_is_none(number: object) -> None:
    with pytest.raises(InvalidConfig, match=r"^ingressRate: "):
        planned({**BOTH, "ingressRate": number})


def test_the_largest_numbers() -> None:
    assert planned({"ingressRate": 2**64 - 1, "ingressBurst": bandwidth.MAX_BURST})
    with pytest.raises(InvalidConfig, match=r"^ingressBurst: "):
        planned({"ingressRate": 8, "ingressBurst": bandwidth.MAX_BURST + 1})


def test_limits_for_some_subnets_are_refused() -> None:
    with pytest.raises(UnsupportedField, match=r"^shapedSubnets: "):
        planned({**BOTH, "shapedSubnets": ["10.0.0.0/8"]})


def test_a_bucket_is_what_was_said() -> None:
    bucket = tc.exact(80_000_000, 8_000_000)
    assert (bucket.rate, bucket.limit) == (10_000_000, 1_000_000 + 250_000)
    assert bucket.buffer * tc.TICK_NS == 100_000_000


def test_a_bucket_fits_the_kernels_fields() -> None:
    for rate, burst in ((8, 8), (8, bandwidth.MAX_BURST), (bandwidth.MAX_RATE, 8), (2**64 - 1, bandwidth.MAX_BURST)):
        bucket = tc.exact(rate, burst)
        assert 0 < bucket.limit < 2**32
        assert 0 < bucket.buffer < 2**32
