"""What an attachment may have: where the caller names a function, what the network and the PodNetwork say will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import InvalidConfig, UnsupportedField
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.net.vf import FunctionWanted, Selector
from podberth.plugins import podberth, sriov
from podberth.policy.podnetwork import AttachmentPolicy, PodNetwork
from podberth.policy.precedence import NetworkDefaults, Question, resolve
from podberth.verbs.network import Network, read_network
from podberth.verbs.planner import Planner
from podberth.verbs.wish import provisional
from tests.hosts import FakeHost
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


def chosen(conf: dict[str, object], asked: Call | None = None, **policy: object) -> FunctionWanted | None:
    return wanted_of(conf, asked or call(conf), **policy)


def wanted_of(conf: dict[str, object], asked: Call, **policy: object) -> FunctionWanted | None:
    """Return which function an ADD would claim one of, as its plugin asks for it."""
    read = network(conf)
    found = resolved(read.defaults, **policy)
    plugin = sriov if conf.get("type", "sriov") == "sriov" else podberth
    end = provisional(found, Attachment(network="fast", container_id="new", ifname="net1"), "/run/netns/new")
    assert read.kind is not None
    return Planner(FakeHost(), plugin, read.kind, asked, found).wanted(end)


def test_a_network_without_virtual_functions_chooses_none() -> None:
    assert wanted_of({"type": "podberth"}, call()) is None


def test_a_function_for_a_network_that_gives_none_is_refused_by_who_asks_for_it() -> None:
    with pytest.raises(UnsupportedField, match=r"^vf: network fast gives no .* PodNetwork \(pod\) bank/mysql asks"):
        wanted_of({"type": "podberth"}, call(), vf=Selector(numa=(0,)))


@pytest.mark.parametrize("kind", ["sriov", "podberth"])
def test_a_network_of_virtual_functions_says_which_will_do(kind: str) -> None:
    conf: dict[str, object] = {"type": kind, "device": "sriov", "vf": {"vendor": "8086"}, "deviceID": A}
    wanted = FunctionWanted(
        selector=Selector(vendors=("8086",)), device_ids=(A,), given="the plugin's caller has named"
    )
    assert wanted_of(conf, call(conf)) == wanted


def test_a_podnetworks_selector_replaces_the_networks() -> None:
    assert chosen({"vf": {"vendor": "8086", "numa": 1}}, vf=Selector(numa=(0,))) == FunctionWanted(
        selector=Selector(numa=(0,))
    )


def test_the_parent_is_the_pf_where_the_selector_names_none() -> None:
    of_pf = FunctionWanted(selector=Selector(pfs=("ens1f0",), numa=(0,)))
    assert chosen({"parent": "ens1f0", "vf": {"numa": 0}}) == of_pf
    assert chosen({"parent": "ens9", "vf": {"numa": 0}}, device="ens1f0") == of_pf
    assert chosen({"parent": "ens9"}, vf=Selector(pfs=("ens1f0",), numa=(0,))) == of_pf


def test_a_choice_is_told_by_the_function_named_or_by_what_will_do() -> None:
    assert str(FunctionWanted(selector=Selector())) == "any"
    assert str(FunctionWanted(selector=Selector(numa=(0,)))) == "numa 0"
    assert str(FunctionWanted(selector=Selector(numa=(0,)), device_ids=(A,))) == f"deviceID {A}"


def calls(address: str) -> dict[str, Call]:
    return {
        "runtimeConfig.deviceID": call({"runtimeConfig": {"deviceID": address}}),
        "deviceID": call({"deviceID": address}),
        "CNI_ARGS: deviceID": call(deviceID=address),
    }


PLACES = ("runtimeConfig.deviceID", "deviceID", "CNI_ARGS: deviceID")


@pytest.mark.parametrize("place", PLACES)
def test_each_of_three_places_may_name_the_function(place: str) -> None:
    assert calls("0000:AF:02.0")[place].device_id == "0000:af:02.0"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wrong", ["ens1f0v0", "03:02.0", "0000:03:02", "0000:03:02.0 "])
def test_what_is_no_pci_address_is_refused_by_its_place(place: str, wrong: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{place}: expected a PCI address as '0000:03:02.1'"):
        _ = calls(wrong)[place].device_id


@pytest.mark.parametrize("wrong", [0, False, [A], {"id": A}])
def test_a_device_that_is_no_string_is_refused_and_not_taken_for_none(wrong: object) -> None:
    said: tuple[dict[str, object], ...] = ({"deviceID": wrong}, {"runtimeConfig": {"deviceID": wrong}})
    for conf in said:
        with pytest.raises(InvalidConfig, match="deviceID: expected a PCI address"):
            _ = call(conf).device_id


def test_a_device_that_is_empty_or_null_is_not_named() -> None:
    assert call().device_id is None
    assert call({"deviceID": None, "runtimeConfig": {"deviceID": ""}}, deviceID="").device_id is None
    assert call({"deviceID": "", "runtimeConfig": {"deviceID": None}}, deviceID=A).device_id == A


def test_places_that_agree_name_one_function_also_in_capitals() -> None:
    asked = call({"deviceID": "0000:AF:02.0", "runtimeConfig": {"deviceID": "0000:af:02.0"}})
    assert asked.device_id == "0000:af:02.0"
    assert call({"deviceID": A}, deviceID=A).device_id == A


def test_several_functions_are_named_with_commas_between_and_are_for_a_bond_alone() -> None:
    both: dict[str, object] = {"deviceID": f"{A},{B}", "runtimeConfig": {"deviceID": f"{B},{A}"}}
    assert call(both).device_ids == (B, A)
    with pytest.raises(InvalidConfig, match=rf"^deviceID: names 2 functions, {B}, {A}, for one interface$"):
        _ = call(both).device_id
    assert chosen({"device": "bond", **both}, call(both)) == FunctionWanted(
        selector=Selector(), device_ids=(B, A), given="the plugin's caller has named", count=2
    )
    with pytest.raises(InvalidConfig, match="names 2 of the 3 functions that the bond has"):
        chosen({"device": "bond", "members": 3, **both}, call(both))


@pytest.mark.parametrize(
    "wrong", [f"{A},", f",{A}", f"{A}, {B}", f"{A};{B}", f"{A},{A}", ",".join(f"0000:03:02.{n}" for n in range(9))]
)
def test_what_is_no_list_of_devices_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidConfig, match=r"^deviceID: expected"):
        _ = call({"deviceID": wrong}).device_ids


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
        _ = asked.device_id
    assert refused.value.message == told
