"""Networks read from files as a runtime reads them: which come first, and what each refusal names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import IncompatibleVersion, InvalidConfig
from podberth.cni.netlist import MAX_PLUGINS
from podberth.runtime.networks import load, load_all, parse

if TYPE_CHECKING:
    from pathlib import Path

BRIDGE = {"type": "bridge", "bridge": "bank0"}


def network(name: str = "banknet", **changes: object) -> dict[str, object]:
    whole = {"cniVersion": "1.0.0", "name": name, "plugins": [BRIDGE], **changes}
    return {key: member for key, member in whole.items() if member is not None}


def data(**changes: object) -> bytes:
    return json.dumps(network(**changes)).encode()  # type: ignore[arg-type]


def put(folder: Path, file: str, document: object) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_lists_come_before_single_plugins_each_in_order_of_name(tmp_path: Path) -> None:
    put(tmp_path, "10-a.conf", {"name": "a", "type": "bridge"})
    put(tmp_path, "20-b.conflist", network("b"))
    put(tmp_path, "15-c.json", {"name": "c", "type": "bridge"})
    put(tmp_path, "05-d.conflist", network("d"))
    networks, broken = load_all(str(tmp_path))
    assert [one.name for one in networks] == ["d", "b", "a", "c"]
    assert broken == ()


def test_other_endings_and_folders_are_no_networks(tmp_path: Path) -> None:
    for file in ("a.conf.bak", "b.yaml", "conflist", ".conf"):
        put(tmp_path, file, network())
    (tmp_path / "folder.conf").mkdir()
    assert load_all(str(tmp_path)) == ((), ())


def test_the_first_of_a_name_wins(tmp_path: Path) -> None:
    put(tmp_path, "00.conf", {"name": "banknet", "type": "single"})
    first = put(tmp_path, "10.conflist", network())
    put(tmp_path, "20.conflist", network(plugins=[{"type": "second"}]))
    found = load(str(tmp_path), "banknet")
    assert found.path == str(first)
    assert [plugin.type for plugin in found.plugins] == ["bridge"]


def test_a_broken_file_hides_no_other_and_is_named(tmp_path: Path) -> None:
    bad = put(tmp_path, "00.conflist", "{")
    gone = tmp_path / "01.conf"
    gone.symlink_to(tmp_path / "nowhere")
    put(tmp_path, "10.conflist", network())
    networks, broken = load_all(str(tmp_path))
    assert [one.name for one in networks] == ["banknet"]
    assert [one.path for one in broken] == [str(bad), str(gone)]
    assert str(bad) in broken[0].error.message
    assert load(str(tmp_path), "banknet") == networks[0]


def test_a_missing_network_names_those_there_are_and_what_could_not_be_read(tmp_path: Path) -> None:
    bad = put(tmp_path, "00.conflist", "{")
    put(tmp_path, "10.conflist", network("a"))
    put(tmp_path, "20.conflist", network("b"))
    put(tmp_path, "30.conflist", network("a"))
    with pytest.raises(InvalidConfig) as refused:
        load(str(tmp_path), "banknet")
    assert f"there is no network 'banknet' in {tmp_path}; {bad} can't be read" in refused.value.message
    assert refused.value.details == "networks there: a, b"


def test_an_empty_folder_has_no_networks_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig) as refused:
        load(str(tmp_path), "banknet")
    assert refused.value.details == "networks there: none"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="nowhere: No such file or directory"):
        load_all(str(tmp_path / "nowhere"))


def test_a_single_plugin_is_a_list_of_one() -> None:
    alone = {"cniVersion": "0.4.0", "name": "banknet", **BRIDGE}
    found = parse(json.dumps(alone).encode())
    assert (found.name, found.cni_version, found.path) == ("banknet", "0.4.0", "")
    assert [(plugin.type, plugin.raw) for plugin in found.plugins] == [("bridge", alone)]


def test_the_bytes_are_kept_as_they_were_read(tmp_path: Path) -> None:
    text = json.dumps(network(), indent=7)
    assert load_all(str(put(tmp_path, "a.conflist", text).parent))[0][0].raw == text.encode()


def test_what_a_runtime_does_not_know_stays_in_the_plugins_configuration() -> None:
    plugin = {**BRIDGE, "odd": {"deep": [1, None, "\u00e9"]}, "capabilities": {"ips": True, "mac": False}}
    (found,) = parse(data(plugins=[plugin])).plugins
    assert found.raw == plugin
    assert found.capabilities == ("ips",)


@pytest.mark.parametrize(
    ("version", "several", "expected"),
    [
        ("0.4.0", None, "0.4.0"),
        (None, None, "0.1.0"),
        ("", None, "0.1.0"),
        (None, ["0.4.0", "1.1.0", "1.0.0"], "1.1.0"),
        (None, ["0.4.0", "9.0.0", "1.0.0"], "1.0.0"),
        ("1.1.0", ["0.4.0"], "1.1.0"),
        ("0.3.1", ["1.0.0"], "1.0.0"),
        ("9.0.0", ["1.0.0"], "1.0.0"),
        ("1.0.0", ["9.0.0"], "1.0.0"),
        ("1.0.0", [], "1.0.0"),
    ],
)
def test_the_newest_version_that_is_named_and_spoken_is_taken(
    version: str | None, several: list[str] | None, expected: str
) -> None:
    assert parse(data(cniVersion=version, cniVersions=several)).cni_version == expected


def test_a_version_nobody_speaks_is_refused() -> None:
    with pytest.raises(IncompatibleVersion, match=r"'9.0.0' is not a supported version"):
        parse(data(cniVersion="9.0.0"))


def test_several_versions_nobody_speaks_are_refused_with_those_that_are_spoken() -> None:
    with pytest.raises(InvalidConfig, match=r"cniVersions: none of 9.0.0, 9.1.0 is supported") as refused:
        parse(data(cniVersion=None, cniVersions=["9.0.0", "9.1.0"]))
    assert "1.1.0" in refused.value.details


@pytest.mark.parametrize(
    ("said", "meant"), [(True, True), (False, False), ("true", True), ("False", False), ("TRUE", True), (None, False)]
)
def test_booleans_are_taken_as_words_too(said: object, meant: object) -> None:
    found = parse(data(disableCheck=said, disableGC=said))
    assert (found.disable_check, found.disable_gc) == (meant, meant)


def test_plugins_of_the_folder_named_for_the_network_follow_in_order(tmp_path: Path) -> None:
    path = put(tmp_path, "10.conflist", network())
    put(tmp_path, "banknet/20-b.conf", {"type": "tuning"})
    put(tmp_path, "banknet/10-a.conf", {"type": "portmap", "capabilities": {"portMappings": True}})
    put(tmp_path, "banknet/30-c.json", {"type": "firewall"})
    put(tmp_path, "othernet/00.conf", {"type": "vlan"})
    found = parse(path.read_bytes(), str(path))
    assert [plugin.type for plugin in found.plugins] == ["bridge", "portmap", "tuning"]
    assert found.plugins[1].capabilities == ("portMappings",)
    assert load(str(tmp_path), "banknet") == found


def test_a_network_may_have_its_plugins_in_the_folder_alone(tmp_path: Path) -> None:
    put(tmp_path, "10.conflist", network(plugins=None))
    put(tmp_path, "banknet/10.conf", BRIDGE)
    assert [plugin.type for plugin in load(str(tmp_path), "banknet").plugins] == ["bridge"]


@pytest.mark.parametrize("said", [True, "true"])
def test_only_inlined_plugins_are_loaded_if_that_is_asked(tmp_path: Path, said: object) -> None:
    put(tmp_path, "10.conflist", network(loadOnlyInlinedPlugins=said))
    put(tmp_path, "banknet/10.conf", {"type": "portmap"})
    assert [plugin.type for plugin in load(str(tmp_path), "banknet").plugins] == ["bridge"]


def test_bytes_without_a_file_have_no_folder_beside() -> None:
    assert len(parse(data()).plugins) == 1


def test_a_broken_file_of_the_folder_breaks_the_network_and_is_named(tmp_path: Path) -> None:
    put(tmp_path, "10.conflist", network())
    bad = put(tmp_path, "banknet/10.conf", {"name": "x"})
    networks, broken = load_all(str(tmp_path))
    assert networks == ()
    assert broken[0].error.message == f"{bad}.type: required field is missing"


@pytest.mark.parametrize("plugins", [None, []])
def test_a_network_without_plugins_is_refused(tmp_path: Path, plugins: object) -> None:
    path = put(tmp_path, "10.conflist", network(plugins=plugins))
    with pytest.raises(InvalidConfig, match="plugins: expected at least one plugin"):
        parse(path.read_bytes(), str(path))


def test_a_network_of_too_many_plugins_is_refused() -> None:
    with pytest.raises(InvalidConfig, match=f"plugins: expected at most {MAX_PLUGINS} members"):
        parse(data(plugins=[BRIDGE] * (MAX_PLUGINS + 1)))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": None}, "name: required field is missing"),
        ({"name": 7}, "name: expected"),
        ({"name": "../banknet"}, "name: expected"),
        ({"name": "bank/net"}, "name: expected"),
        ({"name": ""}, "name: expected"),
        ({"cniVersion": 1}, "cniVersion: expected a string"),
        ({"cniVersions": "1.0.0"}, "cniVersions: expected a list"),
        ({"cniVersions": [1]}, r"cniVersions\[0\]: expected a string"),
        ({"disableCheck": "yes"}, "disableCheck: expected true or false, got 'yes'"),
        ({"disableCheck": 1}, "disableCheck: expected true or false, got 1"),
        ({"disableGC": []}, "disableGC: expected true or false"),
        ({"loadOnlyInlinedPlugins": "no"}, "loadOnlyInlinedPlugins: expected true or false"),
        ({"plugins": {}}, "plugins: expected a list"),
        ({"plugins": ["bridge"]}, r"plugins\[0\]: expected an object"),
        ({"plugins": [BRIDGE, {}]}, r"plugins\[1\]\.type: required field is missing"),
        ({"plugins": [{"type": 3}]}, r"plugins\[0\]\.type: expected"),
        ({"plugins": [{"type": "../bridge"}]}, r"plugins\[0\]\.type: expected"),
        ({"plugins": [{**BRIDGE, "capabilities": ["ips"]}]}, r"plugins\[0\]\.capabilities: expected an object"),
        ({"plugins": [{**BRIDGE, "capabilities": {"ips": 1}}]}, r"plugins\[0\]\.capabilities\.ips: expected true"),
    ],
)
def test_a_malformed_field_is_named(changes: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{named}"):
        parse(data(**changes))


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{", b"\xff", b'{"name": "a", "name": "b", "type": "c"}'])
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidConfig):
        parse(raw)
