"""`Fields` names the path of every complaint, and never prints what would flood a log."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig, StoreFailed
from podberth.cni.fields import Fields, shown


def complaint(fields: Fields, key: str) -> str:
    return fields.fail(key, "no").message


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (1.5, "1.5"),
        ("a\nb", r"'a\nb'"),
        ("ä\udcff", r"'\xe4\udcff'"),
        ("x" * 51, "'" + "x" * 47 + "'... (51 characters)"),
        ({"a": 1}, "an object of 1 fields"),
        ([1, 2], "a list of 2 members"),
        (10**5000, "a whole number of 16610 bits"),
        (b"ab", "b'ab'"),
    ],
    ids=lambda case: case if isinstance(case, str) and len(case) < 60 else type(case).__name__,
)
def test_shown_is_short_printable_and_tells_the_type(raw: object, said: str) -> None:
    assert shown(raw) == said


def test_shown_does_not_walk_into_containers() -> None:
    bomb: list[object] = ["lol"] * 9
    for _ in range(60):
        bomb = [bomb] * 9
    assert shown(bomb) == "a list of 9 members"


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("mtu", "spec.mtu"),
        ("min_tx-rate", "spec.min_tx-rate"),
        ("net.ipv4.ip_forward", "spec['net.ipv4.ip_forward']"),
        ("", "spec['']"),
        ("a\x00", r"spec['a\x00']"),
        ("ä", r"spec['\xe4']"),
        ("x" * 100, "spec['" + "x" * 47 + "'... (100 characters)]"),
    ],
)
def test_a_path_is_readable_whatever_the_key(key: str, path: str) -> None:
    assert complaint(Fields({}, "spec"), key) == f"{path}: no"


def test_paths_grow_through_children_and_lists() -> None:
    root = Fields({"plugins": [{}, {"ipam": {"ranges": ["x"]}}]})
    ipam = root.children("plugins")[1].child("ipam")
    assert ipam is not None
    with pytest.raises(InvalidConfig, match=r"^plugins\[1\]\.ipam\.ranges\[0\]: expected an IP address, got 'x'$"):
        ipam.each("ranges", parsers.ip_address)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "document: expected an object, got a list of 0 members"),
        (None, "document: expected an object, got null"),
        ({1: 2}, "document: expected strings as keys, got 1"),
    ],
)
def test_a_document_that_is_no_object_is_refused(raw: Any, message: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        Fields(raw)
    assert raised.value.message == message


def test_null_is_as_good_as_absent() -> None:
    fields = Fields({"a": None})
    assert fields.optional("a", parsers.boolean) is None
    assert fields.get("a", parsers.boolean, True) is True
    assert fields.each("a", parsers.boolean) == ()
    assert fields.child("a") is None
    assert fields.children("a") == ()
    assert fields.pairs("a", parsers.name, parsers.name) == ()
    for key in ("a", "b"):
        with pytest.raises(InvalidConfig, match=f"^{key}: required field is missing$"):
            fields.required(key, parsers.boolean)


def test_zero_and_false_are_not_absent() -> None:
    fields = Fields({"vlan": 0, "sticky": False})
    assert fields.get("vlan", parsers.integer(0, 4094), 7) == 0
    assert fields.get("sticky", parsers.boolean, True) is False


TEXT: tuple[Any, ...] = (parsers.mac, parsers.ip_address, parsers.ifname, parsers.choice("a"), parsers.string())
GO_ZEROS: list[tuple[Any, object]] = [
    *((parser, zero) for parser in TEXT for zero in (None, "")),
    *((parsers.boolean, zero) for zero in (None, "")),
    *((parsers.integer(68, 65535), zero) for zero in (None, 0, "")),
    *((parsers.integer(0, 4094), zero) for zero in (None, "")),
]


@pytest.mark.parametrize(("parser", "zero"), GO_ZEROS)
def test_the_zero_of_a_fields_type_is_not_said_where_a_program_in_go_wrote_it(parser: Any, zero: object) -> None:
    fields = Fields({"a": zero}).from_go()
    assert fields.get("a", parser, "default") == "default"
    assert fields.optional("a", parser) is None
    assert not fields.said("a")


@pytest.mark.parametrize(("parser", "zero"), [(parser, zero) for parser, zero in GO_ZEROS if zero is not None])
def test_in_a_persons_document_a_zero_is_a_value_or_wrong(parser: Any, zero: object) -> None:
    with pytest.raises(InvalidConfig, match=r"^a: expected "):
        Fields({"a": zero}).optional("a", parser)
    assert Fields({"a": zero}).said("a")


def test_an_empty_text_is_no_list_but_as_good_as_no_object() -> None:
    fields = Fields({"a": ""}, "x").from_go()
    assert fields.child("a") is None
    assert fields.pairs("a", parsers.name, parsers.name) == ()
    for read in (lambda: fields.each("a", parsers.name), lambda: fields.children("a")):
        with pytest.raises(InvalidConfig, match=r"^x\.a: expected a list, got ''"):
            read()


OF_ANOTHER_TYPE: list[tuple[Any, tuple[object, ...]]] = [
    *((parser, (0, False, [], {}, 0.0)) for parser in TEXT),
    (parsers.integer(68, 65535), (False, [], {}, 0.0, "0", -1)),
    (parsers.boolean, (0, [], {})),
]


@pytest.mark.parametrize(("parser", "wrong"), [(parser, wrong) for parser, many in OF_ANOTHER_TYPE for wrong in many])
def test_a_zero_of_another_type_is_as_wrong_as_any_value(parser: Any, wrong: object) -> None:
    with pytest.raises(InvalidConfig, match=r"^x\.a: expected "):
        Fields({"a": wrong}, "x").from_go().optional("a", parser)


def test_a_zero_that_is_one_of_the_fields_values_is_said() -> None:
    fields = Fields({"vlan": 0, "sticky": False, "text": ""}).from_go()
    assert fields.get("vlan", parsers.integer(0, 4094), 7) == 0
    assert fields.get("sticky", parsers.boolean, True) is False
    assert fields.get("text", parsers.string(min=0), "default") == "default"


def test_what_is_below_an_object_of_gos_is_read_as_gos_too() -> None:
    fields = Fields({"a": {"b": [{"mac": ""}], "c": {"x": None, "y": "1"}}}).from_go()
    child = fields.child("a")
    assert child is not None
    assert child.children("b")[0].optional("mac", parsers.mac) is None
    assert child.pairs("c", parsers.name, parsers.text) == (("y", "1"),)
    assert fields == fields.from_go() != Fields(fields.raw).child("a")


@pytest.mark.parametrize("hollow", [None, "", 0, False, [], {}, {"a": None, "b": {"c": "", "d": []}}])
def test_an_object_of_nothing_but_zeros_says_nothing(hollow: object) -> None:
    assert not Fields({"a": hollow}).from_go().said("a")
    assert not Fields({}).from_go().said("a")
    assert Fields({"a": {"b": {"c": "x"}}}).from_go().said("a")
    assert Fields({"a": [hollow]}).from_go().said("a")


def test_the_error_is_the_documents() -> None:
    with pytest.raises(StoreFailed, match=r"^record\.mtu: expected a whole number 0..9, got 'x'$"):
        Fields({"mtu": "x"}, "record", StoreFailed).required("mtu", parsers.integer(0, 9))


def test_lists_are_bounded_and_have_to_be_lists() -> None:
    with pytest.raises(InvalidConfig, match=r"^ips: expected a list, got '10\.0\.0\.1'$"):
        Fields({"ips": "10.0.0.1"}).each("ips", parsers.ip_address)
    with pytest.raises(InvalidConfig, match=r"^ips: expected at most 2 members, got 3$"):
        Fields({"ips": [1, 2, 3]}).each("ips", parsers.ip_address, most=2)
    with pytest.raises(InvalidConfig, match=r"^a\[1\]: expected an object, got 5$"):
        Fields({"a": [{}, 5]}).children("a")


def test_pairs_parse_both_sides_and_name_them() -> None:
    fields = Fields({"sysctls": {"net.core.somaxconn": 500}, "bad": {"net.x": []}, "worse": {"../x": "1"}})
    assert fields.pairs("sysctls", parsers.sysctl_key, parsers.sysctl_value) == (("net.core.somaxconn", "500"),)
    with pytest.raises(InvalidConfig, match=r"^bad\['net\.x'\]: expected a string or a whole number, got a list"):
        fields.pairs("bad", parsers.sysctl_key, parsers.sysctl_value)
    with pytest.raises(InvalidConfig, match=r"^worse: expected a sysctl key as 'net.ipv4.ip_forward', got '\.\./x'$"):
        fields.pairs("worse", parsers.sysctl_key, parsers.sysctl_value)
    with pytest.raises(InvalidConfig, match=r"^sysctls: expected at most 0 fields, got 1$"):
        fields.pairs("sysctls", parsers.sysctl_key, parsers.sysctl_value, most=0)


def test_an_unknown_key_is_named_with_the_nearest_known_one() -> None:
    Fields({"vlan": 1}).only(("vlan", "mtu"))
    with pytest.raises(InvalidConfig, match=r"^vlna: unknown field; did you mean 'vlan'\?$"):
        Fields({"vlna": 1}).only(("vlan", "mtu"))
    with pytest.raises(InvalidConfig, match=r"^zzz: unknown field$"):
        Fields({"zzz": 1}).only(("vlan", "mtu"))
    with pytest.raises(InvalidConfig, match=r"unknown field$"):
        Fields({"v" * 1_000_000: 1}).only(("vlan", "mtu"))


def test_fields_are_equal_when_document_path_and_error_are() -> None:
    assert Fields({"a": 1}, "x") == Fields({"a": 1}, "x")
    assert Fields({"a": 1}, "x") != Fields({"a": 1}, "y")
    assert Fields({"a": 1}) != Fields({"a": 1}, "", StoreFailed)
    assert Fields({}) != {}
