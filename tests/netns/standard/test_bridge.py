"""`bridge` as the CNI project's plugin of that name does it: the same calls on two nodes, and what came of each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.alike import both, goes_again, refused
from tests.netns.standard.twins import comparable, unlike
from tests.sizes import spread

if TYPE_CHECKING:
    from tests.netns.standard.twins import Node

V4 = {"address": "10.1.2.3/24"}
V6 = {"address": "fd00:1::3/64"}
GIVEN = {**V4, "gateway": "10.1.2.254"}
DEFAULT = {"dst": "0.0.0.0/0"}
PLAIN = {"cniVersion": "1.0.0", "name": "net", "type": "bridge", "stateDir": "{state}"}


def conf(*addresses: dict[str, str], routes: Any = (), **keys: object) -> dict[str, Any]:
    static = {"type": "static", "addresses": list(addresses), "routes": list(routes)}
    return {**PLAIN, **({"ipam": static} if addresses else {}), **keys}


MAC = "02:00:00:00:00:07"
SAME: dict[str, tuple[dict[str, Any], str]] = {
    "no address": (conf(), ""),
    "no address, but a gateway": (conf(isGateway=True, ipMasq=True), ""),
    "an address": (conf(V4), ""),
    "a bridge of another name": (conf(V4, bridge="br7"), ""),
    "isGateway": (conf(V4, isGateway=True), ""),
    "isGateway by the IPAM plugin's gateway": (conf(GIVEN, routes=[DEFAULT], isGateway=True), ""),
    "isDefaultGateway": (conf(V4, isDefaultGateway=True), ""),
    "isDefaultGateway beside a default route": (
        conf(GIVEN, routes=[{**DEFAULT, "gw": "10.1.2.9"}], isDefaultGateway=True),
        "",
    ),
    "both families": (conf(V4, V6, isDefaultGateway=True), ""),
    "IPv6": (conf({**V6, "gateway": "fd00:1::1"}, routes=[{"dst": "::/0"}], isGateway=True), ""),
    "enabledad": (conf({**V6, "gateway": "fd00:1::1"}, isGateway=True, enabledad=True), ""),
    "ipMasq": (conf(V4, isDefaultGateway=True, ipMasq=True, ipMasqBackend="nftables"), ""),
    "mtu": (conf(V4, isGateway=True, mtu=1400), ""),
    "hairpinMode": (conf(V4, isGateway=True, hairpinMode=True), ""),
    "promiscMode": (conf(V4, isGateway=True, promiscMode=True), ""),
    "portIsolation": (conf(V4, portIsolation=True), ""),
    "disableContainerInterface": (conf(disableContainerInterface=True), ""),
    "forceAddress where nothing is in the way": (conf(V4, isGateway=True, forceAddress=True), ""),
    "an old version": ({**conf(V4, isDefaultGateway=True), "cniVersion": "0.3.1"}, ""),
    "1.1.0": ({**conf(V4, isDefaultGateway=True), "cniVersion": "1.1.0"}, ""),
    "a MAC of CNI_ARGS": (conf(V4), f"IgnoreUnknown=1;MAC={MAC}"),
    "a MAC of the runtime": (
        conf(V4, runtimeConfig={"mac": MAC}, args={"cni": {"mac": "02:00:00:00:00:08"}}),
        "IgnoreUnknown=1;MAC=02:00:00:00:00:09",
    ),
    "a MAC of args": (conf(V4, args={"cni": {"mac": MAC}}), "IgnoreUnknown=1;MAC=02:00:00:00:00:09"),
    "DNS": (conf(V4, dns={"nameservers": ["10.1.2.1"]}), ""),
}
REFUSED: dict[str, dict[str, Any]] = {
    "IPAM beside disableContainerInterface": conf(V4, disableContainerInterface=True),
    "hairpin and promiscuous": conf(V4, hairpinMode=True, promiscMode=True),
    "a VLAN too high": conf(V4, vlan=4095),
    "an unknown backend": conf(V4, ipMasq=True, ipMasqBackend="pf"),
    "no bridge": conf(V4, bridge="up0"),
}


@pytest.mark.parametrize("name", spread(SAME, 4))
def test_it_does_what_gos_does(twins: tuple[Node, Node], name: str) -> None:
    document, args = SAME[name]
    go, ours = twins
    before = ours.state_of()
    theirs, mine = both(twins, "ADD", document, args=args)
    assert (theirs.status, mine.status) == (0, 0), (theirs.said, mine.said)
    assert comparable(mine.said, ours) == comparable(theirs.said, go)
    assert unlike(go, ours) == ""
    if "MAC" in name:
        assert {each.said["interfaces"][-1]["mac"] for each in (theirs, mine)} == {MAC}
    goes_again(ours, document, mine, before, args=args)
    assert "podberth" not in ours.run("nft", "list", "ruleset")


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_what_gos_refuses(twins: tuple[Node, Node], name: str) -> None:
    refused(twins, REFUSED[name])


@pytest.mark.parametrize("force", [False, True])
def test_an_address_in_the_way(twins: tuple[Node, Node], *, force: bool) -> None:
    go, ours = twins
    for node in twins:
        node.run("ip", "link", "add", "cni0", "type", "bridge")
        node.run("ip", "address", "add", "10.9.9.9/24", "dev", "cni0")
    before = ours.state_of()
    document = conf(V4, isGateway=True, forceAddress=force)
    theirs, mine = both(twins, "ADD", document)
    assert (theirs.status == 0, mine.status == 0) == (force, force), mine.said
    if force:
        assert unlike(go, ours) == ""
        assert ours.call("DEL", document).status == 0
        after = ours.state_of()
        assert after["node"]["addresses"] == before["node"]["addresses"]
        assert "cni0" in ours.run("ip", "link"), "it is another's, and stays"
    else:
        assert "10.9.9.9/24" in mine.said["msg"]
        assert ours.state_of()["node"]["addresses"] == before["node"]["addresses"]


def _reaches(node: Node, address: str) -> bool:
    return " 0% packet loss" in node.run("ping", "-c1", "-W1", address, inside="pod", check=False)


@pytest.mark.parametrize("isolated", [False, True])
def test_the_same_pods_are_reached(twins: tuple[Node, Node], *, isolated: bool) -> None:
    found = []
    for node in twins:
        for pod, last in (("pod", 3), ("other", 4)):
            document = conf({"address": f"10.1.2.{last}/24"}, isGateway=True, portIsolation=isolated)
            assert node.call("ADD", document, pod=pod, container=pod).status == 0
        found.append([_reaches(node, f"10.1.2.{last}") for last in (1, 4)])
    assert found == [[True, not isolated]] * 2


def test_the_bridge_stays_as_long_as_it_has_ports(twins: tuple[Node, Node]) -> None:
    _, ours = twins
    documents = {pod: conf({"address": f"10.1.2.{last}/24"}, isGateway=True) for pod, last in (("a", 3), ("b", 4))}
    for pod, document in documents.items():
        assert ours.call("ADD", document, pod=pod, container=pod).status == 0
    mac = json.loads(ours.run("ip", "-j", "link", "show", "cni0"))[0]["address"]
    assert ours.call("DEL", documents["a"], pod="a", container="a").status == 0
    assert "10.1.2.1/24" in ours.run("ip", "address", "show", "cni0")
    assert json.loads(ours.run("ip", "-j", "link", "show", "cni0"))[0]["address"] == mac
    assert ours.call("DEL", documents["b"], pod="b", container="b").status == 0
    assert "cni0" not in ours.run("ip", "link")


def test_two_subnets_of_a_family_have_their_gateways_beside_each_other(twins: tuple[Node, Node]) -> None:
    document = conf(V4, {"address": "10.7.7.3/24"}, isGateway=True)
    theirs, mine = both(twins, "ADD", document)
    assert theirs.status, "Go 1.9.1 takes its own first gateway for another's"
    assert mine.status == 0, mine.said
    shown = twins[1].run("ip", "address", "show", "cni0")
    assert "10.1.2.1/24" in shown
    assert "10.7.7.1/24" in shown


def test_a_default_route_of_the_ipam_plugin_is_no_second_one(twins: tuple[Node, Node]) -> None:
    document = conf(V4, routes=[DEFAULT], isDefaultGateway=True)
    _, mine = both(twins, "ADD", document)
    assert mine.status == 0, mine.said
    routes = json.loads(twins[1].run("ip", "-j", "route", inside="pod"))
    assert [route["gateway"] for route in routes if route["dst"] == "default"] == ["10.1.2.1"]
