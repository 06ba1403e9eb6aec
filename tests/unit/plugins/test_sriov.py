"""The `sriov` type: sriov-cni's keys as they are, and what is planned for a virtual function, in order."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

import pytest

from podberth.cni.call import Call, Verb
from podberth.cni.errors import InvalidConfig, UnsupportedField
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.pod import Attachment
from podberth.cni.result import Route
from podberth.cni.value import replace
from podberth.net import ops
from podberth.net.endpoint import Endpoint, Probing
from podberth.net.seen import Seen, see
from podberth.net.settings import Rates, Settings, Vlan
from podberth.net.vf import USERSPACE_DRIVERS, Selector, Vf
from podberth.plugins import podberth, sriov
from podberth.verbs.network import read_network
from tests.hosts import FakeHost

VF = Vf(
    address="0000:03:02.1",
    pf="ens1f0",
    pf_address="0000:03:00.0",
    index=4,
    vendor="8086",
    device="154c",
    driver="iavf",
    link="ens1f0v4",
    mac="02:00:00:00:00:04",
)
NETNS = "/run/netns/pod"
CALL = Call(verb=Verb.ADD, conf=NetConf.parse(Fields({"cniVersion": "1.0.0", "name": "fast", "type": "sriov"})))
BARE = Endpoint(
    attachment=Attachment(network="fast", container_id="c1", ifname="net1"),
    netns=NETNS,
    addresses=(),
    gateways=(),
    settings=Settings(),
)
REFERENCE: dict[str, tuple[object, Settings]] = {
    "deviceID": ("0000:03:02.0", Settings()),
    "mac": ("CA:FE:C0:FF:EE:00", Settings(mac="ca:fe:c0:ff:ee:00")),
    "vlan": (1000, Settings(vlan=Vlan(id=1000))),
    "min_tx_rate": (100, Settings(rates=Rates(min_egress=100))),
    "max_tx_rate": (200, Settings(rates=Rates(egress=200))),
    "spoofchk": ("off", Settings(spoofchk=False)),
    "trust": ("on", Settings(trust=True)),
    "link_state": ("enable", Settings(link_state="enable")),
    "logLevel": ("debug", Settings()),
    "logFile": ("/tmp/sriov.log", Settings()),
}


def said(**keys: object) -> Settings:
    """Return the settings that a network configuration of sriov-cni amounts to."""
    document = {"cniVersion": "1.0.0", "name": "fast", "type": "sriov", **keys}
    return read_network(NetConf.parse(Fields(document)), sriov).defaults.settings


def refusal(**keys: object) -> str:
    with pytest.raises(InvalidConfig) as refused:
        said(**keys)
    return refused.value.message


@pytest.mark.parametrize("key", REFERENCE)
def test_each_key_of_sriov_cni_alone_says_what_it_said_there(key: str) -> None:
    given, settings = REFERENCE[key]
    assert said(**{key: given}) == settings


def test_all_keys_of_sriov_cni_together_say_what_they_said_there() -> None:
    whole = {key: given for key, (given, _) in REFERENCE.items()}
    assert said(**whole, vlanQoS=4, vlanProto="802.1ad", ipam={"type": "host-local"}) == Settings(
        mac="ca:fe:c0:ff:ee:00",
        vlan=Vlan(id=1000, priority=4, proto="802.1ad"),
        rates=Rates(egress=200, min_egress=100),
        spoofchk=False,
        trust=True,
        link_state="enable",
    )


def test_a_configuration_that_says_nothing_leaves_everything_open() -> None:
    assert said() == Settings()
    assert said(**dict.fromkeys((*REFERENCE, "vlanQoS", "vlanProto"))) == Settings()
    assert sriov.configure(Fields({})) == sriov.Conf(vf=Selector(), parent="", settings=Settings())


@pytest.mark.parametrize(("word", "on"), [("on", True), ("off", False), (True, True), (False, False)])
@pytest.mark.parametrize("key", ["spoofchk", "trust"])
def test_a_switch_is_on_or_off(key: str, word: object, on: bool) -> None:
    assert said(**{key: word}) == replace(Settings(), **{key: on})


@pytest.mark.parametrize("state", ["auto", "enable", "disable"])
def test_every_link_state_is_taken(state: str) -> None:
    assert said(link_state=state) == said(linkState=state) == Settings(link_state=state)


@pytest.mark.parametrize("proto", ["802.1q", "802.1Q", "802.1ad", "802.1AD", "802.1Ad"])
def test_a_vlan_protocol_is_taken_in_any_case(proto: str) -> None:
    assert said(vlan=100, vlanProto=proto) == Settings(vlan=Vlan(id=100, proto=proto.lower()))


@pytest.mark.parametrize("priority", range(8))
def test_every_priority_is_taken_beside_a_vlan(priority: int) -> None:
    assert said(vlan=4094, vlanQoS=priority) == Settings(vlan=Vlan(id=4094, priority=priority))


@pytest.mark.parametrize("more", [{}, {"vlanQoS": 0}, {"vlanProto": "802.1Q"}, {"vlanQoS": 0, "vlanProto": "802.1q"}])
def test_vlan_0_is_untagged_and_may_be_said_with_all_its_zeroes(more: dict[str, object]) -> None:
    assert said(vlan=0, **more) == Settings(vlan=Vlan(id=0))


def test_a_vlan_as_an_object_has_priority_and_protocol_inside() -> None:
    tag = {"id": 100, "priority": 3, "proto": "802.1ad"}
    assert said(vlan=tag) == Settings(vlan=Vlan(id=100, priority=3, proto="802.1ad"))


@pytest.mark.parametrize(
    ("least", "most"), [(0, 0), (0, 200), (200, 0), (200, 200), (None, 0), (0, None), (1, None), (None, 10**6)]
)
def test_a_rate_of_0_is_no_limit_and_not_the_same_as_nothing_said(least: int | None, most: int | None) -> None:
    assert said(min_tx_rate=least, max_tx_rate=most) == Settings(rates=Rates(egress=most, min_egress=least))


def test_the_rates_of_podberth_are_taken_in_their_own_words() -> None:
    rates = {"egress": 200, "minEgress": 100, "ingress": 50}
    assert said(rates=rates) == Settings(rates=Rates(egress=200, min_egress=100, ingress=50))


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"vlanQoS": 3}, "vlanQoS: needs `vlan` beside it"),
        ({"vlanProto": "802.1q"}, "vlanProto: needs `vlan` beside it"),
        ({"vlan": 0, "vlanQoS": 3}, "vlanQoS: says nothing about untagged frames"),
        ({"vlan": 0, "vlanProto": "802.1ad"}, "vlanProto: says nothing about untagged frames"),
        ({"vlan": {"id": 100}, "vlanQoS": 3}, "vlanQoS: needs `vlan` beside it, as a number"),
        ({"vlan": {"id": 100}, "vlanProto": "802.1q"}, "vlanProto: needs `vlan` beside it, as a number"),
        ({"vlan": {"id": 0, "priority": 1}}, "vlan.priority: says nothing about untagged frames"),
        ({"vlan": {"id": 0, "proto": "802.1ad"}}, "vlan.proto: says nothing about untagged frames"),
        ({"vlan": 4095}, "vlan: expected a whole number 0..4094, got 4095"),
        ({"vlan": 4095, "vlanQoS": 1}, "vlan: expected a whole number 0..4094, got 4095"),
        ({"vlan": -1}, "vlan: expected a whole number 0..4094, got -1"),
        ({"vlan": "100"}, "vlan: expected an object, got '100'"),
        ({"vlan": True, "vlanQoS": 1}, "vlan: expected a whole number 0..4094, got true"),
        ({"vlan": 100, "vlanQoS": 8}, "vlanQoS: expected a whole number 0..7, got 8"),
        ({"vlan": 100, "vlanQoS": "3"}, "vlanQoS: expected a whole number 0..7, got '3'"),
        ({"vlan": 100, "vlanProto": "802.1x"}, "vlanProto: expected one of '802.1q', '802.1ad', got '802.1x'"),
        ({"vlan": 100, "vlanProto": 0x88A8}, "vlanProto: expected one of '802.1q', '802.1ad', got 34984"),
        ({"mac": "01:00:5e:00:00:01"}, "mac: expected the MAC address of one host"),
        ({"spoofchk": "yes"}, "spoofchk: expected 'on' or 'off', got 'yes'"),
        ({"trust": 1}, "trust: expected 'on' or 'off', got 1"),
        ({"link_state": "up"}, "link_state: expected one of 'auto', 'enable', 'disable', got 'up'"),
        ({"min_tx_rate": 201, "max_tx_rate": 200}, "min_tx_rate: 201 Mbit/s are more than max_tx_rate, 200 Mbit/s"),
        ({"max_tx_rate": -1}, "max_tx_rate: expected a whole number 0..1000000, got -1"),
        ({"min_tx_rate": "100"}, "min_tx_rate: expected a whole number 0..1000000, got '100'"),
        ({"max_tx_rate": 200, "rates": {"ingress": 1}}, "max_tx_rate: is said by `rates` too"),
        ({"min_tx_rate": 0, "rates": {}}, "min_tx_rate: is said by `rates` too"),
        ({"rates": {"egress": 1, "minEgress": 2}}, "rates.minEgress: 2 Mbit/s are more than egress, 1 Mbit/s"),
        ({"bridge": "br0"}, "bridge: has no meaning for a virtual function"),
        ({"mode": "bridge"}, "mode: has no meaning for a virtual function"),
        ({"hairpin": True}, "hairpin: has no meaning for a virtual function"),
        ({"parent": "a/b"}, "parent: expected an interface name"),
        ({"vf": {"pf": "ens1f0#"}}, "vf.pf: expected indices"),
        ({"vf": {"vendors": "8086"}}, "vf.vendors: unknown field; did you mean 'vendor'?"),
    ],
)
def test_what_is_wrong_or_said_twice_is_refused_by_its_name(keys: dict[str, object], complaint: str) -> None:
    assert refusal(**keys).startswith(complaint)


def test_the_functions_that_will_do_are_named_by_a_selector_or_their_pf() -> None:
    fields = Fields({"vf": {"vendor": "8086", "numa": [0, 1]}, "parent": "ens1f0"})
    assert sriov.configure(fields) == sriov.Conf(vf=Selector(vendors=("8086",), numa=(0, 1)), parent="ens1f0")


def test_the_podberth_type_plans_the_same_for_its_device_sriov() -> None:
    keys = {"vf": {"driver": "iavf"}, "vlan": 100, "vlanQoS": 3, "max_tx_rate": 0}
    conf = podberth.configure(Fields({"device": "sriov", **keys}))
    assert conf == sriov.configure(Fields(keys))
    assert podberth.plan(conf, CALL, RICH, seen(conf, VF, RICH)).ops == plan(RICH)


def plan(endpoint: Endpoint, vf: Vf = VF) -> tuple[ops.Op, ...]:
    conf = sriov.Conf(vf=Selector())
    return sriov.plan(conf, CALL, endpoint, seen(conf, vf, endpoint)).ops


def seen(conf: sriov.Conf | podberth.Conf, vf: Vf, endpoint: Endpoint = BARE) -> Seen:
    """Return what the type has seen once the function that it wants was claimed."""
    return see(FakeHost(), lambda seen: podberth.asks(conf, CALL, endpoint, seen)).with_functions((vf,))


RICH = replace(
    BARE,
    addresses=(ip_interface("10.20.0.11/24"), ip_interface("fd00:20::11/64")),
    gateways=(ip_address("10.20.0.1"), None),
    probing=Probing(probes=3, interval_ms=200),
    settings=Settings(
        mac="02:00:00:00:00:11",
        mtu=9000,
        vlan=Vlan(id=100, priority=3, proto="802.1ad"),
        rates=Rates(egress=1000, ingress=500, min_egress=100),
        routes=(Route(dst=ip_network("0.0.0.0/0"), gw=ip_address("10.20.0.1")),),
        sysctls=(("net.ipv4.conf.IFNAME.rp_filter", "2"),),
        spoofchk=True,
        trust=False,
        link_state="auto",
    ),
)


def test_the_pf_is_told_everything_in_one_op_before_anything_else() -> None:
    assert plan(RICH)[0] == ops.ConfigureVf(
        device="0000:03:02.1",
        pf="ens1f0",
        index=4,
        vlan=100,
        qos=3,
        proto="802.1ad",
        mac="02:00:00:00:00:11",
        max_tx_rate=1000,
        min_tx_rate=100,
        spoofchk=True,
        trust=False,
        link_state="auto",
    )


def test_the_interface_is_moved_only_when_it_is_in_its_vlan_with_the_mac_and_mtu_it_has_to_have() -> None:
    move = plan(RICH)[1]
    assert move == ops.MoveVf(
        device="0000:03:02.1", link="ens1f0v4", netns=NETNS, ifname="net1", mac="02:00:00:00:00:11", mtu=9000
    )
    assert ops.device(move) == ops.device(plan(RICH)[0]) == VF.address


def test_addresses_come_when_the_interface_is_up_has_a_carrier_and_nobody_answers_for_them() -> None:
    order = [type(op) for op in plan(RICH)]
    kinds = list(dict.fromkeys(order))
    assert kinds == [
        ops.ConfigureVf,
        ops.MoveVf,
        ops.WriteSysctl,
        ops.SetLinkUp,
        ops.AwaitCarrier,
        ops.ProbeAddress,
        ops.AddAddress,
        ops.AddRoute,
        ops.LimitReceive,
        ops.Announce,
    ]
    assert order == sorted(order, key=kinds.index)  # none of them comes back later
    assert [op.address for op in plan(RICH) if isinstance(op, ops.AddAddress)] == list(RICH.addresses)
    assert plan(RICH)[-1] == ops.Announce(
        netns=NETNS, ifname="net1", addresses=(ip_address("10.20.0.11"), ip_address("fd00:20::11"))
    )


def test_everything_after_the_first_op_happens_in_the_pods_namespace() -> None:
    assert {getattr(op, "netns", None) for op in plan(RICH)[1:]} == {NETNS}


def test_a_sysctl_names_the_interface_as_the_pod_does() -> None:
    written = [(op.key, op.value, op.optional) for op in plan(RICH) if isinstance(op, ops.WriteSysctl)]
    assert ("net/ipv4/conf/net1/rp_filter", "2", False) in written


def test_what_the_pf_limits_is_not_limited_again_in_the_pod() -> None:
    made = plan(RICH)
    assert not [op for op in made if isinstance(op, ops.LimitTransmit)]
    assert [(op.ifname, op.mbit) for op in made if isinstance(op, ops.LimitReceive)] == [("net1", 500)]


def test_without_settings_the_function_is_untagged_and_otherwise_left_as_it_is() -> None:
    configure, move, *rest = plan(BARE)
    assert configure == ops.ConfigureVf(device=VF.address, pf="ens1f0", index=4)
    assert move == ops.MoveVf(device=VF.address, link="ens1f0v4", netns=NETNS, ifname="net1")
    assert {type(op) for op in rest} == {ops.WriteSysctl, ops.SetLinkUp, ops.AwaitCarrier}
    sysctls = [op for op in rest if isinstance(op, ops.WriteSysctl)]
    assert [op.key.replace("/net1/", "/X/") for op in sysctls] == [
        "net/ipv4/conf/X/arp_notify",
        "net/ipv6/conf/X/ndisc_notify",
        "net/ipv6/conf/X/optimistic_dad",
    ]
    assert all(op.optional and op.value == "1" for op in sysctls)


def test_an_untagged_vlan_and_rates_of_0_are_told_to_the_pf() -> None:
    settings = Settings(vlan=Vlan(id=0), rates=Rates(egress=0, min_egress=0))
    assert plan(replace(BARE, settings=settings))[0] == ops.ConfigureVf(
        device=VF.address, pf="ens1f0", index=4, max_tx_rate=0, min_tx_rate=0
    )


@pytest.mark.parametrize("driver", USERSPACE_DRIVERS)
def test_a_userspace_function_is_configured_by_its_pf_and_stays_where_it_is(driver: str) -> None:
    own = replace(RICH.settings, rates=Rates(egress=1000, min_egress=100), sysctls=())
    vf = replace(VF, driver=driver, link="")
    wanted = replace(plan(RICH)[0], userspace=True)
    assert plan(replace(RICH, settings=own), vf) == (wanted,)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (Settings(rates=Rates(ingress=500)), "rates.ingress"),
        (Settings(sysctls=(("net.ipv4.conf.IFNAME.rp_filter", "2"),)), "sysctls"),
    ],
)
def test_what_needs_an_interface_is_refused_for_a_userspace_function(settings: Settings, named: str) -> None:
    vf = replace(VF, driver="vfio-pci", link="")
    with pytest.raises(UnsupportedField, match=rf"^{named}: VF 4 of ens1f0 .* driven by vfio-pci"):
        plan(replace(BARE, settings=settings), vf)


@pytest.mark.parametrize("driver", ["iavf", "vfio-pci"])
def test_a_least_rate_above_the_most_is_refused_whoever_said_which(driver: str) -> None:
    settings = Settings(rates=Rates(egress=100, min_egress=101))
    with pytest.raises(InvalidConfig, match=r"^rates\.minEgress \(min_tx_rate\): 101 Mbit/s .* 100 Mbit/s"):
        plan(replace(BARE, settings=settings), replace(VF, driver=driver))


@pytest.mark.parametrize(("least", "most"), [(100, 100), (100, 0), (100, None), (0, 100), (None, 100)])
def test_a_least_rate_without_or_below_the_most_is_told_to_the_pf(least: int | None, most: int | None) -> None:
    told = plan(replace(BARE, settings=Settings(rates=Rates(egress=most, min_egress=least))))[0]
    assert isinstance(told, ops.ConfigureVf)
    assert (told.min_tx_rate, told.max_tx_rate) == (least, most)


def test_the_result_names_the_function_and_only_one_with_a_driver_has_a_link() -> None:
    conf = sriov.Conf(vf=Selector())
    (made,) = sriov.plan(conf, CALL, RICH, seen(conf, VF, RICH)).interfaces
    assert (made.name, made.netns, made.pci_id, made.reads_mtu, made.there) == ("net1", NETNS, VF.address, True, True)
    (driven,) = sriov.plan(conf, CALL, BARE, seen(conf, replace(VF, driver="vfio-pci", link=""))).interfaces
    assert (driven.pci_id, driven.there, driven.mac) == (VF.address, False, "")


def test_a_master_without_a_function_is_refused_since_any_function_would_do() -> None:
    conf = sriov.configure(Fields({"master": "eth1"}).from_go())
    with pytest.raises(InvalidConfig, match="master: names no function"):
        sriov.asks(conf, CALL, BARE, Seen())
    named = replace(CALL, conf=NetConf.parse(Fields({"name": "fast", "type": "sriov", "deviceID": VF.address})))
    assert sriov.asks(conf, named, BARE, Seen()) != ()


@pytest.mark.parametrize("key", ["hairpinMode", "macspoofchk", "portIsolation", "promiscMode"])
def test_what_keeps_pods_apart_on_a_bridge_of_go_is_refused_at_an_add_not_ignored(key: str) -> None:
    conf = podberth.configure(Fields({key: True}).from_go())
    with pytest.raises(UnsupportedField, match=f"{key}: is a key of the plugin"):
        podberth.plan(conf, CALL, BARE, Seen())
    assert podberth.configure(Fields({key: False}).from_go()) == podberth.configure(Fields({}))
