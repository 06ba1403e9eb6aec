"""Which resources a file names: podberth's own form, and that of sriov-network-device-plugin."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import CniError, InvalidConfig
from podberth.devices.configuration import Configuration, read
from podberth.devices.resource import Choice, Named, Resource
from podberth.net.vf import Selector
from tests.unit.devices.functions import vf


def theirs(**said: Any) -> Configuration:
    return read({"resourceList": [{"resourceName": "net", **said}]})


def chosen(**selectors: Any) -> Choice:
    found = theirs(selectors=selectors)
    assert found.refused == ()
    return found.resources[0].choices[0]


def test_the_example_of_sriov_network_device_plugin_is_read_as_it_is() -> None:
    document = {
        "resourceList": [
            {
                "resourceName": "intel_sriov_netdevice",
                "selectors": {"vendors": ["8086"], "devices": ["154c", "10ed"], "drivers": ["iavf", "ixgbevf"]},
            },
            {
                "resourceName": "intel_sriov_dpdk",
                "resourcePrefix": "bank.example",
                "selectors": [{"drivers": ["vfio-pci"], "pfNames": ["ens1f0", "ens1f1#0,2-3"]}],
            },
        ]
    }
    assert read(document).resources == (
        Resource(
            name="intel.com/intel_sriov_netdevice",
            choices=(
                Choice(
                    selector=Selector(vendors=("8086",), devices=("154c", "10ed"), drivers=("iavf", "ixgbevf")),
                ),
            ),
        ),
        Resource(
            name="bank.example/intel_sriov_dpdk",
            choices=(
                Choice(
                    selector=Selector(drivers=("vfio-pci",)),
                    pfs=(Named(text="ens1f0"), Named(text="ens1f1", those="0,2-3")),
                ),
            ),
        ),
    )


def test_the_config_map_is_read_as_its_file_is() -> None:
    inside = {"resourceList": [{"resourceName": "net"}]}
    config_map = {"kind": "ConfigMap", "apiVersion": "v1", "data": {"config.json": json.dumps(inside)}}
    assert read(config_map) == read(inside)


def test_podberths_own_form_has_the_selectors_of_networks() -> None:
    document = {
        "resourcePrefix": "bank.example",
        "resources": [
            {"name": "storage", "vf": {"pf": "ens1f0#0-3", "numa": 0, "label": "fast"}},
            {
                "name": "other.example/both",
                "vf": [{"pf": "a"}, {"pf": "b"}],
                "topology": False,
                "cdi": True,
                "apart": True,
            },
        ],
    }
    first, second = read(document).resources
    assert (first.name, first.topology, first.cdi, first.apart) == ("bank.example/storage", True, False, False)
    assert first.choices[0].selector == Selector(pfs=("ens1f0#0-3",), numa=(0,), labels=("fast",))
    assert (second.name, len(second.choices), second.topology) == ("other.example/both", 2, False)
    assert (second.cdi, second.apart) == (True, True)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"deviceType": "accelerator"}, "'accelerator' is not served"),
        ({"deviceType": "auxNetDevice"}, "'auxNetDevice' is not served"),
        ({"selectors": {"isRdma": True}}, "selectors.isRdma: no function can be selected by it"),
        ({"selectors": {"needVhostNet": True}}, "selectors.needVhostNet"),
        ({"selectors": {"vdpaType": "vhost"}}, "selectors.vdpaType"),
        ({"selectors": {"ddpProfiles": ["GTPv1"]}}, "selectors.ddpProfiles"),
        ({"selectors": {"pKeys": ["0x1"]}}, "selectors.pKeys"),
        ({"selectors": {"acpiIndexes": ["101"]}}, "selectors.acpiIndexes"),
        ({"selectors": {"linkTypes": ["infiniband"]}}, "only Ethernet"),
        ({"selectors": {"vendor": ["8086"]}}, "selectors.vendor: is no key"),
        ({"selectors": {"vendors": ["0x80867"]}}, "four hexadecimal digits"),
        ({"selectors": {"pfNames": ["eth0#x"]}}, "expected indices"),
        ({"selectors": {"pfNames": ["(a+)+$"]}}, "without groups"),
        ({"selectors": {"pfNames": [".*.*.*.*"]}}, "at most 3"),
        ({"selectors": {"pfNames": ["["]}}, "regular expression"),
        ({"selectors": "none"}, "expected an object"),
        ({"resourceName": "../../etc"}, "resourceName"),
        ({"resourceName": "a b"}, "resourceName"),
        ({"resourceName": "x" * 64}, "at most 63"),
        ({"resourcePrefix": "kubernetes.io"}, "a domain of your own"),
        ({"resourcePrefix": "node.kubernetes.io"}, "a domain of your own"),
        ({"resourceName": None}, "required field is missing"),
        ({"additionalInfo": {"nowhere": {"a": "b"}}}, "PCI address"),
        ({"additionalInfo": {"*": {"a": 1}}}, "expected a string"),
    ],
)
def test_what_is_not_served_is_refused_by_name_and_the_other_resources_go_on(
    said: dict[str, Any], complaint: str
) -> None:
    document = {"resourceList": [{"resourceName": "bad", **said}, {"resourceName": "good"}]}
    found = read(document)
    assert [each.name for each in found.resources] == ["intel.com/good"]
    assert (len(found.refused), "resourceList[0]" in found.refused[0][0]) == (1, True)
    assert complaint in "; ".join(found.refused[0])


@pytest.mark.parametrize("name", ["net", "NET"])
def test_two_resources_of_one_name_or_of_one_variable_are_not_both_served(name: str) -> None:
    found = read({"resourceList": [{"resourceName": "net"}, {"resourceName": name}]})
    assert (len(found.resources), "is that of intel.com/net above" in found.refused[0][0]) == (1, True)


def test_a_selector_that_says_nothing_is_none() -> None:
    assert chosen(vendors=[], isRdma=False, needVhostNet=False, ddpProfiles=[], linkTypes=["ether"]) == Choice()


def test_a_plain_name_of_a_pf_is_the_whole_name_and_a_pattern_is_searched_for() -> None:
    plain, pattern = chosen(pfNames=["ens1f0"]), chosen(pfNames=["ens[12]f"])
    assert [each.fits(vf(0)) for each in (plain, pattern)] == [True, True]
    assert [each.fits(vf(0, "ens1f01")) for each in (plain, pattern)] == [False, True]


def test_roots_are_pfs_by_their_pci_address() -> None:
    choice = chosen(rootDevices=["0000:03:00.1#1-2"])
    assert [choice.fits(vf(i, pf)) for pf in ("ens1f0", "ens1f1") for i in (0, 1, 2)] == [False] * 4 + [True] * 2


@pytest.mark.parametrize(
    "document", [None, [], "x", {}, {"resources": {}}, {"data": {}}, {"data": {"config.json": "{"}}, {"data": 1}]
)
def test_a_file_of_which_nothing_can_be_read_is_an_error(document: object) -> None:
    with pytest.raises(CniError):
        read(document)


def test_there_is_a_bound_to_how_many_resources_there_are() -> None:
    with pytest.raises(InvalidConfig, match="at most 64"):
        read({"resources": [{"name": f"r{i}"} for i in range(65)]})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_KEYS = st.sampled_from(["resourceName", "resourcePrefix", "selectors", "name", "vf", "additionalInfo", "deviceType"])


@given(st.sampled_from(["resourceList", "resources"]), st.lists(st.dictionaries(_KEYS, _JSON), max_size=3))
def test_whatever_a_resource_says_it_is_served_or_refused(key: str, each: list[dict[str, Any]]) -> None:
    found = read({key: each})
    assert len(found.resources) + len(found.refused) == len(each)
