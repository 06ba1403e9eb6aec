"""The `bridge` type: its keys, and what it plans."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.args import Args
from podberth.cni.call import Call, Verb
from podberth.cni.errors import CniError, InvalidConfig, UnsupportedField
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.pod import Attachment
from podberth.cni.result import Route
from podberth.net import ops
from podberth.net.endpoint import Endpoint
from podberth.net.facts import Link
from podberth.net.seen import FILTER_VLANS, LinkNamed, Seen
from podberth.net.settings import Settings, Vlan
from podberth.plugins.standard import bridge

if TYPE_CHECKING:
    from podberth.net.plan import Plan

CONF = {"cniVersion": "1.0.0", "name": "net", "type": "bridge", "ipam": {"type": "static"}}
EVERYTHING = ip_network("0.0.0.0/0")
BARE = Seen({LinkNamed(name="cni0"): None})


def configured(**keys: object) -> bridge.Conf:
    return bridge.configure(Fields({**CONF, **keys}).from_go())


def planned(
    *addresses: str, gateway: str | None = None, routes: tuple[Route, ...] = (), mac: str | None = None,
    seen: Seen = BARE, **keys: object,
) -> Plan:  # fmt: skip
    """Return the plan for addresses of one gateway."""
    conf = configured(**keys)
    call = Call(verb=Verb.ADD, conf=NetConf.parse(Fields({**CONF, **keys})), pod_args=Args(mac=mac))
    end = Endpoint(
        attachment=Attachment(network="net", container_id="c1", ifname="eth0"),
        netns="/run/netns/pod",
        addresses=tuple(map(ip_interface, addresses)),
        gateways=(ip_address(gateway) if gateway else None,) * len(addresses),
        settings=Settings(mac=mac or conf.settings.mac, mtu=conf.settings.mtu, vlan=conf.settings.vlan, routes=routes),
        told=routes,
    )
    return bridge.plan(conf, call, end, seen)


@pytest.mark.parametrize(
    ("keys", "at_fault"),
    [
        ({"bridge": "a/b"}, "bridge"),
        ({"vlan": 4095}, "vlan"),
        ({"vlan": -1}, "vlan"),
        ({"vlanTrunk": {"id": 7}}, "vlanTrunk"),
        ({"vlanTrunk": [{"minID": 100}]}, "vlanTrunk[0].maxID"),
        ({"vlanTrunk": [{"id": 7}, {"maxID": 100}]}, "vlanTrunk[1].minID"),
        ({"vlanTrunk": [{"minID": -1, "maxID": 100}]}, "vlanTrunk[0].minID"),
        ({"vlanTrunk": [{"minID": 0, "maxID": 100}]}, "vlanTrunk[0].minID"),
        ({"vlanTrunk": [{"minID": 4095, "maxID": 100}]}, "vlanTrunk[0].minID"),
        ({"vlanTrunk": [{"minID": 100, "maxID": 4095}]}, "vlanTrunk[0].maxID"),
        ({"vlanTrunk": [{"minID": 100, "maxID": 99}]}, "vlanTrunk[0].maxID"),
        ({"vlanTrunk": [{"id": 4095}]}, "vlanTrunk[0].id"),
        ({"vlanTrunk": [{"id": 0}]}, "vlanTrunk[0].id"),
        ({"macspoofchk": "on"}, "macspoofchk"),
        ({"disableContainerInterface": True}, "disableContainerInterface"),
        ({"hairpinMode": True, "promiscMode": True}, "promiscMode"),
        ({"isGateway": True, "vlan": 4000, "bridge": "longerbridge"}, "isGateway"),
        ({"args": {"cni": {"mac": "01:00:00:00:00:01"}}}, "args.cni.mac"),
    ],
)
def test_an_error_names_the_key(keys: dict[str, object], at_fault: str) -> None:
    with pytest.raises(CniError) as refused:
        configured(**keys)
    assert refused.value.message.startswith(f"{at_fault}: ")


def test_what_is_off_may_be_said() -> None:
    off = dict.fromkeys(("preserveDefaultVlan", "macspoofchk", "portIsolation", "hairpinMode"), False)
    assert configured(**off, vlan=0, vlanTrunk=None, mtu=0) == configured()


@pytest.mark.parametrize(
    ("said", "trunk"),
    [
        ([], ()),
        ([{}], ()),
        ([{"id": 101}], ("101",)),
        ([{"minID": 200, "maxID": 210}, {"id": 101}], ("101", "200-210")),
        ([{"minID": 200, "maxID": 200}, {"id": 201}, {"minID": 199, "maxID": 203, "id": 4094}], ("199-203", "4094")),
        ([{"minID": 1, "maxID": 4094}], ("1-4094",)),
    ],
)
def test_a_trunk_is_read_as_ranges(said: object, trunk: tuple[str, ...]) -> None:
    conf = configured(vlanTrunk=said)
    assert (conf.trunk, conf.filters) == (trunk, True)


def test_the_first_address_is_the_gateway_where_none_is_said() -> None:
    plan = planned("10.1.2.3/24", "fd00::3/64", isDefaultGateway=True)
    assert plan.end is not None
    assert plan.end.gateways == (ip_address("10.1.2.1"), ip_address("fd00::1"))
    assert plan.end.told == (
        Route(dst=EVERYTHING, gw=ip_address("10.1.2.1")),
        Route(dst=ip_network("::/0"), gw=ip_address("fd00::1")),
    )
    served = next(op for op in plan.ops if isinstance(op, ops.ServeGateways))
    assert served.gateways == (ip_interface("10.1.2.1/24"), ip_interface("fd00::1/64"))


def test_a_default_route_without_a_gateway_is_made_once() -> None:
    plan = planned("10.1.2.3/24", routes=(Route(dst=EVERYTHING),), isDefaultGateway=True)
    made = [op for op in plan.ops if isinstance(op, ops.AddRoute)]
    assert [(op.dst, op.gw) for op in made] == [(EVERYTHING, ip_address("10.1.2.1"))]


def test_the_addresses_are_those_of_the_third_interface() -> None:
    plan = planned("10.1.2.3/24")
    assert plan.interfaces[plan.addressed].name == "eth0"


@pytest.mark.parametrize(
    ("runtime", "args", "mac"),
    [(None, None, "02:00:00:00:00:01"), (None, "02:00:00:00:00:02", "02:00:00:00:00:02"),
     ("02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:01")],
)  # fmt: skip
def test_the_mac_of_args_is_before_that_of_cni_args(runtime: str | None, args: str | None, mac: str) -> None:
    said = {"mac": runtime}
    plan = planned("10.1.2.3/24", mac="02:00:00:00:00:01", args={"cni": {"mac": args}}, runtimeConfig=said)
    assert next(op.mac for op in plan.ops if isinstance(op, ops.CreateVeth)) == mac


@pytest.mark.parametrize("filtering", [False, True])
def test_a_vlan_needs_a_bridge_that_keeps_it_apart(*, filtering: bool) -> None:
    there = Link(
        name="cni0", index=3, kind="bridge", mac="02:00:00:00:00:09", mtu=1500, up=True, ours=False,
        vlan_filtering=filtering,
    )  # fmt: skip
    seen = Seen({LinkNamed(name="cni0"): there})
    if not filtering:
        with pytest.raises(InvalidConfig, match="VLAN 7"):
            planned("10.1.2.3/24", vlan=7, seen=seen)
        return
    join = next(op for op in planned("10.1.2.3/24", vlan=7, seen=seen).ops if isinstance(op, ops.JoinBridge))
    assert (join.vlan, join.vlan_filtering) == (7, True)
    assert configured(vlan=7).settings.vlan == Vlan(id=7)


def test_a_vlan_needs_a_kernel_that_keeps_it_apart() -> None:
    with pytest.raises(UnsupportedField, match="VLAN 7"):
        planned("10.1.2.3/24", vlan=7, seen=Seen({LinkNamed(name="cni0"): None, FILTER_VLANS: False}))


FILTERS = Seen({LinkNamed(name="cni0"): None, FILTER_VLANS: True})


def of_kind(plan: Plan, kind: type) -> list[Any]:
    return [op for op in plan.ops if isinstance(op, kind)]


def test_a_trunk_needs_a_kernel_that_keeps_it_apart() -> None:
    with pytest.raises(UnsupportedField, match=r"vlanTrunk: .*VLAN 101"):
        planned("10.1.2.3/24", vlanTrunk=[{"id": 101}], seen=Seen({LinkNamed(name="cni0"): None, FILTER_VLANS: False}))


@pytest.mark.parametrize("can", [False, True])
def test_an_empty_trunk_is_a_bridge_that_filters_where_there_are_such(*, can: bool) -> None:
    seen = Seen({LinkNamed(name="cni0"): None, FILTER_VLANS: can})
    (join,) = of_kind(planned("10.1.2.3/24", vlanTrunk=[], seen=seen), ops.JoinBridge)
    assert (join.vlan_filtering, join.trunk, join.vlan) == (can, (), None)


def test_the_default_vlan_is_kept_only_beside_another() -> None:
    (join,) = of_kind(planned("10.1.2.3/24", preserveDefaultVlan=True), ops.JoinBridge)
    assert not join.keeps_default
    (join,) = of_kind(planned("10.1.2.3/24", preserveDefaultVlan=True, vlan=7, seen=FILTERS), ops.JoinBridge)
    assert join.keeps_default


def test_the_gateway_of_a_vlan_is_a_fourth_interface() -> None:
    plan = planned("10.1.2.3/24", "fd00::3/64", vlan=7, isGateway=True, seen=FILTERS)
    assert [made.name for made in plan.interfaces][3:] == ["cni0.7"]
    assert plan.interfaces[plan.addressed].name == "eth0"
    (served,) = of_kind(plan, ops.ServeGateways)
    assert (served.vlan, served.gateways) == (7, (ip_interface("10.1.2.1/24"), ip_interface("fd00::1/64")))
    other = planned("10.1.2.4/24", vlan=7, isGateway=True, mac="02:00:00:00:00:04", seen=FILTERS)
    assert of_kind(other, ops.ServeGateways)[0].vlan_port == served.vlan_port


def test_a_pinned_pod_has_a_mac_that_is_known_before_its_link() -> None:
    plan = planned("10.1.2.3/24", macspoofchk=True)
    (pin,), (veth,) = of_kind(plan, ops.PinMac), of_kind(plan, ops.CreateVeth)
    assert plan.ops.index(pin) < plan.ops.index(veth)
    assert (pin.port, pin.mac, pin.owner) == (veth.name, veth.mac, "c1-eth0")
    assert planned("10.1.2.3/24", macspoofchk=True).ops == plan.ops
    (wished,) = of_kind(planned("10.1.2.3/24", macspoofchk=True, mac="02:00:00:00:00:01"), ops.PinMac)
    assert wished.mac == "02:00:00:00:00:01"
