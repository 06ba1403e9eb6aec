"""The cases of the field's own suite (multi-networkpolicy-iptables, e2e), by real traffic between pods."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.policies.conftest import ONE, OTHER, PORT
from tests.netns.traffic import hears, listening

if TYPE_CHECKING:
    from tests.netns.policies.conftest import Town

SERVER = {"matchLabels": {"name": "server"}}


def named(name: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {"name": name}}}


@pytest.mark.parametrize("version", [4, 6])
def test_simple_ingress(town: Town, version: int) -> None:
    town.policy({"podSelector": SERVER, "ingress": [{"from": [named("a")]}]})
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    expected = {(a, server): True, (b, server): False, (server, a): True, (server, b): True}
    assert town.settled(expected, version=version)
    assert "podberth-policy" in town.rules(server)
    assert "podberth-policy" not in town.rules(a)


@pytest.mark.parametrize("version", [4, 6])
def test_simple_ingress_list(town: Town, version: int) -> None:
    town.policy({"podSelector": SERVER, "ingress": [{"from": [named("a")]}, {"from": [named("c")]}]})
    server, a, b, c = (town.started(name) for name in ("server", "a", "b", "c"))
    back = {(server, one): True for one in (a, b, c)}
    assert town.settled({(a, server): True, (b, server): False, (c, server): True, **back}, version=version)


def test_simple_egress(town: Town) -> None:
    """With policyTypes: without them all policies speak of ingress, as the definition of the kind says."""
    town.policy({"podSelector": SERVER, "policyTypes": ["Egress"], "egress": [{"to": [named("a")]}]})
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    assert town.settled({(a, server): True, (b, server): True, (server, a): True, (server, b): False})


def test_without_policy_types_a_policy_with_egress_closes_ingress_too(town: Town) -> None:
    town.policy({"podSelector": SERVER, "egress": [{"to": [named("a")]}]})
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    assert town.settled({(a, server): False, (b, server): False, (server, a): True, (server, b): False})


def test_simple_egress_list(town: Town) -> None:
    rules = [{"to": [named("a")]}, {"to": [named("c")]}]
    town.policy({"podSelector": SERVER, "policyTypes": ["Egress"], "egress": rules})
    server, a, b, c = (town.started(name) for name in ("server", "a", "b", "c"))
    inward = {(one, server): True for one in (a, b, c)}
    assert town.settled({(server, a): True, (server, b): False, (server, c): True, **inward})


def test_stacked(town: Town) -> None:
    for name in ("a", "b"):
        town.policy(
            {"podSelector": SERVER, "policyTypes": ["Ingress"], "ingress": [{"from": [named(name)]}]}, name=name
        )
    server, a, b, c = (town.started(name) for name in ("server", "a", "b", "c"))
    assert town.settled({(a, server): True, (b, server): True, (c, server): False})


def blocks(town: Town, how: str) -> None:
    """Make policies for the first three addresses of the pool's behind the server's."""
    each = [{"ipBlock": {"cidr": f"10.81.0.{n}/32"}} for n in (3, 4)]
    spec = {"podSelector": SERVER, "policyTypes": ["Ingress"]}
    if how == "one rule":
        town.policy({**spec, "ingress": [{"from": each}]})
    elif how == "list":
        town.policy({**spec, "ingress": [{"from": [one]} for one in each]})
    else:
        for n, one in enumerate(each):
            town.policy({**spec, "ingress": [{"from": [one]}]}, name=f"p{n}")


@pytest.mark.parametrize("how", ["one rule", "list", "stacked"])
def test_ip_block(town: Town, how: str) -> None:
    blocks(town, how)
    server, a, b, c = (town.started(name) for name in ("server", "a", "b", "c"))
    assert [town.address(one) for one in (server, a, b)] == ["10.81.0.2", "10.81.0.3", "10.81.0.4"]
    assert town.settled({(a, server): True, (b, server): True, (c, server): False})


def test_ip_block_with_an_exception(town: Town) -> None:
    block = {"cidr": "10.81.0.0/24", "except": ["10.81.0.4/30"]}
    town.policy({"podSelector": SERVER, "ingress": [{"from": [{"ipBlock": block}]}]})
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    assert town.settled({(a, server): True, (b, server): False})


def test_ingress_by_a_selector_of_namespaces_that_chooses_none(town: Town) -> None:
    nobody = {"namespaceSelector": {"matchLabels": {"foo": "bar"}}}
    town.policy({"podSelector": SERVER, "policyTypes": ["Ingress"], "ingress": [{"from": [nobody]}]})
    server, a, b = town.started("server"), town.started("a"), town.started("b", "red")
    assert town.settled({(a, server): False, (b, server): False, (server, a): True, (server, b): True})


def test_port_range(town: Town) -> None:
    spec = {
        "podSelector": {"matchLabels": {"name": "a"}},
        "policyTypes": ["Egress", "Ingress"],
        "egress": [{"ports": [{"port": 5000, "endPort": 5900}]}],
        "ingress": [{"ports": [{"port": 6000, "endPort": 6900}]}],
    }
    town.policy(spec)
    a, b = town.started("a"), town.started("b")
    assert town.settled({(a, b): True, (b, a): False}, port=PORT)
    assert town.settled({(a, b): False, (b, a): True}, port=6666)


def test_protocol_only_ports(town: Town) -> None:
    spec = {
        "podSelector": {"matchLabels": {"name": "a"}},
        "policyTypes": ["Egress", "Ingress"],
        "egress": [{"ports": [{"protocol": "TCP"}]}],
        "ingress": [{"ports": [{"protocol": "UDP"}]}],
    }
    town.policy(spec)
    a, b = town.started("a"), town.started("b")
    assert town.settled({(a, b): True, (b, a): False})
    with closing(listening(a.path, 7777)) as at_a, closing(listening(b.path, 7777)) as at_b:
        assert hears(b.path, town.address(a), 7777, at_a)
        assert not hears(a.path, town.address(b), 7777, at_b)


def test_policies_of_several_legs(town: Town) -> None:
    """Each leg of the server has a policy of its own."""
    for network, name in ((ONE, "a"), (OTHER, "b")):
        town.policy({"podSelector": SERVER, "ingress": [{"from": [named(name)]}]}, networks=network, name=name)
    server, a, b = (town.started(name, networks=f"{ONE},{OTHER}") for name in ("server", "a", "b"))
    assert town.settled({(a, server): True, (b, server): False}, "net1")
    assert town.settled({(a, server): False, (b, server): True}, "net2")


def test_egress_of_several_legs(town: Town) -> None:
    spec = {"podSelector": SERVER, "policyTypes": ["Egress"]}
    for network, name in ((ONE, "a"), (OTHER, "b")):
        town.policy({**spec, "egress": [{"to": [named(name)]}]}, networks=network, name=name)
    server, a, b = (town.started(name, networks=f"{ONE},{OTHER}") for name in ("server", "a", "b"))
    assert town.settled({(server, a): True, (server, b): False}, "net1")
    assert town.settled({(server, a): False, (server, b): True}, "net2")


def test_several_namespaces_with_a_network_each(town: Town) -> None:
    """Peers of another namespace need a selector of namespaces, as in a NetworkPolicy."""
    plugin = {"type": "podberth", "bridge": "legs0", "pool": "legs", "stateDir": str(town.node.state)}
    for space in ("blue", "red"):
        town.define(f"net-{space}", {"cniVersion": "1.1.0", "name": f"net-{space}", "plugins": [plugin]}, space)
    red = {"namespaceSelector": {"matchLabels": {"team": "red"}}}
    spec = {
        "podSelector": {"matchLabels": {"name": "a1"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{**named("b1"), **red}]}],
        "egress": [{"to": [{**named("b2"), **red}]}],
    }
    town.policy(spec, networks="net-blue,red/net-red")
    a1, a2 = (town.started(name, networks="net-blue") for name in ("a1", "a2"))
    b1, b2 = (town.started(name, "red", "net-red") for name in ("b1", "b2"))
    denied = {(a1, a2): False, (a1, b1): False, (a2, a1): False, (b2, a1): False}
    open_ones = {(a2, b1): True, (b1, a2): True, (a2, b2): True, (b1, b2): True, (b2, b1): True}
    assert town.settled({(b1, a1): True, (a1, b2): True, **denied, **open_ones})


def test_ingress_and_egress_of_one_pod_name_different_peers(town: Town) -> None:
    spec = {
        "podSelector": {"matchLabels": {"name": "a"}},
        "ingress": [{"from": [named("b")]}],
        "egress": [{"to": [named("c")]}],
    }
    town.policy(spec)
    a, b, c = (town.started(name) for name in ("a", "b", "c"))
    assert town.settled({(b, a): True, (c, a): False, (a, b): False, (a, c): True, (b, c): True})
