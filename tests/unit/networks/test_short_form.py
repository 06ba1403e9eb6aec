"""What the annotation selects in its short form, names with commas between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import CniError, InvalidConfig
from podberth.networks.selection import MOST, NETWORKS, Selection, parse


def chosen(annotation: str) -> list[tuple[str, str, str]]:
    return [(one.namespace, one.name, one.interface) for one in parse(annotation, "bank")]


@pytest.mark.parametrize("annotation", ["", " ", "\n\t"])
def test_an_empty_annotation_selects_nothing(annotation: str) -> None:
    assert parse(annotation, "bank") == ()


@pytest.mark.parametrize(
    ("annotation", "wanted"),
    [
        ("storage", ("bank", "storage", "")),
        ("shared/storage", ("shared", "storage", "")),
        ("storage@data0", ("bank", "storage", "data0")),
        ("shared/storage@data0", ("shared", "storage", "data0")),
        ("/storage", ("bank", "storage", "")),
        ("storage@", ("bank", "storage", "")),
        (" shared / storage @ data0 ", ("shared", "storage", "data0")),
        ("null", ("bank", "null", "")),
        ("7", ("bank", "7", "")),
    ],
)
def test_a_name_may_have_a_namespace_before_it_and_an_interface_behind(
    annotation: str, wanted: tuple[str, str, str]
) -> None:
    assert chosen(annotation) == [wanted]


def test_several_are_selected_in_the_order_that_they_stand_in() -> None:
    assert chosen("b, shared/a@a0,\n  b") == [("bank", "b", ""), ("shared", "a", "a0"), ("bank", "b", "")]


def test_nothing_is_wished_of_a_network_that_is_only_named() -> None:
    assert parse("storage", "bank") == (Selection(namespace="bank", name="storage"),)


def test_a_selection_is_called_by_its_definition() -> None:
    assert str(parse("storage", "bank")[0]) == "bank/storage"


@pytest.mark.parametrize(
    ("annotation", "at"),
    [
        ("storage,", "''.name"),
        (",storage", "''.name"),
        ("shared/", "'shared/'.name"),
        ("@data0", "'@data0'.name"),
        ("Storage", "'Storage'.name"),
        ("-storage", "'-storage'.name"),
        ("a.b", "'a.b'.name"),
        ("Shared/storage", "'Shared/storage'.namespace"),
        ("a/b/c", "'a/b/c'.namespace"),
        ("a@b/c", "'a@b/c'.namespace"),
        ("fine,storage@0123456789abcdef", "'storage@0123456789abcdef'.interface"),
        ("storage@a b", "'storage@a b'.interface"),
        ("storage@all", "'storage@all'.interface"),
        ("storage@a@b", "'storage@a@b'"),
    ],
)
def test_the_error_names_the_member_and_its_part(annotation: str, at: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        parse(annotation, "bank")
    assert refused.value.message.startswith(f"{NETWORKS}: {at}: ")


def test_the_error_is_of_the_annotation_that_was_read() -> None:
    with pytest.raises(InvalidConfig, match=r"^v1\.multus-cni\.io/default-network: "):
        parse("A", "bank", "v1.multus-cni.io/default-network")


def test_a_pod_has_at_most_so_many_networks() -> None:
    assert len(parse(",".join(["a"] * MOST), "bank")) == MOST
    with pytest.raises(InvalidConfig, match=f"expected at most {MOST} networks"):
        parse(",".join(["a"] * (MOST + 1)), "bank")


@given(st.text())
def test_any_text_is_read_or_refused_by_an_error_of_cni(annotation: str) -> None:
    try:
        found = parse(annotation, "bank")
    except CniError:
        return
    assert all(isinstance(one, Selection) for one in found)


@given(st.text(alphabet="ab/@, .-A"))
def test_each_selection_that_is_read_has_a_name_and_a_namespace(annotation: str) -> None:
    try:
        found = parse(annotation, "bank")
    except CniError:
        return
    assert all(one.name and one.namespace for one in found)
