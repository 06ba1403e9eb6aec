"""What an attachment may have: where the caller names a function, what the network and the PodNetwork say will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import InvalidConfig, UnsupportedField
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.net.vf import Selector
from podberth.plugins import podberth, sriov
from podberth.policy.podnetwork import AttachmentPolicy, PodNetwork
from podberth.policy.precedence import NetworkDefaults, Question, resolve
from podberth.verbs import devices
from podberth.verbs.devices import Choice
from podberth.verbs.network import Network, read_network
from tests.unit.verbs.card import call

if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.policy.precedence import Resolved

A, B, C = "0000:03:02.0", "0000:03:02.1", "0000:03:02.2"


def network(conf: dict[str, object]) -> Network:
    document = {"cniVersion": "1.0.0", "name": "fast", "type": "sriov", **conf}
    plugin = sriov if document["type"] == "sriov" else podberth
    return read_network(NetConf.parse(Fields(document)), plugin)


class Nowhere:
    """Where there are no pools: none is asked for."""

    def pool(self, name: str) -> None:
        raise AssertionError(name)

    def pools(self) -> tuple[()]:
        return ()


def resolved(defaults: NetworkDefaults, **policy: object) -> Resolved:
    """Return what is resolved for a pod whose PodNetwork says what `policy` does."""
    declared = PodNetwork(
        namespace="bank", name="mysql", pod="mysql-0", attachments=(replace(AttachmentPolicy(ifname="net1"), **policy),)
    )
    asked = Question(
        pod=PodRef(namespace="bank", name="mysql-0"),
        network="fast",
        ifname="net1",
        declared=(declared,),
        defaults=defaults,
        plain=True,
    )
    return resolve(asked, Nowhere())


def chosen(conf: dict[str, object], asked: Call | None = None, **policy: object) -> Choice | None:
    read = network(conf)
    return devices.choice(read, asked or call(), resolved(read.defaults, **policy))


def test_a_network_without_virtual_functions_chooses_none() -> None:
    bridge = network({"type": "podberth"})
    assert devices.choice(bridge, call(), resolved(bridge.defaults)) is None


def test_a_function_for_a_network_that_gives_none_is_refused_by_who_asks_for_it() -> None:
    bridge = network({"type": "podberth"})
    with pytest.raises(UnsupportedField, match=r"^vf: network fast gives no .* PodNetwork \(pod\) bank/mysql asks"):
        devices.choice(bridge, call(), resolved(bridge.defaults, vf=Selector(numa=(0,))))


def test_where_another_plugin_makes_the_interface_the_function_is_its_business() -> None:
    other = network({"type": "host-device", "ipam": {"type": "podberth"}})
    assert devices.choice(other, call(), resolved(other.defaults, vf=Selector(numa=(0,)))) is None


@pytest.mark.parametrize("kind", ["sriov", "podberth"])
def test_a_network_of_virtual_functions_says_which_will_do(kind: str) -> None:
    conf: dict[str, object] = {"type": kind, "device": "sriov", "vf": {"vendor": "8086"}, "deviceID": A}
    wanted = Choice(selector=Selector(vendors=("8086",)), device_id=A)
    read = network(conf)
    assert devices.choice(read, call(conf), resolved(read.defaults)) == wanted


def test_a_podnetworks_selector_replaces_the_networks() -> None:
    assert chosen({"vf": {"vendor": "8086", "numa": 1}}, vf=Selector(numa=(0,))) == Choice(selector=Selector(numa=(0,)))


def test_the_parent_is_the_pf_where_the_selector_names_none() -> None:
    of_pf = Choice(selector=Selector(pfs=("ens1f0",), numa=(0,)))
    assert chosen({"parent": "ens1f0", "vf": {"numa": 0}}) == of_pf
    assert chosen({"parent": "ens9", "vf": {"numa": 0}}, device="ens1f0") == of_pf
    assert chosen({"parent": "ens9"}, vf=Selector(pfs=("ens1f0",), numa=(0,))) == of_pf


def test_a_choice_is_told_by_the_function_named_or_by_what_will_do() -> None:
    assert str(Choice(selector=Selector())) == "any"
    assert str(Choice(selector=Selector(numa=(0,)))) == "numa 0"
    assert str(Choice(selector=Selector(numa=(0,)), device_id=A)) == f"deviceID {A}"


def calls(address: str) -> dict[str, Call]:
    return {
        "runtimeConfig.deviceID": call({"runtimeConfig": {"deviceID": address}}),
        "deviceID": call({"deviceID": address}),
        "CNI_ARGS: deviceID": call(deviceID=address),
    }


PLACES = ("runtimeConfig.deviceID", "deviceID", "CNI_ARGS: deviceID")


@pytest.mark.parametrize("place", PLACES)
def test_each_of_three_places_may_name_the_function(place: str) -> None:
    assert devices.device_id(calls("0000:AF:02.0")[place]) == "0000:af:02.0"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wrong", ["ens1f0v0", "03:02.0", "0000:03:02", "0000:03:02.0 "])
def test_what_is_no_pci_address_is_refused_by_its_place(place: str, wrong: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{place}: expected a PCI address as '0000:03:02.1'"):
        devices.device_id(calls(wrong)[place])


@pytest.mark.parametrize("wrong", [0, False, [A], {"id": A}])
def test_a_device_that_is_no_string_is_refused_and_not_taken_for_none(wrong: object) -> None:
    said: tuple[dict[str, object], ...] = ({"deviceID": wrong}, {"runtimeConfig": {"deviceID": wrong}})
    for conf in said:
        with pytest.raises(InvalidConfig, match="deviceID: expected a PCI address"):
            devices.device_id(call(conf))


def test_a_device_that_is_empty_or_null_is_not_named() -> None:
    assert devices.device_id(call()) is None
    assert devices.device_id(call({"deviceID": None, "runtimeConfig": {"deviceID": ""}}, deviceID="")) is None
    assert devices.device_id(call({"deviceID": "", "runtimeConfig": {"deviceID": None}}, deviceID=A)) == A


def test_places_that_agree_name_one_function_also_in_capitals() -> None:
    asked = call({"deviceID": "0000:AF:02.0", "runtimeConfig": {"deviceID": "0000:af:02.0"}})
    assert devices.device_id(asked) == "0000:af:02.0"
    assert devices.device_id(call({"deviceID": A}, deviceID=A)) == A


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (call({"deviceID": A, "runtimeConfig": {"deviceID": B}}), f"runtimeConfig.deviceID is {B}; deviceID is {A}"),
        (call({"deviceID": A}, deviceID=B), f"deviceID is {A}; CNI_ARGS: deviceID is {B}"),
        (
            call({"deviceID": A, "runtimeConfig": {"deviceID": B}}, deviceID=C),
            f"runtimeConfig.deviceID is {B}; deviceID is {A}; CNI_ARGS: deviceID is {C}",
        ),
    ],
)
def test_places_that_name_different_functions_are_all_told(asked: Call, told: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        devices.device_id(asked)
    assert refused.value.message == told
