"""What a node offers, and the slices for it, as the API's own bounds have them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.value import replace
from podberth.dra.devices import IN_SLICE, Place, Shared, devices, generation_of, parse_shared, same, slices, whole
from podberth.net.vf import Vf

VF = Vf(address="0000:03:00.1", pf="ens1f0", pf_address="0000:03:00.0", index=0, vendor="8086", device="154c", numa=1)
PLACE = Place(driver="dra.podberth.io", node="node1", uid="u1")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
ATTRIBUTE = re.compile(r"([a-z0-9.-]+/)?[A-Za-z_][A-Za-z0-9_]{0,31}")


def test_a_function_is_a_device_named_for_its_pci_address() -> None:
    (found,) = devices([VF], []).values()

    assert found.name == "vf-0000-03-00-1"
    assert found.network == {"device": "sriov", "deviceID": "0000:03:00.1"}
    assert found.attributes["resource.kubernetes.io/pciBusID"] == "0000:03:00.1"
    assert (found.attributes["pf"], found.attributes["numaNode"]) == ("ens1f0", 1)


def test_attributes_that_drivers_share_have_the_standard_names_and_what_is_unknown_is_absent() -> None:
    (known,) = devices([VF], [], {VF.address: "pci0000:00"}).values()
    (unknown,) = devices([replace(VF, numa=-1)], []).values()
    standard = {f"resource.kubernetes.io/{name}": said for name, said in
                (("pciBusID", "0000:03:00.1"), ("pcieRoot", "pci0000:00"), ("numaNode", 1))}  # fmt: skip

    assert {name: said for name, said in known.attributes.items() if name in standard} == standard
    assert standard.keys() & unknown.attributes.keys() == {"resource.kubernetes.io/pciBusID"}


@pytest.mark.parametrize("change", [{"busy": "it has the default route"}, {"driver": "vfio-pci"}])
def test_what_the_node_or_a_process_uses_is_offered_to_nobody(change: dict[str, str]) -> None:
    assert devices([replace(VF, **change)], []) == {}


def test_a_function_without_a_numa_node_says_none() -> None:
    (found,) = devices([replace(VF, numa=-1)], []).values()
    assert "numaNode" not in found.attributes


def test_a_shared_link_has_as_many_devices_as_places() -> None:
    found = devices([], [Shared(kind="macvlan", link="eth1", places=3), Shared(kind="bridge", link="br0", places=1)])

    assert list(found) == ["macvlan-eth1-0", "macvlan-eth1-1", "macvlan-eth1-2", "bridge-br0-0"]
    assert found["macvlan-eth1-2"].network == {"device": "macvlan", "parent": "eth1"}
    assert found["bridge-br0-0"].network == {"device": "bridge", "bridge": "br0"}


@given(st.lists(st.from_regex(r"[A-Za-z0-9_.-]{1,15}", fullmatch=True), min_size=2, max_size=2, unique=True))
def test_devices_of_two_links_have_names_of_their_own_that_are_labels(links: list[str]) -> None:
    shared = []
    for link in links:
        try:
            shared.append(parse_shared(f"macvlan:{link}=2"))
        except ValueError:
            continue  # '.' and '..' are no links' names
    found = devices([], shared)

    assert len(found) == 2 * len(shared)
    assert all(LABEL.fullmatch(name) and len(name) <= 63 for name in found)


@pytest.mark.parametrize(
    "text", ["eth1=3", "vlan:eth1=3", "macvlan:eth1", "macvlan:eth1=0", "macvlan:a/b=1", "bridge:=1"]
)
def test_a_link_that_can_not_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_shared(text)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_slices_are_within_the_bounds_of_the_api(version: str) -> None:
    found = devices([replace(VF, labels=tuple(map(str, range(50))))], [Shared(kind="bridge", link="br0", places=300)])
    made = slices(PLACE, found, 4, version)

    assert [len(each["spec"]["devices"]) for each in made] == [IN_SLICE, IN_SLICE, 301 - 2 * IN_SLICE]
    for each in made:
        assert each["spec"]["pool"] == {"name": "node1", "generation": 4, "resourceSliceCount": 3}
        assert each["metadata"]["ownerReferences"][0]["uid"] == "u1"
        for device in each["spec"]["devices"]:
            attributes: dict[str, Any] = (device["basic"] if version == "v1beta1" else device)["attributes"]
            assert len(attributes) <= 32
            assert all(ATTRIBUTE.fullmatch(name) for name in attributes)
            assert all(len(said) == 1 for said in attributes.values())


def test_of_several_generations_the_newest_that_is_whole_counts() -> None:
    found = devices([], [Shared(kind="bridge", link="br0", places=IN_SLICE + 1)])
    old, half = list(slices(PLACE, found, 3, "v1")), list(slices(PLACE, found, 4, "v1"))[:1]

    assert whole([*half, *old]) == old
    assert whole(half) == whole([]) == []
    assert whole([*half, *old, *slices(PLACE, {}, 5, "v1")]) == list(slices(PLACE, {}, 5, "v1"))
    assert whole([{"spec": {"pool": {"generation": 1}}}, {}]) == []


def test_a_node_with_nothing_to_offer_says_so_in_one_slice() -> None:
    (made,) = slices(PLACE, {}, 1, "v1")
    assert made["spec"]["devices"] == []


def test_slices_are_compared_whatever_their_generation_and_names() -> None:
    found = devices([VF], [])
    old = [{**each, "metadata": {"name": "x"}} for each in slices(PLACE, found, 1, "v1")]

    assert same(old, slices(PLACE, found, 2, "v1"))
    assert not same(old, slices(PLACE, {}, 2, "v1"))
    assert generation_of(slices(PLACE, found, 7, "v1")) == 7
    assert generation_of([]) == 0
