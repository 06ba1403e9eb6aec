"""`ptp` as the CNI project's plugin of that name does it: the same calls on two nodes alike, and what came of each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.alike import both, goes_again, refused
from tests.netns.standard.twins import comparable, unlike
from tests.sizes import spread

if TYPE_CHECKING:
    from tests.netns.standard.twins import Node

V4 = {"address": "10.1.2.3/24", "gateway": "10.1.2.1"}
V6 = {"address": "fd00:1::3/64", "gateway": "fd00:1::1"}
DEFAULT = {"dst": "0.0.0.0/0"}
OUTSIDE = "192.0.2.9"


def conf(*addresses: dict[str, str], routes: Any = (), ipam: Any = None, **keys: object) -> dict[str, Any]:
    static: dict[str, Any] = {"type": "static", "addresses": list(addresses), "routes": list(routes)}
    document = {"cniVersion": "1.0.0", "name": "net", "type": "ptp", "ipam": {**static, **(ipam or {})}}
    return {**document, "stateDir": "{state}", **keys}


SAME: dict[str, tuple[dict[str, Any], str]] = {
    "one address": (conf(V4), ""),
    "a default route": (conf(V4, routes=[DEFAULT]), ""),
    "routes by another gateway": (conf(V4, routes=[{"dst": "10.9.0.0/16", "gw": "10.1.2.1"}, DEFAULT]), ""),
    "IPv6": (conf(V6, routes=[{"dst": "::/0"}]), ""),
    "both families": (conf(V4, V6, routes=[DEFAULT, {"dst": "::/0"}]), ""),
    "mtu": (conf(V4, mtu=1400), ""),
    "mtu 0": (conf(V4, mtu=0), ""),
    "an old version": ({**conf(V4, routes=[DEFAULT]), "cniVersion": "0.4.0"}, ""),
    "0.2.0": ({**conf(V4, routes=[DEFAULT]), "cniVersion": "0.2.0"}, ""),
    "1.1.0 with a metric and a table": (
        {**conf(V4, routes=[{"dst": "10.9.0.0/16", "priority": 7}, {**DEFAULT, "table": 100}]), "cniVersion": "1.1.0"},
        "",
    ),
    "DNS of its own": (conf(V4, dns={"nameservers": ["10.1.2.1"], "search": ["a.b"]}), ""),
    "DNS of the IPAM plugin": (conf(V4, ipam={"dns": {"nameservers": ["10.9.9.9"]}}), ""),
    "ipMasq": (conf(V4, routes=[DEFAULT], ipMasq=True), ""),
    "ipMasq by nftables": (conf(V4, V6, routes=[DEFAULT], ipMasq=True, ipMasqBackend="nftables"), ""),
    "a gateway outside of the subnet": (conf({"address": "10.1.2.3/24", "gateway": "10.8.8.8"}), ""),
    "two subnets": (conf(V4, {"address": "10.2.2.3/24", "gateway": "10.2.2.1"}), ""),
    "a small subnet": (conf({"address": "10.1.2.3/31", "gateway": "10.1.2.2"}), ""),
    "an address of CNI_ARGS": (conf(V4), "IgnoreUnknown=1;IP=10.2.2.9/24;GATEWAY=10.2.2.1"),
    "a MAC is not its business": (conf(V4), "IgnoreUnknown=1;MAC=02:00:00:00:00:07"),
}
REFUSED: dict[str, dict[str, Any]] = {
    "no IPAM plugin": {"cniVersion": "1.0.0", "name": "net", "type": "ptp", "stateDir": "{state}"},
    "no address": conf(),
    "no gateway": conf({"address": "10.1.2.3/24"}),
    "an unknown backend": conf(V4, ipMasq=True, ipMasqBackend="pf"),
    "a number as text": conf(V4, mtu="big"),
    "an MTU of the moon": conf(V4, mtu=1 << 20),
}


@pytest.mark.parametrize("name", spread(SAME, 3))
def test_it_does_what_gos_does(twins: tuple[Node, Node], name: str) -> None:
    document, args = SAME[name]
    go, ours = twins
    before = ours.state_of()
    theirs, mine = both(twins, "ADD", document, args=args)
    assert (theirs.status, mine.status) == (0, 0), (theirs.said, mine.said)
    assert comparable(mine.said, ours) == comparable(theirs.said, go)
    assert unlike(go, ours) == ""
    goes_again(ours, document, mine, before, args=args)
    assert "podberth" not in ours.run("nft", "list", "ruleset")


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_what_gos_refuses(twins: tuple[Node, Node], name: str) -> None:
    refused(twins, REFUSED[name])


def _outside(node: Node) -> None:
    """Give the node a host outside, that knows no way to its pods."""
    name = node.pod("outside")
    node.run("ip", "link", "set", "wire0", "netns", name)
    for inside, link, last in (("", "up0", 1), ("outside", "wire0", 9)):
        node.run("ip", "address", "add", f"192.0.2.{last}/24", "dev", link, inside=inside)
        node.run("ip", "link", "set", link, "up", inside=inside)


def _reaches(node: Node, address: str, inside: str = "pod") -> bool:
    said = node.run("ping", "-c1", "-W2", address, inside=inside, check=False)
    return " 0% packet loss" in said


@pytest.mark.parametrize("masquerades", [True, False])
def test_the_same_hosts_are_reached(twins: tuple[Node, Node], *, masquerades: bool) -> None:
    found = []
    for node in twins:
        _outside(node)
        document = conf(V4, routes=[DEFAULT], ipMasq=masquerades)
        assert node.call("ADD", document).status == 0
        other = conf({"address": "10.1.2.4/24", "gateway": "10.1.2.1"}, routes=[DEFAULT], ipMasq=masquerades)
        assert node.call("ADD", other, pod="other", container="cafe").status == 0
        targets = ("10.1.2.1", "10.1.2.4", OUTSIDE, "192.0.2.1")
        found.append({target: _reaches(node, target) for target in targets})
    assert found[0] == found[1]
    assert found[1] == {"10.1.2.1": True, "10.1.2.4": True, OUTSIDE: masquerades, "192.0.2.1": True}


def test_two_addresses_of_one_gateway_are_no_error(twins: tuple[Node, Node]) -> None:
    _, ours = twins
    document = conf(V4, {"address": "10.1.2.4/24", "gateway": "10.1.2.1"}, routes=[DEFAULT])
    theirs, mine = both(twins, "ADD", document)
    assert theirs.status, "Go 1.9.1 gives the node's end the gateway's address twice"
    assert mine.status == 0, mine.said
    assert _reaches(ours, "10.1.2.3", inside="")  # from the node to either
    assert _reaches(ours, "10.1.2.4", inside="")
    assert ours.call("CHECK", document, previous=mine.said).status == 0
    assert ours.call("DEL", document).status == 0


def test_an_address_alone_is_by_its_gateway(twins: tuple[Node, Node]) -> None:
    _, ours = twins
    document = conf({"address": "10.1.2.3/32", "gateway": "169.254.1.1"}, routes=[DEFAULT])
    theirs, mine = both(twins, "ADD", document)
    assert theirs.status, "Go 1.9.1 takes away a route that the kernel does not make"
    assert mine.status == 0, mine.said
    routes = json.loads(ours.run("ip", "-j", "route", inside="pod"))
    assert [(route["dst"], route.get("gateway")) for route in routes] == [
        ("default", "169.254.1.1"),
        ("169.254.1.1", None),
    ]
    assert _reaches(ours, "169.254.1.1")


def test_masquerading_ends_when_the_namespace_is_gone(twins: tuple[Node, Node]) -> None:
    _, ours = twins
    document = conf(V4, routes=[DEFAULT], ipMasq=True)
    assert ours.call("ADD", document).status == 0
    assert "10.1.2.3" in ours.run("nft", "list", "ruleset")
    assert ours.call("DEL", document, netns="").status == 0
    assert "podberth" not in ours.run("nft", "list", "ruleset")
    assert not json.loads(ours.run("ip", "-j", "link", "show", "type", "veth"))[2:]  # but for up0 and wire0


def test_check_sees_that_the_route_to_the_pod_is_gone(twins: tuple[Node, Node]) -> None:
    _, ours = twins
    document = conf(V4)
    made = ours.call("ADD", document)
    ours.run("ip", "route", "delete", "10.1.2.3")
    checked = ours.call("CHECK", document, previous=made.said)
    assert checked.status
    assert "10.1.2.3/32" in checked.said["msg"]
