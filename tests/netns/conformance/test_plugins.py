"""Our plugin passes the suite on every device there is without hardware; Go's fail what docs/conformance.md lists."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tests.checkout import ROOT
from tests.netns.agent.running import agent
from tests.netns.conformance.conftest import failing, suite
from tests.netns.conformance.plugins import example, go, ours, ours_by
from tests.netns.kubelet import run
from tests.sizes import size, spread

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns.kubelet import Kubelet

LISTED = re.compile(r"^\| `(?P<plugin>[a-z-]+)` \| `(?P<check>[a-zA-Z0-9._-]+)` \|", re.MULTILINE)
KINDS = {
    "bridge": "interface",
    "ptp": "interface",
    "macvlan": "interface",
    "host-local": "ipam",
    "loopback": "loopback",
    "portmap": "chained",
    "bandwidth": "chained",
}
# Names of checks: about ADD; in a soak all there are.
WHOLE = size(0, 1)
FEW = ("add-*", "*")[WHOLE]
# An agent ends a DEL after its answer: these two look for what is left a moment too early.
ENDED_LATER = {"over-and-over", "over-and-over-inside"}
MAPPED = [{"hostPort": 18080, "containerPort": 80, "protocol": "tcp"}]
KEYS: dict[str, dict[str, object]] = {
    "bridge": {"bridge": "go0", "isGateway": True},
    "macvlan": {"master": "below0"},
    "portmap": {"capabilities": {"portMappings": True}, "runtimeConfig": {"portMappings": MAPPED}},
    "bandwidth": {"ingressRate": 10**6, "ingressBurst": 10**5, "egressRate": 10**6, "egressBurst": 10**5},
}


@pytest.fixture(scope="module")
def below(node: Kubelet) -> str:
    """An interface of the node for macvlan devices to stand on."""
    run(*node.at_node, "ip", "link", "add", "below0", "type", "veth", "peer", "name", "below1")
    for name in ("below0", "below1"):
        run(*node.at_node, "ip", "link", "set", name, "up")
    return "below0"


@pytest.mark.parametrize("device", ["bridge", "macvlan"])
def test_ours_passes_every_check_that_applies(node: Kubelet, below: str, device: str) -> None:
    keys = {"bridge": {"bridge": "bank0"}, "macvlan": {"parent": below}}.get(device, {})
    code, document = suite(node, ours(node.state.parent, device=device, **keys), "--only", FEW)
    assert failing(document) == {}
    assert code == 0
    assert document["counts"]["passed"] >= (15, 220)[WHOLE]


def test_ours_passes_them_through_an_agent(node: Kubelet, below: str) -> None:
    with agent(node):
        code, document = suite(node, ours_by(node.socket, node.state.parent, device="macvlan", parent=below))
    assert set(failing(document)) <= ENDED_LATER
    assert code in (0, 4)
    assert document["counts"]["passed"] >= 220


def test_a_node_that_is_its_pods_router_passes_every_check_that_applies(node: Kubelet) -> None:
    node.apply(
        "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {name: routed}\n"
        "spec: {subnets: [{subnet: 10.96.0.0/16, gateway: 10.96.0.1}], routes: []}\n"
    )
    keys = {"bridge": "bank1", "pool": "routed", "isGateway": True, "ipMasq": True}
    code, document = suite(node, ours(node.state.parent, **keys), "--only", FEW)
    assert failing(document) == {}
    assert code == 0
    assert document["counts"]["passed"] >= (15, 220)[WHOLE]


def test_the_documented_example_of_a_plugin_passes(node: Kubelet, tmp_path: Path) -> None:
    code, document = suite(node, example(tmp_path), "--only", FEW)
    assert failing(document) == {}
    assert code == 0
    assert document["counts"]["passed"] >= (10, 180)[WHOLE]


@pytest.mark.parametrize("name", spread(KINDS, 2))
def test_gos_plugins_fail_what_the_documentation_lists(node: Kubelet, below: str, name: str) -> None:
    assert below
    code, document = suite(node, go(node.state.parent, name, KINDS[name], **KEYS.get(name, {})))
    assert set(failing(document)) == listed(name)
    assert code == (4 if listed(name) else 0)


def listed(plugin: str) -> set[str]:
    """Return the checks that a plugin of Go's fails by the documentation."""
    return {at["check"] for at in LISTED.finditer((ROOT / "docs/conformance.md").read_text()) if at["plugin"] == plugin}


def test_junit_xml_says_the_same(node: Kubelet, tmp_path: Path) -> None:
    subject = go(node.state.parent, "loopback", "loopback")
    _, document = suite(node, subject, "--junit", str(tmp_path / "report.xml"), "--only", "family-key-*")
    read = ET.parse(tmp_path / "report.xml").getroot()
    assert read.get("tests") == str(len(document["checks"])) == "7"
    assert read.get("failures") == str(document["counts"]["failed"]) != "0"
    assert {case.get("name") for case in read if case.find("failure") is not None} == set(failing(document))
