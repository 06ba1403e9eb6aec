"""What a NetworkAttachmentDefinition comes to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import CniError, IncompatibleVersion, InvalidConfig
from podberth.networks.allocation import RESOURCE
from podberth.networks.definition import Definition, network, read
from tests.unit.networks.described import defined, listed

WHAT = "NetworkAttachmentDefinition bank/storage"


def of(config: object) -> Definition:
    return Definition(
        namespace="bank", name="storage", config=config if isinstance(config, str) else json.dumps(config)
    )


def test_its_names_its_config_and_its_resource_are_read() -> None:
    document = defined("storage", "{}", **{RESOURCE: "example.com/vf"})
    assert read(document) == Definition(namespace="bank", name="storage", config="{}", resource="example.com/vf")


@pytest.mark.parametrize("spec", [None, {}, {"config": None}, {"config": ""}])
def test_it_may_be_without_a_config(spec: object) -> None:
    document = {"metadata": {"namespace": "bank", "name": "storage"}, "spec": spec}
    assert read(document) == Definition(namespace="bank", name="storage")


def test_a_config_may_have_several_lines() -> None:
    assert network(read(defined("storage", '{\n\t"type": "bridge"\n}\n')), ()).plugins[0].type == "bridge"


@pytest.mark.parametrize(
    ("changed", "at"),
    [
        ({"metadata": None}, "NetworkAttachmentDefinition.metadata"),
        ({"metadata": {"name": "storage"}}, "NetworkAttachmentDefinition.metadata.namespace"),
        ({"metadata": {"namespace": "bank"}}, "NetworkAttachmentDefinition.metadata.name"),
        ({"metadata": {"namespace": "bank", "name": "A"}}, "NetworkAttachmentDefinition.metadata.name"),
        ({"metadata": 7}, "NetworkAttachmentDefinition.metadata"),
        ({"spec": "{}"}, "NetworkAttachmentDefinition.spec"),
        ({"spec": {"config": {"type": "bridge"}}}, "NetworkAttachmentDefinition.spec.config"),
    ],
)
def test_the_error_names_the_field(changed: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        read({**defined("storage"), **changed})
    assert f"{at}: " in refused.value.message


def test_a_single_plugin_is_a_list_of_one_under_the_definitions_name() -> None:
    found = network(of({"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1"}), ())
    assert (found.name, found.cni_version, [plugin.type for plugin in found.plugins]) == (
        "storage", "1.0.0", ["macvlan"],
    )  # fmt: skip
    assert found.plugins[0].raw["master"] == "eth1"


def test_a_list_has_its_plugins_in_order_and_its_flags() -> None:
    config = {"cniVersion": "1.1.0", "plugins": [{"type": "bridge"}, {"type": "tuning"}], "disableCheck": True}
    found = network(of(config), ())
    assert ([plugin.type for plugin in found.plugins], found.disable_check) == (["bridge", "tuning"], True)


@pytest.mark.parametrize(("said", "wanted"), [({"name": "own"}, "own"), ({"name": ""}, "storage"), ({}, "storage")])
def test_the_definitions_name_counts_where_the_config_has_none(said: dict[str, str], wanted: str) -> None:
    assert network(of({"type": "bridge", **said}), ()).name == wanted


def test_a_config_without_a_version_speaks_the_first() -> None:
    assert network(of({"type": "bridge"}), ()).cni_version == "0.1.0"


@pytest.mark.parametrize("config", ["", "  \n"])
def test_without_a_config_it_is_the_nodes_own_network_of_its_name(config: str) -> None:
    own = (listed("other"), listed("storage", "macvlan"), listed("storage", "bridge"))
    assert network(of(config), own) is own[1]


def test_without_a_config_and_a_network_of_its_name_it_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidConfig, match=f"^{WHAT}: it has no config, and this node has no network storage"):
        network(of(""), (listed("other"),))


@pytest.mark.parametrize(
    ("config", "at"),
    [
        ("{", "network configuration: not valid JSON"),
        ("[]", "document: expected an object"),
        ({}, "plugins: "),
        ({"type": ""}, "plugins: "),
        ({"type": "../sh"}, "type: "),
        ({"plugins": []}, "plugins: "),
        ({"plugins": [None]}, r"plugins\[0\]: "),
        ({"plugins": [{"type": "bridge"}, {}]}, r"plugins\[1\]\.type: "),
        ({"type": "bridge", "name": "a/b"}, "name: "),
    ],
)
def test_the_error_names_the_definition_and_the_place_in_its_config(config: object, at: str) -> None:
    with pytest.raises(InvalidConfig, match=rf"^{WHAT}: spec\.config: {at}"):
        network(of(config), ())


def test_a_version_that_nobody_speaks_is_refused_by_the_definitions_name() -> None:
    with pytest.raises(IncompatibleVersion, match=rf"^{WHAT}: spec\.config: cniVersion: '9\.0\.0'"):
        network(of({"type": "bridge", "cniVersion": "9.0.0"}), ())


@given(st.text())
def test_any_config_is_read_or_refused_by_an_error_of_cni(config: str) -> None:
    try:
        found = network(of(config), ())
    except CniError:
        return
    assert found.plugins


@pytest.mark.parametrize("wrong", [",", "a.example/b,", ",".join(["a.example/b"] * 9), 7])
def test_what_names_no_resources_is_refused_by_its_field(wrong: object) -> None:
    metadata = {"namespace": "bank", "name": "storage", "annotations": {RESOURCE: wrong}}
    with pytest.raises(
        InvalidConfig, match=r"metadata\.annotations\['k8s\.v1\.cni\.cncf\.io/resourceName'\]: expected"
    ):
        read({"metadata": metadata})
