"""Documents and configurations on the pages are ones that podberth reads without a complaint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from podberth.catalogue import plugin_of
from podberth.cni import netlist
from podberth.cni.fields import Fields
from podberth.devices import configuration
from podberth.netpolicy import document as network_policy
from podberth.networks import definition, selection, settings
from podberth.policy.documents import parse_document
from tests.checkout import ROOT
from tests.documents.pages import Block, blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGES = sorted(page.name for page in (ROOT / "docs").glob("*.md"))
# Read by others, or by a test of their own page.
OTHERS = {
    *("AddressReservation", "ConfigMap", "Config", "CustomResourceDefinition", "DaemonSet", "DeviceClass"),
    *("IPAMClaim", "ResourceClaimTemplate"),
}


def network(raw: dict[str, Any]) -> None:
    for plugin in netlist.parse(json.dumps({"name": "example", **raw}).encode()).plugins:
        found = plugin_of(plugin.type)
        if found is not None:
            found.configure(Fields(dict(plugin.raw)))


def defined(raw: dict[str, Any]) -> None:
    network(json.loads(definition.read(raw).config) | {"name": "example"})


def policy(raw: dict[str, Any]) -> None:
    assert network_policy.parse(raw).mistakes == ()


def resources(raw: dict[str, Any]) -> None:
    assert configuration.read(raw).refused == ()


def of_several(raw: dict[str, Any]) -> None:
    settings.read(Fields({"clusterNetwork": "cluster", "kubeconfig": "/etc/kubeconfig", **raw}))


def annotation(raw: list[Any]) -> None:
    assert selection.parse(json.dumps(raw), "bank")


READERS: dict[str, Callable[[Any], object]] = {
    "NetworkAttachmentDefinition": defined,
    "MultiNetworkPolicy": policy,
    **dict.fromkeys(("Pool", "PodNetwork"), lambda raw: parse_document(raw, "the page")),
}


def reader(raw: Any) -> Callable[[Any], object] | None:
    """Return what reads a document; None if podberth reads none such alone."""
    if isinstance(raw, list):
        return annotation
    if "kind" in raw:
        return READERS.get(raw["kind"])
    if "plugins" in raw or ("type" in raw and "cniVersion" in raw):
        return network
    if "resources" in raw:
        return resources
    return of_several if raw.keys() <= {key.name for key in settings.KEYS} - {"allow"} or wrapped(raw) else None


def wrapped(raw: dict[str, Any]) -> bool:
    """Say whether it is the member `allow` of a meta plugin's configuration: a pool's rules are others."""
    return raw.keys() == {"allow"} and all("requests" in rule for rule in raw["allow"])


def documents(block: Block) -> Iterator[Any]:
    if block.language == "yaml":
        yield from yaml.safe_load_all(block.text)
    elif block.language == "json":
        yield json.loads("{" + block.text + "}" if block.text.startswith('"') else block.text)


SHOWN = [
    pytest.param(raw, id=f"{page}:{block.line}")
    for page in PAGES
    for block in blocks((ROOT / "docs" / page).read_text())
    for raw in documents(block)
    if not isinstance(raw, dict) or raw.get("kind") not in OTHERS
]


@pytest.mark.parametrize("raw", SHOWN)
def test_an_example_is_read_without_a_complaint(raw: Any) -> None:
    found = reader(raw)
    if found is not None:
        found(raw)


def test_there_are_examples_of_each_kind() -> None:
    there = {each.values[0].get("kind", "") for each in SHOWN if isinstance(each.values[0], dict)}
    assert READERS.keys() <= there
