"""The `loopback` type: what is planned for `lo`."""

from __future__ import annotations

from ipaddress import ip_interface

import pytest

from podberth.cni.call import Call, Verb
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.pod import Attachment
from podberth.net import ops
from podberth.net.endpoint import Endpoint
from podberth.net.plan import Made, Plan
from podberth.net.seen import AddressesOf, Seen
from podberth.net.settings import Settings
from podberth.plugins.standard import loopback

POD = "/run/netns/pod"
END = Endpoint(
    attachment=Attachment(network="net", container_id="c1", ifname="eth0"),
    netns=POD,
    addresses=(),
    gateways=(),
    settings=Settings(),
)


def planned(*addresses: str, **conf: object) -> Plan:
    call = Call(verb=Verb.ADD, conf=NetConf.parse(Fields({"name": "net", "type": "loopback", **conf})), ifname="eth0")
    read = loopback.configure(call.conf.fields)
    assert loopback.asks(read, call, END, Seen()) == (AddressesOf(netns=POD, ifname="lo"),)
    seen = Seen({AddressesOf(netns=POD, ifname="lo"): tuple(map(ip_interface, addresses))})
    return loopback.plan(read, call, END, seen)


@pytest.mark.parametrize("addresses", [(), ("127.0.0.1/8", "::1/128"), ("127.9.9.9/32",)])
def test_lo_is_set_up_and_is_the_result(addresses: tuple[str, ...]) -> None:
    plan = planned(*addresses)
    assert plan.ops == (ops.SetLoopbackUp(netns=POD),)
    assert plan.interfaces == (Made(name="lo", netns=POD),)


def test_a_result_of_before_is_passed_on() -> None:
    plan = planned(cniVersion="1.0.0", prevResult={"cniVersion": "1.0.0", "interfaces": [{"name": "eth0"}]})
    assert plan.ops == (ops.SetLoopbackUp(netns=POD),)
    assert plan.interfaces == ()


def test_an_address_of_a_network_is_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"lo has 10\.9\.9\.9/32"):
        planned("127.0.0.1/8", "10.9.9.9/32")
