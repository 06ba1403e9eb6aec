"""The `sbr` plugin beside the CNI project's: the same rules, and the same routes in the same tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.behind import conf, veth, went
from tests.netns.standard.twins import comparable
from tests.sizes import spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.netns.standard.twins import Node

ADDRESS = ["10.1.0.5/24"]
DEFAULT = "route add default via 10.1.0.1 dev eth0"
# By name: addresses, what `ip` is told in the pod before, and keys.
ALIKE: dict[str, tuple[Sequence[str], Sequence[str], dict[str, object]]] = {
    "an address": (ADDRESS, (), {}),
    "a default route": (ADDRESS, (DEFAULT,), {}),
    "a default route with a metric": (ADDRESS, (f"{DEFAULT} metric 50",), {}),
    "a route by the gateway": (ADDRESS, ("route add 10.9.0.0/16 via 10.1.0.1 dev eth0",), {}),
    "a route to the link": (ADDRESS, ("route add 10.9.0.0/16 dev eth0",), {}),
    "routes with more to them": (
        ADDRESS,
        (
            "route add 10.8.0.0/16 via 10.1.0.1 dev eth0 src 10.1.0.5 metric 7",
            "route add 10.9.0.0/16 via 10.1.0.2 dev eth0 mtu 1300 advmss 1200",
            "route add 10.10.0.0/16 via 10.1.0.2 dev eth0 onlink proto static",
        ),
        {},
    ),
    "routes of another link": (
        ADDRESS,
        (
            "link add net9 type veth peer name net8", "link set net9 up", "link set net8 up",
            "address add 10.4.0.5/24 dev net9", "route add default via 10.4.0.1 dev net9",
        ),
        {},
    ),
    "two addresses of one subnet": (["10.1.0.5/24", "10.1.0.6/24"], (DEFAULT,), {}),
    "two subnets": (
        ["10.1.0.5/24", "10.2.0.5/24"],
        (DEFAULT, "route add 10.9.0.0/16 via 10.2.0.1 dev eth0"),
        {},
    ),
    "a default route to the link": (ADDRESS, ("route add default dev eth0",), {}),
    "a point to point link": (
        ADDRESS,
        (
            "route flush dev eth0 table main",
            "route add 10.1.0.1 dev eth0 scope link src 10.1.0.5",
            "route add 10.1.0.0/24 via 10.1.0.1 dev eth0 src 10.1.0.5", DEFAULT,
        ),
        {},
    ),
    "both families": (
        ["10.1.0.5/24", "fd00:1::5/64"],
        (DEFAULT, "-6 route add default via fd00:1::1 dev eth0", "-6 route add fd00:9::/64 via fd00:1::2 dev eth0"),
        {},
    ),
    "IPv6 alone": (["fd00:1::5/64"], ("-6 route add default via fd00:1::1 dev eth0",), {}),
    "tables that rules lead to": (
        ["10.1.0.5/24", "10.2.0.5/24"],
        ("rule add from 10.7.0.0/16 lookup 100", "rule add from 10.8.0.0/16 lookup 102", DEFAULT),
        {},
    ),
    "a table that is said": (ADDRESS, (DEFAULT,), {"table": 7}),
    "a table beyond a byte": (["10.1.0.5/24", "fd00:1::5/64"], (DEFAULT,), {"table": 1000}),
    "a table that is said, with two addresses": (["10.1.0.5/24", "10.2.0.5/24"], (), {"table": 100}),
}  # fmt: skip


@pytest.mark.parametrize(("addresses", "commands", "keys"), spread(ALIKE, 3).values(), ids=spread(ALIKE, 3))
def test_it_routes_as_the_cni_projects_does(
    twins: tuple[Node, Node], addresses: Sequence[str], commands: Sequence[str], keys: Mapping[str, object]
) -> None:
    results, states, document = [], [], conf("sbr", **keys)
    for node in twins:
        previous = prepared(node, addresses, commands)
        before = node.state_of()
        added = went(node, "ADD", document, previous)
        results.append(comparable(added.said, node))
        states.append(state(node))
        went(node, "CHECK", document, added.said)
        went(node, "DEL", document, added.said)
    assert results[0] == results[1]
    assert states[0] == states[1]
    assert states[1] != before
    assert twins[1].state_of() == before
    went(twins[1], "DEL", document, added.said)


def state(node: Node) -> dict[str, Any]:
    """Return what `state_of` does, without what nothing leads to: Go's copies a route to the link into the tables of
    addresses of the other family too.
    """
    found = node.state_of()
    led = {(":" in str(rule["src"]), str(rule["table"])) for rule in found["pod"]["rules"] if rule["src"] != "all"}
    found["pod"]["routes"] = [
        text
        for text in found["pod"]["routes"]
        if (table := str((route := json.loads(text)).get("table", "main"))) not in ("100", "101", "102", "103")
        or (":" in route["dst"] + route.get("gateway", ""), table) in led
        or not led
    ]
    return found


def prepared(node: Node, addresses: Sequence[str], commands: Sequence[str]) -> dict[str, Any]:
    """Make the pod's interface, and tell `ip` each of the commands in the pod."""
    previous = veth(node, *addresses)
    for command in commands:
        node.run("ip", *command.split(), inside="pod")
    return previous


def test_an_address_of_another_interface_is_left_alone(twins: tuple[Node, Node]) -> None:
    states = []
    for node in twins:
        previous = veth(node, "10.1.0.5/24")
        previous["interfaces"].append({"name": "net1", "sandbox": "/run/netns/other"})
        previous["ips"].append({"address": "10.3.0.5/24", "interface": 2})
        previous["ips"].append({"address": "10.1.0.7/24", "gateway": "10.1.0.1"})
        went(node, "ADD", conf("sbr"), previous)
        states.append(node.state_of())
    assert states[0] == states[1]
    assert "10.3.0.5" not in str(states)


def test_a_result_without_addresses_is_refused(twins: tuple[Node, Node]) -> None:
    for node in twins:
        assert node.call("ADD", conf("sbr"), previous=veth(node)).status != 0
        assert node.call("ADD", conf("sbr")).status != 0


def test_a_gateway_that_cannot_be_reached_is_refused_and_nothing_is_left(twins: tuple[Node, Node]) -> None:
    for node in twins:
        previous = veth(node, "10.1.0.5/24")
        previous["ips"][0]["gateway"] = "10.77.0.1"
        before = node.state_of()
        assert node.call("ADD", conf("sbr"), previous=previous).status != 0
    assert twins[1].state_of() == before


def test_two_attachments_of_a_pod(twins: tuple[Node, Node]) -> None:
    states = []
    for node in twins:
        first = prepared(node, ADDRESS, (DEFAULT,))
        second = veth(node, "10.2.0.5/24", ifname="net1", host="host1")
        before = node.state_of()
        for ifname, previous in (("eth0", first), ("net1", second)):
            went(node, "ADD", conf("sbr"), previous, ifname=ifname)
        states.append(node.state_of())
        if node is twins[1]:
            for ifname, previous in (("eth0", first), ("net1", second)):
                went(node, "CHECK", conf("sbr"), previous, ifname=ifname)
                went(node, "DEL", conf("sbr"), previous, ifname=ifname)
    assert states[0] == states[1]
    assert twins[1].state_of() == before


def rules(node: Node) -> list[str]:
    """Return the tables that the rules for single addresses lead to."""
    lines = node.run("ip", "rule", inside="pod").splitlines()
    return [line.partition("lookup ")[2].split()[0] for line in lines if "from 10." in line]


@pytest.mark.parametrize("keys", [{}, {"table": 7}])
def test_a_del_when_the_addresses_are_gone(twins: tuple[Node, Node], keys: Mapping[str, object]) -> None:
    """Go's plugin finds its rules by the addresses that the interface has by then."""
    for node in twins:
        previous = prepared(node, ADDRESS, (DEFAULT,))
        went(node, "ADD", conf("sbr", **keys), previous)
        node.run("ip", "address", "flush", "dev", "eth0", inside="pod")
        went(node, "DEL", conf("sbr", **keys), previous)
    assert (len(rules(twins[0])), len(rules(twins[1]))) == (1, 0)


def test_a_del_when_the_interface_is_gone(twins: tuple[Node, Node]) -> None:
    for node in twins:
        previous = prepared(node, ADDRESS, (DEFAULT,))
        went(node, "ADD", conf("sbr"), previous)
        node.run("ip", "link", "delete", "eth0", inside="pod")
        went(node, "DEL", conf("sbr"), previous)
    assert (len(rules(twins[0])), len(rules(twins[1]))) == (1, 0)


def test_a_del_without_a_namespace(twins: tuple[Node, Node]) -> None:
    theirs, ours = twins
    for node in twins:
        previous = prepared(node, ADDRESS, (DEFAULT,))
        went(node, "ADD", conf("sbr"), previous)
        assert (node.call("DEL", conf("sbr"), previous=previous, netns="").status == 0) == (node is ours)
    assert theirs is not ours


def test_a_table_that_has_routes_is_in_use(twins: tuple[Node, Node]) -> None:
    """Go's plugin sees the routes of the main table alone, and so mixes its own with somebody else's."""
    for node, table in zip(twins, ("100", "102"), strict=True):
        before = ("route add 10.7.0.0/16 dev lo table 100", "-6 route add fd00:7::/64 dev lo table 101")
        went(node, "ADD", conf("sbr"), prepared(node, ADDRESS, before))
        assert rules(node) == [table]


def test_a_rule_of_somebody_else_stays(twins: tuple[Node, Node]) -> None:
    ours = twins[1]
    previous = prepared(ours, ADDRESS, (DEFAULT, "rule add from 10.1.0.5 lookup 50"))
    went(ours, "ADD", conf("sbr"), previous)
    assert len(rules(ours)) == 2
    went(ours, "DEL", conf("sbr"), previous)
    assert rules(ours) == ["50"]


def test_a_default_route_by_a_link_local_gateway_is_kept(twins: tuple[Node, Node]) -> None:
    """It is in no subnet of an address: Go's plugin deletes it, and puts it nowhere. It takes fe80::/64 away too."""
    theirs, ours = twins
    for node in twins:
        previous = prepared(node, ["fd00:1::5/64"], ("-6 route add default via fe80::1 dev eth0",))
        previous["ips"][0]["gateway"] = None
        went(node, "ADD", conf("sbr"), previous)
    for node, kept in ((theirs, False), (ours, True)):
        assert ("via fe80::1" in node.run("ip", "-6", "route", "show", "table", "100", inside="pod")) == kept
        assert ("fe80::/64" in node.run("ip", "-6", "route", "show", "dev", "eth0", inside="pod")) == kept


@pytest.mark.parametrize("command", ["rule del from 10.1.0.5", "route flush table 100"])
def test_a_check_finds_what_was_changed_since(twins: tuple[Node, Node], command: str) -> None:
    """Go's CHECK looks at nothing."""
    for node in twins:
        previous = prepared(node, ADDRESS, (DEFAULT,))
        went(node, "ADD", conf("sbr"), previous)
        node.run("ip", *command.split(), inside="pod")
        assert (node.call("CHECK", conf("sbr"), previous=previous).status == 0) == (node is twins[0])


def test_packets_go_by_the_interface_that_has_their_source(twins: tuple[Node, Node]) -> None:
    for node in twins:
        prepared(node, ADDRESS, (DEFAULT,))
        second = veth(node, "10.2.0.5/24", ifname="net1", host="host1")
        away = ("route", "get", "10.99.0.1", "from", "10.2.0.5")
        assert "dev eth0" in node.run("ip", *away, inside="pod")
        went(node, "ADD", conf("sbr"), second, ifname="net1")
        assert "via 10.2.0.1 dev net1 table 100" in node.run("ip", *away, inside="pod")
