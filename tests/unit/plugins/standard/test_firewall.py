"""What the type `firewall` plans, and what it refuses."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import TYPE_CHECKING

import pytest

from podberth.cni.call import Call, Verb
from podberth.cni.errors import CniError, InvalidConfig, UnsupportedField
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.net import ops
from podberth.net.endpoint import Endpoint
from podberth.net.seen import Seen
from podberth.net.settings import Settings
from podberth.plugins.standard import firewall

if TYPE_CHECKING:
    from podberth.net.ops import Op

BRIDGED = [{"name": "br0"}, {"name": "veth0"}, {"name": "eth0", "sandbox": "/run/netns/pod"}]
ADDRESSES = ("10.0.0.2/24", "fd00::2/64")


def planned(interfaces: list[dict[str, str]] | None = None, /, **keys: object) -> tuple[Op, ...]:
    previous = {"interfaces": BRIDGED if interfaces is None else interfaces}
    document = {"cniVersion": "1.0.0", "name": "net", "type": "firewall", "prevResult": previous, **keys}
    conf = NetConf.parse(Fields(document))
    call = Call(verb=Verb.ADD, conf=conf, container_id="c1", netns="/run/netns/pod", ifname="eth0")
    end = Endpoint(
        attachment=call.attachment,
        netns=call.netns,
        addresses=tuple(map(ip_interface, ADDRESSES)),
        gateways=(None, None),
        settings=Settings(),
    )
    return firewall.plan(firewall.configure(conf.fields), call, end, Seen()).ops


@pytest.mark.parametrize("keys", [{}, {"ingressPolicy": "open"}, {"ingressPolicy": ""}, {"backend": "nftables"}])
def test_what_is_open_is_let_through(keys: dict[str, object]) -> None:
    plan = planned(**keys)
    assert [str(op.address) for op in plan if isinstance(op, ops.AllowForwarding)] == ["10.0.0.2", "fd00::2"]
    assert len(plan) == 2


def test_same_bridge_keeps_the_bridge_apart() -> None:
    first, *rest = planned(ingressPolicy="same-bridge")
    assert isinstance(first, ops.KeepApart)
    assert (first.link, first.alone) == ("br0", False)
    assert {type(op) for op in rest} == {ops.AllowForwarding}


def test_isolated_also_keeps_the_pod_from_others_on_the_bridge() -> None:
    first, second, *_ = planned(ingressPolicy="isolated")
    assert isinstance(first, ops.KeepApart)
    assert isinstance(second, ops.IsolatePort)
    assert (first.link, first.alone, second.port) == ("br0", True, "veth0")


@pytest.mark.parametrize("interfaces", [[], [{"name": "eth0", "sandbox": "/run/netns/pod"}]])
def test_a_policy_about_a_bridge_needs_one(interfaces: list[dict[str, str]]) -> None:
    with pytest.raises(InvalidConfig, match="ingressPolicy"):
        planned(interfaces, ingressPolicy="same-bridge")
    assert planned(interfaces)


@pytest.mark.parametrize(
    ("keys", "error", "path"),
    [
        ({"backend": "iptables"}, UnsupportedField, "backend"),
        ({"backend": "firewalld"}, UnsupportedField, "backend"),
        ({"iptablesAdminChainName": "X"}, UnsupportedField, "iptablesAdminChainName"),
        ({"firewalldZone": "trusted"}, UnsupportedField, "firewalldZone"),
        ({"backend": "pf"}, InvalidConfig, "backend"),
        ({"ingressPolicy": "shut"}, InvalidConfig, "ingressPolicy"),
    ],
)
def test_an_error_names_the_key(keys: dict[str, object], error: type[CniError], path: str) -> None:
    with pytest.raises(error) as refused:
        planned(**keys)
    assert refused.value.message.startswith(f"{path}: ")
