"""The `vrf` plugin beside the CNI project's, on a kernel that has VRFs: the same tables, addresses and routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.behind import conf, veth, went
from tests.netns.standard.conftest import twins
from tests.netns.standard.twins import comparable
from tests.sizes import spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.netns.standard.twins import Node

__all__ = ["twins"]  # the fixture
DEFAULT = "route add default via 10.1.0.1 dev eth0"
BOTH = ["10.1.0.5/24", "fd00:1::5/64"]
# By name: addresses, what `ip` is told in the pod before, and keys.
ALIKE: dict[str, tuple[Sequence[str], Sequence[str], dict[str, object]]] = {
    "no address": ([], (), {}),
    "an address": (["10.1.0.5/24"], (), {}),
    "a default route": (["10.1.0.5/24"], (DEFAULT,), {}),
    "routes by several gateways": (
        ["10.1.0.5/24", "10.2.0.5/24"],
        (DEFAULT, "route add 10.9.0.0/16 via 10.2.0.1 dev eth0 metric 7"),
        {},
    ),
    "both families": (BOTH, (DEFAULT, "-6 route add default via fd00:1::1 dev eth0"), {}),
    "addresses that stay": (
        ["fd00:1::5/64"],
        ("netns exec {pod} sysctl -qw net.ipv6.conf.all.keep_addr_on_down=1",),
        {},
    ),
    "a table": (BOTH, (DEFAULT,), {"table": 10}),
    "a table beyond a byte": (BOTH, (DEFAULT,), {"table": 100_000}),
    "a table of 0": (BOTH, (DEFAULT,), {"table": 0}),
    "a VRF that is there": (BOTH, ("link add red type vrf table 1", "link set red up"), {}),
    "a VRF that is there with the table": (BOTH, ("link add red type vrf table 10", "link set red up"), {"table": 10}),
    "a table that another VRF has": (BOTH, ("link add blue type vrf table 1",), {}),
}  # fmt: skip
REFUSED: dict[str, tuple[Sequence[str], dict[str, object]]] = {
    "no name": ((), {"vrfname": ""}),
    "a VRF with another table": (("link add red type vrf table 9",), {"table": 10}),
    "a link of that name that is no VRF": (("link add red type bridge",), {}),
    "a master already": (("link add br0 type bridge", "link set eth0 master br0"), {}),
    "no interface": (("link delete eth0",), {}),
}


def prepared(node: Node, addresses: Sequence[str], commands: Sequence[str]) -> dict[str, Any]:
    """Make the pod's interface, and tell `ip` each of the commands in the pod.

    The kernel's rule for VRFs is there after the first one, and stays.
    """
    previous = veth(node, *addresses)
    for command in ("link add first type vrf table 77", "link delete first", *commands):
        node.run("ip", *command.format(pod=node.pod()).split(), inside="pod")
    return previous


@pytest.mark.parametrize(("addresses", "commands", "keys"), spread(ALIKE, 2).values(), ids=spread(ALIKE, 2))
def test_it_joins_as_the_cni_projects_does(
    twins: tuple[Node, Node], addresses: Sequence[str], commands: Sequence[str], keys: Mapping[str, object]
) -> None:
    results, states, document = [], [], conf("vrf", vrfname="red", **keys)
    for node in twins:
        previous = prepared(node, addresses, commands)
        before = node.state_of()
        added = went(node, "ADD", document, previous)
        results.append(comparable(added.said, node))
        states.append(node.state_of())
        went(node, "CHECK", document, added.said)
        went(node, "DEL", document, added.said)
    assert results[0] == results[1]
    assert states[0] == states[1]
    assert states[1] != before
    assert twins[1].state_of() == before
    went(twins[1], "DEL", document, added.said)


@pytest.mark.parametrize(("commands", "keys"), spread(REFUSED, 1).values(), ids=spread(REFUSED, 1))
def test_what_the_cni_projects_refuses_is_refused_and_nothing_is_left(
    twins: tuple[Node, Node], commands: Sequence[str], keys: Mapping[str, object]
) -> None:
    for node in twins:
        previous = prepared(node, BOTH, commands)
        before = node.state_of()
        ended = node.call("ADD", conf("vrf", **{"vrfname": "red", **keys}), previous=previous)
        assert ended.status != 0
    assert twins[1].state_of() == before


def test_two_interfaces_in_one(twins: tuple[Node, Node]) -> None:
    document, states = conf("vrf", vrfname="red"), []
    for node in twins:
        first = prepared(node, ["10.1.0.5/24"], ())
        second = veth(node, "10.2.0.5/24", ifname="net1", host="host1")
        before = node.state_of()
        went(node, "ADD", document, first)
        went(node, "ADD", document, second, ifname="net1")
        states.append(node.state_of())
        went(node, "DEL", document, first)
        assert "red" in node.run("ip", "link", "show", "net1", inside="pod")
        went(node, "DEL", document, second, ifname="net1")
        assert "red" not in node.run("ip", "link", inside="pod")
    assert states[0] == states[1]
    assert twins[1].state_of() == before


def test_a_del_when_the_interface_is_gone(twins: tuple[Node, Node]) -> None:
    """Go's plugin fails, and leaves the VRF."""
    document = conf("vrf", vrfname="red")
    for node in twins:
        previous = prepared(node, BOTH, ())
        went(node, "ADD", document, previous)
        node.run("ip", "link", "delete", "eth0", inside="pod")
        assert (node.call("DEL", document, previous=previous).status == 0) == (node is twins[1])
        assert ("red" in node.run("ip", "link", inside="pod")) == (node is twins[0])


def test_a_table_that_is_in_use_by_others_is_none_of_its(twins: tuple[Node, Node]) -> None:
    """Go's plugin looks at the tables of VRFs alone."""
    for node, table in zip(twins, ("1", "3"), strict=True):
        commands = ("route add 10.7.0.0/16 dev lo table 1", "rule add from 10.7.0.0/16 lookup 2")
        went(node, "ADD", conf("vrf", vrfname="red"), prepared(node, BOTH, commands))
        assert f"vrf table {table} " in node.run("ip", "-d", "link", "show", "red", inside="pod")


def test_a_route_to_the_link_is_brought_along(twins: tuple[Node, Node]) -> None:
    """Go's plugin takes routes by a gateway alone."""
    for node in twins:
        previous = prepared(node, ["10.1.0.5/24"], ("route add 10.9.0.0/16 dev eth0",))
        went(node, "ADD", conf("vrf", vrfname="red", table=10), previous)
        shown = node.run("ip", "route", "show", "table", "10", inside="pod")
        assert ("10.9.0.0/16" in shown) == (node is twins[1])


def test_a_check_finds_what_was_changed_since(twins: tuple[Node, Node]) -> None:
    for node in twins:
        previous = prepared(node, BOTH, ())
        went(node, "ADD", conf("vrf", vrfname="red"), previous)
        node.run("ip", "link", "set", "eth0", "nomaster", inside="pod")
        assert node.call("CHECK", conf("vrf", vrfname="red"), previous=previous).status != 0
