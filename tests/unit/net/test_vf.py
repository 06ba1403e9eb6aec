"""Which virtual functions a selector takes, property by property, and how functions and selectors are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.value import fields, replace
from podberth.net.vf import USERSPACE_DRIVERS, FunctionWanted, Selector, Vf, indices

VF = Vf(
    address="0000:03:02.1",
    pf="ens1f0",
    pf_address="0000:03:00.0",
    index=4,
    vendor="8086",
    device="154c",
    driver="iavf",
    numa=1,
    link="ens1f0v4",
    labels=("fast", "rack-7"),
)


def test_a_selector_that_says_nothing_takes_any_function() -> None:
    assert Selector().fits(VF)
    assert Selector().fits(Vf(address="0000:81:00.2", pf="", pf_address="0000:81:00.0", index=0, vendor="", device=""))


@pytest.mark.parametrize(
    ("pfs", "fits"),
    [
        (("ens1f0",), True),
        (("ens1f1",), False),
        (("ens1f",), False),
        (("ens1f00",), False),
        (("ens1*",), False),
        (("ens1f1", "ens1f0"), True),
        (("ens1f0#4",), True),
        (("ens1f0#0-4",), True),
        (("ens1f0#4-9",), True),
        (("ens1f0#0-3,5",), False),
        (("ens1f0#0-1,4,7-9",), True),
        (("ens1f0#14",), False),
        (("ens1f1#4",), False),
        (("ens1f0#0-3", "ens1f1#4"), False),
        (("ens1f0#0-3", "ens1f0#4-7"), True),
        (("ens1f0#5", "ens1f0"), True),
    ],
)
def test_a_pf_is_named_whole_or_with_the_indices_of_its_functions(pfs: tuple[str, ...], fits: bool) -> None:
    assert Selector(pfs=pfs).fits(VF) is fits


def test_a_function_whose_pf_has_no_link_here_is_of_no_pf_that_can_be_named() -> None:
    assert not Selector(pfs=("ens1f0",)).fits(replace(VF, pf=""))


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("0000:03:02.1", True),
        ("0000:03:02.2", False),
        ("0000:03:*", True),
        ("0000:04:*", False),
        ("03:*", False),
        ("*.1", True),
        ("*:02.?", True),
        ("*:0[2-3].1", True),
        ("*:0[3-9].1", False),
        ("0000:03:02", False),
        ("0000:03:02.10", False),
        ("*", True),
    ],
)
def test_an_address_pattern_covers_the_whole_address(pattern: str, fits: bool) -> None:
    assert Selector(addresses=(pattern,)).fits(VF) is fits
    assert Selector(addresses=("0000:ff:1f.7", pattern)).fits(VF) is fits


@pytest.mark.parametrize(
    ("some", "other"),
    [
        ({"vendors": ("15b3", "8086")}, {"vendors": ("15b3",)}),
        ({"devices": ("154c", "1018")}, {"devices": ("1018",)}),
        ({"drivers": ("vfio-pci", "iavf")}, {"drivers": ("vfio-pci",)}),
        ({"numa": (0, 1)}, {"numa": (0,)}),
    ],
    ids=["vendor", "device", "driver", "numa"],
)
def test_any_of_the_values_named_will_do(some: dict[str, tuple[object, ...]], other: dict[str, object]) -> None:
    assert replace(Selector(), **some).fits(VF)
    assert not replace(Selector(), **other).fits(VF)


def test_a_function_without_a_driver_or_a_known_node_is_not_one_of_those_named() -> None:
    assert not Selector(drivers=("iavf",)).fits(replace(VF, driver=""))
    assert not Selector(numa=(0,)).fits(replace(VF, numa=-1))


@pytest.mark.parametrize(
    ("labels", "fits"),
    [(("fast",), True), (("rack-7", "fast"), True), (("fast", "slow"), False), (("rack",), False)],
)
def test_a_function_has_to_have_all_of_the_labels(labels: tuple[str, ...], fits: bool) -> None:
    assert Selector(labels=labels).fits(VF) is fits


ALL_RIGHT: dict[str, tuple[object, ...]] = {
    "pfs": ("ens1f0#4",),
    "addresses": ("0000:03:*",),
    "vendors": ("8086",),
    "devices": ("154c",),
    "drivers": ("iavf",),
    "numa": (1,),
    "labels": ("fast",),
}
ALL_WRONG: dict[str, tuple[object, ...]] = {
    "pfs": ("ens1f0#5",),
    "addresses": ("0000:04:*",),
    "vendors": ("15b3",),
    "devices": ("1018",),
    "drivers": ("mlx5_core",),
    "numa": (0,),
    "labels": ("slow",),
}


@pytest.mark.parametrize("wrong", ALL_RIGHT)
def test_one_property_that_differs_is_enough_to_refuse(wrong: str) -> None:
    assert [name for name, _ in fields(Selector)] == list(ALL_RIGHT)
    assert replace(Selector(), **ALL_RIGHT).fits(VF)
    assert not replace(Selector(), **{**ALL_RIGHT, wrong: ALL_WRONG[wrong]}).fits(VF)


@pytest.mark.parametrize(
    ("text", "found"),
    [("0", {0}), ("0-3,5", {0, 1, 2, 3, 5}), ("7-7", {7}), ("5,0-1,1", {0, 1, 5}), ("0007", {7}), ("9999", {9999})],
)
def test_indices_are_read_one_by_one_and_as_ranges(text: str, found: set[int]) -> None:
    assert indices(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "-", "0-", "-3", "3-1", "0-3-5", "1,", ",1", "1,,2", " 1", "1 - 2", "+1", "-1", "0x1", "1.5", "a", "\u0663",
     "\u00b2", "10000", "0-10000", "1;2", "*"],
)  # fmt: skip
def test_what_is_no_list_of_indices_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(ValueError, match="expected indices as '0-3,5', got ") as refusal:
        indices(text)
    assert repr(text) in str(refusal.value)


@given(st.sets(st.integers(0, 9999), min_size=1, max_size=20))
def test_indices_written_one_by_one_are_read_back(some: set[int]) -> None:
    assert indices(",".join(map(str, some))) == some


@pytest.mark.parametrize("driver", USERSPACE_DRIVERS)
def test_a_function_with_a_userspace_driver_is_a_processes_to_drive(driver: str) -> None:
    assert replace(VF, driver=driver).userspace


@pytest.mark.parametrize("driver", ["iavf", "igbvf", "mlx5_core", "", "vfio", "vfio-pci-"])
def test_a_function_with_any_other_driver_is_the_kernels(driver: str) -> None:
    assert not replace(VF, driver=driver).userspace


def test_a_function_is_named_by_index_pf_and_address() -> None:
    assert str(VF) == "VF 4 of ens1f0 (0000:03:02.1)"
    assert str(replace(VF, pf="")) == "VF 4 of 0000:03:00.0 (0000:03:02.1)"


def test_a_selector_is_told_by_what_it_names() -> None:
    assert str(Selector()) == "any"
    assert str(Selector(vendors=("8086",))) == "vendors 8086"
    assert str(Selector(pfs=("ens1f0#0-3", "ens1f1"), numa=(0, 1), labels=("fast",))) == (
        "pfs ens1f0#0-3, ens1f1; numa 0, 1; labels fast"
    )
    assert str(Selector(numa=(0,))) == "numa 0"


PORTS = st.lists(st.sampled_from("abc"), max_size=9)


def on_ports(ports: list[str]) -> list[Vf]:
    """Return a function for each port that is named."""
    return [replace(VF, address=f"0000:03:02.{n}", pf=port, pf_address=port) for n, port in enumerate(ports)]


def chosen(count: int, fitting: list[str], usable: list[str] | None = None) -> str:
    """Return the ports of the functions that are chosen of the usable ones, by default all."""
    every = on_ports(fitting)
    found = FunctionWanted(selector=Selector(), count=count).chosen(
        every, every if usable is None else on_ports(usable)
    )
    return "".join(vf.pf for vf in found)


@pytest.mark.parametrize(
    ("count", "ports", "found"),
    [
        (2, "aab", "ab"),
        (2, "bba", "ba"),
        (2, "aa", "aa"),
        (3, "aab", "aba"),
        (3, "aabbc", "abc"),
        (2, "a", ""),
        (2, "", ""),
        (1, "ba", "b"),
        (1, "", ""),
    ],
)
def test_several_functions_are_of_as_many_ports_as_there_are(count: int, ports: str, found: str) -> None:
    assert chosen(count, list(ports)) == found


def test_a_port_whose_functions_are_all_taken_is_not_made_up_for_by_another() -> None:
    assert chosen(2, list("aab"), list("aa")) == ""
    assert chosen(3, list("aabb"), list("aaa")) == ""
    assert chosen(3, list("aabb"), list("aab")) == "aba"


@given(st.integers(2, 4), PORTS, st.data())
def test_what_is_chosen_is_usable_each_once_and_spread_as_far_as_ports_go(
    count: int, ports: list[str], data: st.DataObject
) -> None:
    fitting = on_ports(ports)
    usable = [vf for vf in fitting if data.draw(st.booleans())]
    found = FunctionWanted(selector=Selector(), count=count).chosen(fitting, usable)
    assert len({vf.address for vf in found}) == len(found) in (0, count)
    assert set(found) <= set(usable)
    if found:
        assert len({vf.pf for vf in found}) >= min(count, len(set(ports)))
    elif len(usable) >= count:
        assert len({vf.pf for vf in usable}) < min(count, len(set(ports)))
