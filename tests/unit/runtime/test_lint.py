"""Linting a network configuration: all that is wrong with it, with the path and the key that was meant."""

from __future__ import annotations

import json

import pytest

from podberth.cli.lint import our_keys
from podberth.runtime.lint import Finding, lint


def linted(*plugins: dict[str, object], installed: bool = True, **keys: object) -> dict[str, Finding]:
    """Return what is found in a list of plugins, by path."""
    body = {"cniVersion": "1.0.0", "name": "net", "plugins": list(plugins), **keys}
    return {found.path: found for found in lint(json.dumps(body).encode(), lambda _: installed, our_keys)}


GOOD: dict[str, object] = {
    "type": "bridge",
    "bridge": "cni0",
    "isGateway": True,
    "mtu": 9000,
    "capabilities": {"mac": True},
    "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.0.0.0/24"}]], "routes": []},
    "example.com/owner": "team",
    "_comment": "for us",
}


def test_a_good_network_has_no_findings() -> None:
    assert linted(GOOD, {"type": "portmap", "capabilities": {"portMappings": True}}) == {}
    assert lint(json.dumps({"cniVersion": "1.0.0", "name": "x", **GOOD}).encode(), lambda _: True) == ()


@pytest.mark.parametrize(
    ("plugin", "path", "meant"),
    [
        ({"type": "bridge", "isGatway": True}, "plugins[0].isGatway", "isGateway"),
        ({"type": "bridge", "isgateway": True}, "plugins[0].isgateway", "isGateway"),
        ({"type": "macvlan", "Master": "eth0"}, "plugins[0].Master", "master"),
        ({"type": "podberth", "brigde": "b0"}, "plugins[0].brigde", "bridge"),
        ({"type": "sriov", "vlanQos": 3}, "plugins[0].vlanQos", "vlanQoS"),
        ({"type": "ptp", "ipam": {"type": "host-local", "range": []}}, "plugins[0].ipam.range", "ranges"),
    ],
)
def test_a_misspelt_key_is_named_with_the_one_that_was_meant(plugin: dict[str, object], path: str, meant: str) -> None:
    found = linted(plugin)[path]
    assert found.hint == f"did you mean {meant}?"
    assert found.fatal


def test_a_key_that_is_like_none_is_no_error_but_named() -> None:
    found = linted({"type": "loopback", "xyzzy": 1})["plugins[0].xyzzy"]
    assert not found.fatal


@pytest.mark.parametrize(
    ("key", "given", "wanted"),
    [
        ("mtu", "9000", "a number"),
        ("mtu", True, "a number"),
        ("ipMasq", "yes", "true or false"),
        ("dns", [], "an object"),
    ],
)
def test_a_value_of_another_kind_is_named(key: str, given: object, wanted: str) -> None:
    assert f"expected {wanted}" in linted({"type": "ptp", key: given})[f"plugins[0].{key}"].message


def test_plugins_that_are_missing_are_named() -> None:
    found = linted({"type": "ptp", "ipam": {"type": "static"}}, installed=False)
    assert set(found) == {"plugins[0].type", "plugins[0].ipam.type"}


def test_a_capability_that_nobody_serves_is_named() -> None:
    found = linted({"type": "portmap", "capabilities": {"bandwidth": True}})["plugins[0].capabilities.bandwidth"]
    assert (found.hint, found.fatal) == ("it knows portMappings", False)


def test_keys_of_the_list_are_looked_at_too() -> None:
    found = linted(GOOD, disableChek=True)
    assert found["disableChek"].hint == "did you mean disableCheck?"
    assert "is ignored" in linted({"type": "ptp", "name": "other"})["plugins[0].name"].message
    assert not linted(GOOD, cniVersion="0.3.1")["cniVersion"].fatal


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"name": "x"}', b'{"cniVersion": "9.9.9", "name": "x", "type": "y"}']
)
def test_what_is_no_network_is_said_once(body: bytes) -> None:
    (found,) = lint(body, lambda _: True)
    assert found.fatal
    assert found.message
