"""What the annotation selects in its JSON form, and what a pod wishes of each network there."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import CniError, InvalidConfig
from podberth.networks.selection import MOST, NETWORKS, Selection, parse

KEYS = (
    "name", "namespace", "interface", "interfaceRequest", "ips", "mac", "infiniband-guid", "portMappings", "bandwidth",
    "deviceID", "cni-args", "default-route", "ipam-claim-reference",
)  # fmt: skip
PORT = {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}


def read(**said: Any) -> Selection:
    (found,) = parse(json.dumps([{"name": "storage", **said}]), "bank")
    return found


def selected(**said: Any) -> Selection:
    return Selection(**{"namespace": "bank", "name": "storage", **said})


@pytest.mark.parametrize("annotation", ["[]", " [ ] "])
def test_an_empty_list_selects_nothing(annotation: str) -> None:
    assert parse(annotation, "bank") == ()


def test_networks_are_selected_in_the_order_of_the_list() -> None:
    assert [str(one) for one in parse('[{"name": "b"}, {"name": "a", "namespace": "shared"}]', "bank")] == [
        "bank/b", "shared/a",
    ]  # fmt: skip


def test_an_object_alone_is_a_list_of_one() -> None:
    assert parse('{"name": "storage"}', "bank") == (selected(),)


def test_nothing_is_wished_where_only_the_name_is_said() -> None:
    assert read() == selected()


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"name": "a.b-c"}, {"name": "a.b-c"}),
        ({"namespace": "shared"}, {"namespace": "shared"}),
        ({"interface": "data0"}, {"interface": "data0"}),
        ({"interfaceRequest": "data0"}, {"interface": "data0"}),
        ({"interface": "new0", "interfaceRequest": "old0"}, {"interface": "new0"}),
        ({"ips": ["10.0.0.5", "fd00::5/64"]}, {"ips": ("10.0.0.5", "fd00::5/64")}),
        ({"mac": "02-00-00-00-00-0A"}, {"mac": "02:00:00:00:00:0a"}),
        ({"mac": "0200.0000.000a"}, {"mac": "02:00:00:00:00:0a"}),
        ({"infiniband-guid": "c2:11"}, {"capabilities": (("infinibandGUID", "c2:11"),)}),
        ({"portMappings": [PORT]}, {"capabilities": (("portMappings", [PORT]),)}),
        ({"bandwidth": {"ingressRate": 8}}, {"capabilities": (("bandwidth", {"ingressRate": 8}),)}),
        ({"deviceID": "0000:03:02.1"}, {"capabilities": (("deviceID", "0000:03:02.1"),)}),
        ({"cni-args": {"a": [1], "b": None}}, {"cni_args": (("a", [1]), ("b", None))}),
        ({"default-route": []}, {"default_route": ()}),
        ({"default-route": ["10.0.0.1"]}, {"default_route": (ip_address("10.0.0.1"),)}),
        (
            {"default-route": ["10.0.0.1", "fd00::1"]},
            {"default_route": (ip_address("10.0.0.1"), ip_address("fd00::1"))},
        ),
        ({"ipam-claim-reference": "web-0.net1"}, {"claim": "web-0.net1"}),
    ],
)
def test_each_key_is_read(said: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert read(**said) == selected(**wanted)


@pytest.mark.parametrize("key", [key for key in KEYS if key != "name"])
def test_null_says_nothing(key: str) -> None:
    assert read(**{key: None}) == selected()


@pytest.mark.parametrize(
    "said",
    [
        *({key: ""} for key in ("namespace", "interface", "interfaceRequest", "mac", "infiniband-guid", "deviceID")),
        *({key: []} for key in ("ips", "portMappings")),
        *({key: {}} for key in ("bandwidth", "cni-args")),
    ],
    ids="".join,
)
def test_a_zero_that_a_program_in_go_writes_says_nothing(said: dict[str, Any]) -> None:
    assert read(**said) == selected()


def test_keys_that_nobody_knows_are_passed_over() -> None:
    assert read(colour="red", ipRequest=["x"]) == selected()


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"MAC": "02:00:00:00:00:01"}, {"mac": "02:00:00:00:00:01"}),
        ({"IPs": ["10.0.0.5"]}, {"ips": ("10.0.0.5",)}),
        ({"Namespace": "shared"}, {"namespace": "shared"}),
        ({"Default-Route": []}, {"default_route": ()}),
    ],
)
def test_capitals_make_no_other_key(said: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert read(**said) == selected(**wanted)


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({"name": None}, ".name"),
        ({"name": ""}, ".name"),
        ({"name": 7}, ".name"),
        ({"name": "bank/storage"}, ".name"),
        ({"Name": "twice"}, ".Name"),
        ({"namespace": "a.b"}, ".namespace"),
        ({"interface": "a/b"}, ".interface"),
        ({"interfaceRequest": "0123456789abcdef"}, ".interfaceRequest"),
        ({"ips": "10.0.0.5"}, ".ips"),
        ({"ips": ["10.0.0.5", "10.0.0.300"]}, ".ips[1]"),
        ({"ips": ["10.0.0.5/33"]}, ".ips[0]"),
        ({"ips": [None]}, ".ips[0]"),
        ({"ips": ["10.0.0.5"], "ipam-claim-reference": "c"}, ".ips"),
        ({"mac": "02:00"}, ".mac"),
        ({"mac": "0200.0000.00zz"}, ".mac"),
        ({"mac": "01:00:5e:00:00:01"}, ".mac"),
        ({"infiniband-guid": ["x"]}, ".infiniband-guid"),
        ({"portMappings": PORT}, ".portMappings"),
        ({"portMappings": [PORT, 80]}, ".portMappings[1]"),
        ({"bandwidth": 7}, ".bandwidth"),
        ({"deviceID": 3}, ".deviceID"),
        ({"cni-args": ["a"]}, ".cni-args"),
        ({"default-route": "10.0.0.1"}, ".default-route"),
        ({"default-route": ["10.0.0.1/24"]}, ".default-route[0]"),
        ({"default-route": ["fd00::1", ""]}, ".default-route[1]"),
        ({"default-route": ["10.0.0.1", "fd00::1", "10.0.0.2"]}, ".default-route[2]"),
        ({"ipam-claim-reference": "A"}, ".ipam-claim-reference"),
    ],
)
def test_the_error_names_the_member_and_its_key(said: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        parse(json.dumps([{"name": "first"}, {"name": "storage", **said}]), "bank")
    assert refused.value.message.startswith(f"{NETWORKS}[1]{at}: ")


@pytest.mark.parametrize("member", ["null", "7", '"storage"', "[]", "true"])
def test_the_error_names_a_member_that_is_no_object(member: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        parse(f'[{{"name": "first"}}, {member}]', "bank")
    assert refused.value.message.startswith(f"{NETWORKS}[1]: expected an object")


@pytest.mark.parametrize(
    "annotation", ["[", '[{"name": "a"}', 'a,"b"', '[{"name": "a"}] b', '[{"name": "a", "name": "b"}]', '["\ud800"]']
)
def test_the_error_names_the_annotation_that_is_no_json(annotation: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{NETWORKS}: not "):
        parse(annotation, "bank")


def test_a_pod_has_at_most_so_many_networks() -> None:
    every = [{"name": "a"}] * (MOST + 1)
    assert len(parse(json.dumps(every[1:]), "bank")) == MOST
    with pytest.raises(InvalidConfig, match=f"expected at most {MOST} networks"):
        parse(json.dumps(every), "bank")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=4),
    max_leaves=12,
)
_ELEMENTS = st.dictionaries(st.sampled_from(KEYS), _JSON, max_size=6).map(lambda said: {"name": "storage", **said})


@given(st.lists(_ELEMENTS | _JSON, max_size=3))
def test_members_of_any_type_are_read_or_refused_by_an_error_of_cni(listed: list[object]) -> None:
    try:
        found = parse(json.dumps(listed), "bank")
    except CniError:
        return
    assert len(found) == len(listed)


@pytest.mark.parametrize("depth", [2, 64, 65, 100_000])
def test_any_depth_is_refused_by_the_annotations_name(depth: int) -> None:
    with pytest.raises(InvalidConfig, match=f"^{NETWORKS}"):
        parse("[" * depth + "]" * depth, "bank")
