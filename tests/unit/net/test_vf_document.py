"""A selector of virtual functions as a document says it: read, written back the same, refused by its path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.net.vf import Selector, Vf
from podberth.net.vf_document import parse_selector, selector_document


def read(vf: object) -> Selector | None:
    return parse_selector(Fields({"vf": vf}, "spec"))


def refusal(vf: object) -> str:
    with pytest.raises(InvalidConfig) as refused:
        read(vf)
    return refused.value.message


def test_one_value_or_a_list_of_them_is_read_for_every_property() -> None:
    one = {
        "pf": "ens1f0#0-3,5",
        "address": "0000:03:*",
        "vendor": "8086",
        "device": "154c",
        "driver": "vfio-pci",
        "numa": 0,
        "label": "fast",
    }
    found = Selector(
        pfs=("ens1f0#0-3,5",),
        addresses=("0000:03:*",),
        vendors=("8086",),
        devices=("154c",),
        drivers=("vfio-pci",),
        numa=(0,),
        labels=("fast",),
    )
    assert read(one) == found
    assert read({key: [said] for key, said in one.items()}) == found
    assert selector_document(found) == one


def test_lists_keep_their_order() -> None:
    many = {"pf": ["ens1f1", "ens1f0#1"], "numa": [1, 0], "label": ["b", "a"]}
    assert read(many) == Selector(pfs=("ens1f1", "ens1f0#1"), numa=(1, 0), labels=("b", "a"))
    assert selector_document(Selector(pfs=("ens1f1", "ens1f0#1"), numa=(1, 0), labels=("b", "a"))) == many


@pytest.mark.parametrize("nothing", [{}, {"pf": None}, {"pf": [], "numa": []}])
def test_a_selector_that_names_nothing_is_not_one_that_is_absent(nothing: object) -> None:
    assert read(nothing) == Selector()
    assert selector_document(Selector()) == {}
    assert read(None) is None
    assert parse_selector(Fields({}, "spec")) is None


def test_the_selector_may_stand_under_another_key() -> None:
    assert parse_selector(Fields({"functions": {"numa": 1}}), "functions") == Selector(numa=(1,))


def test_ids_and_addresses_are_compared_in_lower_case_without_0x() -> None:
    said = {"vendor": "0x15B3", "device": ["0X101E", "154C"], "address": "0000:AF:*"}
    assert read(said) == Selector(vendors=("15b3",), devices=("101e", "154c"), addresses=("0000:af:*",))


@pytest.mark.parametrize(
    ("vf", "complaint"),
    [
        ("ens1f0", "spec.vf: expected an object"),
        (["ens1f0"], "spec.vf: expected an object"),
        ({"pf": 1}, "spec.vf.pf: expected an interface name"),
        ({"pf": ""}, "spec.vf.pf: expected an interface name"),
        ({"pf": "ens1f0/x"}, "spec.vf.pf: expected an interface name"),
        ({"pf": "a-name-of-16-chr"}, "spec.vf.pf: expected an interface name of 1..15 bytes"),
        ({"pf": "#0-3"}, "spec.vf.pf: expected an interface name"),
        ({"pf": "ens1f0#"}, "spec.vf.pf: expected indices as '0-3,5', got ''"),
        ({"pf": "ens1f0#3-1"}, "spec.vf.pf: expected indices as '0-3,5', got '3-1'"),
        ({"pf": "ens1f0#1#2"}, "spec.vf.pf: expected indices as '0-3,5', got '1#2'"),
        ({"pf": ["ens1f0", "ens1f1#x"]}, "spec.vf.pf[1]: expected indices"),
        ({"pf": ["ens1f0", None]}, "spec.vf.pf[1]: expected an interface name"),
        ({"pf": [["ens1f0"]]}, "spec.vf.pf[0]: expected an interface name"),
        ({"pf": {"name": "ens1f0"}}, "spec.vf.pf: expected an interface name"),
        ({"address": "ens1f0"}, "spec.vf.address: expected a PCI address or a pattern"),
        ({"address": ""}, "spec.vf.address: expected a PCI address or a pattern"),
        ({"address": 3}, "spec.vf.address: expected a PCI address or a pattern"),
        ({"address": "*" * 65}, "spec.vf.address: expected a PCI address or a pattern"),
        ({"address": ["0000:03:*", "../.."]}, "spec.vf.address[1]: expected a PCI address or a pattern"),
        ({"vendor": 8086}, "spec.vf.vendor: expected a PCI ID of four hexadecimal digits as '8086' (in quotes)"),
        ({"vendor": "808"}, "spec.vf.vendor: expected a PCI ID"),
        ({"vendor": "80866"}, "spec.vf.vendor: expected a PCI ID"),
        ({"vendor": "intl"}, "spec.vf.vendor: expected a PCI ID"),
        ({"vendor": ["8086", "x"]}, "spec.vf.vendor[1]: expected a PCI ID"),
        ({"device": "154"}, "spec.vf.device: expected a PCI ID"),
        ({"device": ["154c", 1018]}, "spec.vf.device[1]: expected a PCI ID"),
        ({"driver": "vfio/pci"}, "spec.vf.driver: expected a letter or digit"),
        ({"driver": [True]}, "spec.vf.driver[0]: expected a name"),
        ({"numa": "0"}, "spec.vf.numa: expected a whole number 0..4095, got '0'"),
        ({"numa": True}, "spec.vf.numa: expected a whole number 0..4095, got true"),
        ({"numa": [0, -1]}, "spec.vf.numa[1]: expected a whole number 0..4095, got -1"),
        ({"numa": 4096}, "spec.vf.numa: expected a whole number 0..4095, got 4096"),
        ({"label": "a b"}, "spec.vf.label: expected a letter or digit"),
        ({"label": ["a", ""]}, "spec.vf.label[1]: expected a name of 1..253 characters"),
        ({"label": ["a"] * 65}, "spec.vf.label: expected at most 64 members, got 65"),
    ],
)
def test_what_is_wrong_names_its_path(vf: object, complaint: str) -> None:
    assert refusal(vf).startswith(complaint)


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("pfs", "pf"),
        ("pfName", None),
        ("addres", "address"),
        ("vendors", "vendor"),
        ("deviceID", "device"),
        ("drivers", "driver"),
        ("numaNode", "numa"),
        ("labels", "label"),
        ("colour", None),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_right_one(key: str, right: str | None) -> None:
    hint = f"; did you mean {right!r}?" if right else ""
    assert refusal({"numa": 0, key: "x"}) == f"spec.vf.{key}: unknown field{hint}"


def some(one: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(one, max_size=4).map(tuple)


IDS = st.text("0123456789abcdef", min_size=4, max_size=4)
NAMES = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,20}", fullmatch=True)
PFS = st.from_regex(r"[a-z][a-z0-9]{1,14}(#[0-9]{1,4}(,[0-9]{1,4}){0,3})?", fullmatch=True)


@given(
    st.builds(
        Selector,
        pfs=some(PFS.filter(lambda name: name.partition("#")[0] not in ("all", "default"))),
        addresses=some(st.text("0123456789abcdef:.*?[]-", min_size=1, max_size=64)),
        vendors=some(IDS),
        devices=some(IDS),
        drivers=some(NAMES),
        numa=some(st.integers(0, 4095)),
        labels=some(NAMES),
    )
)
def test_any_selector_written_reads_the_same(selector: Selector) -> None:
    assert read(selector_document(selector)) == selector


@given(st.text("0123456789abcdef:.*?[]-", min_size=1, max_size=64))
def test_any_pattern_that_is_taken_can_be_compared(pattern: str) -> None:
    taken = read({"address": pattern})
    vf = Vf(address="0000:03:02.1", pf="", pf_address="0000:03:00.0", index=0, vendor="8086", device="154c")
    assert taken is not None
    assert taken.fits(vf) in (True, False)
