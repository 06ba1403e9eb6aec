"""A network's configuration, a list of plugins or one alone, as JSON has it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import CniError, IncompatibleVersion, InvalidConfig
from podberth.cni.netlist import MAX_PLUGINS, NetworkList, has_check, parse

BRIDGE = {"type": "bridge"}


def read(given_name: str = "", **said: Any) -> NetworkList:
    return parse(json.dumps({"name": "net", "plugins": [BRIDGE], **said}).encode(), name=given_name)


def types(network: NetworkList) -> list[str]:
    return [plugin.type for plugin in network.plugins]


def test_a_list_has_its_plugins_in_order() -> None:
    assert types(read(plugins=[BRIDGE, {"type": "tuning"}])) == ["bridge", "tuning"]


@pytest.mark.parametrize("plugins", [{}, {"plugins": None}, {"plugins": []}])
def test_a_plugin_alone_is_a_list_of_one(plugins: dict[str, Any]) -> None:
    document = {"name": "net", "type": "ptp", "mtu": 9000, **plugins}
    found = parse(json.dumps(document).encode())
    assert (types(found), found.plugins[0].raw) == (["ptp"], document)


def test_a_list_is_a_list_beside_a_type_too() -> None:
    assert types(read(type="ptp")) == types(read(type="")) == ["bridge"]


def test_a_plugin_is_passed_on_with_all_that_it_says() -> None:
    found = read(plugins=[{**BRIDGE, "ofTomorrow": [1], "capabilities": {"ips": True, "mac": False}}])
    assert found.plugins[0].raw["ofTomorrow"] == [1]
    assert found.plugins[0].capabilities == ("ips",)


@pytest.mark.parametrize(
    ("said", "given", "wanted"),
    [("own", "", "own"), ("own", "other", "own"), (None, "other", "other"), ("", "other", "other")],
)
def test_a_name_that_is_given_counts_where_there_is_none(said: str | None, given: str, wanted: str) -> None:
    assert read(given, name=said).name == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({}, "0.1.0"),
        ({"cniVersion": ""}, "0.1.0"),
        ({"cniVersion": "1.0.0"}, "1.0.0"),
        ({"cniVersion": "0.4.0", "cniVersions": ["0.3.1", "1.1.0"]}, "1.1.0"),
        ({"cniVersions": ["9.0.0", "0.4.0"]}, "0.4.0"),
        ({"cniVersions": []}, "0.1.0"),
    ],
)
def test_the_newest_version_that_both_know_is_spoken(said: dict[str, Any], wanted: str) -> None:
    assert read(**said).cni_version == wanted


def test_a_version_that_nobody_speaks_is_refused() -> None:
    with pytest.raises(IncompatibleVersion, match=r"^cniVersion: '9\.0\.0'"):
        read(cniVersion="9.0.0")
    with pytest.raises(InvalidConfig, match=r"^cniVersions: none of 9\.0\.0, 9\.1\.0"):
        read(cniVersions=["9.0.0", "9.1.0"])


@pytest.mark.parametrize(
    ("said", "wanted"), [(True, True), ("true", True), ("True", True), ("false", False), (None, False)]
)
def test_flags_may_be_words(said: object, wanted: bool) -> None:
    found = read(disableCheck=said, disableGC=said)
    assert (found.disable_check, found.disable_gc) == (wanted, wanted)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ({"cniVersion": "0.4.0"}, True),
        ({"cniVersion": "0.3.1"}, False),
        ({"cniVersion": "1.1.0", "disableCheck": True}, False),
    ],
)
def test_plugins_check_from_a_version_on_unless_the_list_says_no(said: dict[str, Any], asked: bool) -> None:
    assert has_check(read(**said)) is asked


def test_plugins_beside_a_list_come_after_its_own_unless_it_says_no() -> None:
    more = read(plugins=[{"type": "tuning"}]).plugins
    document: dict[str, Any] = {"name": "net", "plugins": [BRIDGE]}
    assert types(parse(json.dumps(document).encode(), beside=lambda _: more)) == ["bridge", "tuning"]
    document["loadOnlyInlinedPlugins"] = True
    assert types(parse(json.dumps(document).encode(), beside=lambda _: more)) == ["bridge"]


def test_the_plugins_of_a_list_may_all_stand_beside_it() -> None:
    more = read().plugins
    assert parse(b'{"name": "net"}', beside=lambda name: more if name == "net" else ()).plugins == more


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({"name": None}, "name"),
        ({"name": "a b"}, "name"),
        ({"plugins": None}, "plugins"),
        ({"plugins": {}}, "plugins"),
        ({"plugins": [BRIDGE] * (MAX_PLUGINS + 1)}, "plugins"),
        ({"plugins": [BRIDGE, 7]}, "plugins[1]"),
        ({"plugins": [BRIDGE, {"name": "x"}]}, "plugins[1].type"),
        ({"plugins": [{"type": "a/b"}]}, "plugins[0].type"),
        ({"plugins": [{**BRIDGE, "capabilities": ["ips"]}]}, "plugins[0].capabilities"),
        ({"plugins": [{**BRIDGE, "capabilities": {"ips": 1}}]}, "plugins[0].capabilities.ips"),
        ({"cniVersion": 1}, "cniVersion"),
        ({"cniVersions": "1.0.0"}, "cniVersions"),
        ({"disableCheck": 1}, "disableCheck"),
        ({"disableGC": "no"}, "disableGC"),
        ({"loadOnlyInlinedPlugins": "yes"}, "loadOnlyInlinedPlugins"),
    ],
)
def test_the_error_names_the_field(said: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        read(**said)
    assert refused.value.message.startswith(f"{at}: ")


@pytest.mark.parametrize(("path", "named"), [("", "network configuration"), ("/d/a.conf", "/d/a.conf")])
def test_the_error_names_the_file_that_is_no_json(path: str, named: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{named}: not valid JSON"):
        parse(b"{", path)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_an_error_of_cni(data: bytes) -> None:
    try:
        parse(data)
    except CniError:
        return


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "name"]), inner),
    max_leaves=8,
)
_KEYS = ("name", "type", "plugins", "cniVersion", "cniVersions", "capabilities", "disableCheck", "disableGC")


@given(st.dictionaries(st.sampled_from(_KEYS), _JSON))
def test_fields_of_any_type_are_read_or_refused_by_an_error_of_cni(document: dict[str, object]) -> None:
    try:
        found = parse(json.dumps(document).encode())
    except CniError:
        return
    assert found.plugins
