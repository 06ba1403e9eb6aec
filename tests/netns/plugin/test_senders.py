"""A pod that forges senders: none of it gets anywhere, and what is its own does. By real frames."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.kubelet import Kubelet, kubelet
from tests.netns.plugin import forging as forge
from tests.sizes import evenly, size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.netns.kubelet import Pod

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: dual}
spec:
  subnets:
  - {subnet: 10.60.0.0/24, gateway: 10.60.0.1}
  - {subnet: "fd00:60::/64", gateway: "fd00:60::1"}
  antiSpoofing: true
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec:
  statefulSet: {name: mysql, replicas: 3}
  attachments:
  - {pool: dual, ordinals: [{range: 10.60.0.11-10.60.0.13}, {range: "fd00:60::11-fd00:60::13"}], mac: fromAddress}
"""
BRIDGE: dict[str, Any] = {"pool": "dual"}
MACVLAN: dict[str, Any] = {"pool": "dual", "device": "macvlan", "parent": "up0", "bridge": None}
KINDS = {"bridge": BRIDGE, "macvlan": MACVLAN}
PLACES = size(5, 1000)  # at which a call is killed
MAC, OTHER = "02:50:0a:3c:00:0b", "02:50:0a:3c:00:0c"
OWN4, OTHERS4, GATEWAY4 = "10.60.0.11", "10.60.0.12", "10.60.0.1"
OWN6, OTHERS6 = "fd00:60::11", "fd00:60::12"
OWN_LINK, OTHERS_LINK = "fe80::50:aff:fe3c:b", "fe80::50:aff:fe3c:c"


def solicit(target: str, option: bytes = b"") -> bytes:
    """Return a neighbour solicitation."""
    return forge.neighbour(135, target, option)


def advertise(target: str, option: bytes = b"") -> bytes:
    """Return a neighbour advertisement."""
    return forge.neighbour(136, target, option)


MLD = bytes.fromhex("8f00 0000 0000 0000")
ROUTER = bytes.fromhex("8600 0000 4000 0708 0000 0000 0000 0000")
HOP_BY_HOP = bytes.fromhex("3a00 0104 0000 0000")
TOLD, TARGETS = forge.mac_option(1, MAC), forge.mac_option(2, MAC)

HONEST = {
    "a datagram": forge.ipv4(MAC, OWN4, "10.60.0.200"),
    "ARP that asks": forge.arp(MAC, OWN4, GATEWAY4),
    "ARP that answers": forge.arp(MAC, OWN4, GATEWAY4, reply=True),
    "an ARP probe for its own": forge.arp(MAC, "0.0.0.0", OWN4),
    "IPv6": forge.ipv6(MAC, OWN6, "ff02::1"),
    "IPv6 from its link-local": forge.ipv6(MAC, OWN_LINK, "ff02::1"),
    "a solicitation": forge.icmpv6(MAC, OWN6, solicit("fd00:60::1", TOLD)),
    "a solicitation from its link-local": forge.icmpv6(MAC, OWN_LINK, solicit("fd00:60::1", TOLD)),
    "a solicitation without an option": forge.icmpv6(MAC, OWN6, solicit("fd00:60::1")),
    "an advertisement": forge.icmpv6(MAC, OWN6, advertise(OWN6, TARGETS)),
    "an advertisement of its link-local": forge.icmpv6(MAC, OWN_LINK, advertise(OWN_LINK)),
    "DAD of its own": forge.icmpv6(MAC, "::", solicit(OWN6, bytes.fromhex("0e01 010203040506"))),
    "DAD of its link-local": forge.icmpv6(MAC, "::", solicit(OWN_LINK)),
    "MLD without an address": forge.icmpv6(MAC, "::", MLD),
    "MLD behind a router alert": forge.icmpv6(MAC, OWN_LINK, MLD, extensions=bytes.fromhex("3a00 0502 0000 0100")),
}
FORGED = {
    "another MAC": forge.ipv4(OTHER, OWN4, "10.60.0.200"),
    "another MAC in ARP": forge.arp(OTHER, OWN4, GATEWAY4),
    "another's IPv4": forge.ipv4(MAC, OTHERS4, "10.60.0.200"),
    "the gateway's IPv4": forge.ipv4(MAC, GATEWAY4, "10.60.0.200"),
    "no IPv4, as DHCP": forge.ipv4(MAC, "0.0.0.0", "255.255.255.255"),
    "another's IPv4 in ARP": forge.arp(MAC, OTHERS4, GATEWAY4),
    "an ARP reply for the gateway": forge.arp(MAC, GATEWAY4, OTHERS4, reply=True),
    "ARP with another MAC inside": forge.arp(MAC, OWN4, GATEWAY4, inner=OTHER),
    "an ARP probe for another's": forge.arp(MAC, "0.0.0.0", OTHERS4),
    "another's IPv6": forge.ipv6(MAC, OTHERS6, "ff02::1"),
    "another's link-local": forge.ipv6(MAC, OTHERS_LINK, "ff02::1"),
    "no IPv6": forge.ipv6(MAC, "::", "ff02::1"),
    "an advertisement for another": forge.icmpv6(MAC, OWN6, advertise(OTHERS6, TARGETS)),
    "an advertisement from another": forge.icmpv6(MAC, OTHERS6, advertise(OTHERS6, TARGETS)),
    "an advertisement with another MAC": forge.icmpv6(MAC, OWN6, advertise(OWN6, forge.mac_option(2, OTHER))),
    "an advertisement with two options": forge.icmpv6(
        MAC, OWN6, advertise(OWN6, bytes.fromhex("0e01 010203040506") + forge.mac_option(2, OTHER))
    ),
    "an advertisement behind a header": forge.icmpv6(
        MAC, OWN6, advertise(OTHERS6, forge.mac_option(2, MAC)), extensions=HOP_BY_HOP
    ),
    "a solicitation with another MAC": forge.icmpv6(MAC, OWN6, solicit("fd00:60::1", forge.mac_option(1, OTHER))),
    "DAD of another's": forge.icmpv6(MAC, "::", solicit(OTHERS6)),
    "a router's advertisement": forge.icmpv6(MAC, OWN_LINK, ROUTER),
    "a redirect": forge.icmpv6(MAC, OWN_LINK, bytes.fromhex("8900") + bytes(38)),
    "a frame of another protocol": forge.frame(MAC, 0x88CC, bytes(46)),
    "RARP": forge.frame(MAC, 0x8035, bytes(46)),
}  # fmt: skip


@contextlib.contextmanager
def node_with_an_uplink(folder: Path) -> Iterator[Kubelet]:
    with kubelet(folder / "state", DOCUMENTS) as made:
        made.inside(made.node, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
        for name in ("up0", "up1"):
            made.inside(made.node, "ip", "link", "set", name, "up")
        yield made


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Kubelet]:
    with node_with_an_uplink(tmp_path) as made:
        yield made


def added(node: Kubelet, name: str, network: dict[str, Any]) -> Pod:
    pod = node.pod(name)
    answer = node.call("ADD", pod, **network)
    assert answer.code == 0, answer
    return pod


@pytest.fixture(scope="module", params=KINDS)
def pod(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pod, str, str]]:
    """A pod on a device of each kind, with the namespace and the link where its frames come out."""
    with node_with_an_uplink(tmp_path_factory.mktemp("node")) as node:
        made = added(node, "mysql-0", KINDS[request.param])
        if request.param == "macvlan":
            yield made, node.node, "up1"
        else:
            yield made, added(node, "mysql-2", KINDS[request.param]).netns, "eth0"


@pytest.mark.parametrize("what", HONEST)
def test_what_is_its_own_gets_there(pod: tuple[Pod, str, str], what: str) -> None:
    sender, namespace, link = pod
    with forge.wire(namespace, link) as listener:
        forge.send(sender.netns, "eth0", HONEST[what])
        assert forge.heard(listener, HONEST[what])


@pytest.mark.parametrize("what", FORGED)
def test_what_is_forged_is_heard_by_nobody(pod: tuple[Pod, str, str], what: str) -> None:
    sender, namespace, link = pod
    with forge.wire(namespace, link) as listener:
        forge.send(sender.netns, "eth0", FORGED[what], HONEST["a datagram"])
        came = forge.heard(listener, HONEST["a datagram"])
        assert came
        assert not [one for one in came if one.startswith(FORGED[what])]


def test_a_macvlan_whose_pod_takes_its_own_rules_away_is_still_held_at_the_parent(whole: Kubelet) -> None:
    sender = added(whole, "mysql-0", MACVLAN)
    whole.inside(sender.netns, "nft", "flush", "ruleset")
    with forge.wire(whole.node, "up1") as listener:
        forged = [FORGED[what] for what in FORGED if not what.startswith("another MAC")]
        forge.send(sender.netns, "eth0", *forged, HONEST["a datagram"])
        came = forge.heard(listener, HONEST["a datagram"])
        assert came
        assert not [one for one in came if one.startswith(tuple(forged))]
    assert whole.call("DEL", sender, **MACVLAN).code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_honest_pods_reach_each_other_and_the_router(whole: Kubelet, kind: str) -> None:
    network = KINDS[kind]
    first, _, third = pods = [whole.pod(f"mysql-{n}") for n in range(3)]
    whole.remember()
    for pod in pods:
        assert whole.call("ADD", pod, **network).code == 0
    for address in (OTHERS4, OTHERS6, "10.60.0.13", "fd00:60::13"):
        assert whole.reaches(first, address), address
    assert whole.reaches(third, OWN4)
    assert whole.reaches(third, OWN6)
    for pod in pods:
        assert whole.call("DEL", pod, **network).code == 0
    assert whole.left_behind() == []


def test_a_pod_that_gives_itself_another_address_or_mac_is_heard_no_more(whole: Kubelet) -> None:
    first, second = (added(whole, f"mysql-{n}", BRIDGE) for n in range(2))
    whole.inside(first.netns, "ip", "address", "add", "10.60.0.77/24", "dev", "eth0")
    forged = ["ping", "-c", "1", "-W", "1", "-q", "-I", "10.60.0.77", OTHERS4]
    assert whole.reaches(first, OTHERS4)
    with pytest.raises(AssertionError):
        whole.inside(first.netns, *forged)
    whole.inside(first.netns, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:66")
    assert whole.cut_off(first, OTHERS4)
    for pod in (first, second):
        assert whole.call("DEL", pod, **BRIDGE).code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_rules_that_somebody_takes_away_are_found_and_put_back(whole: Kubelet, kind: str) -> None:
    network = KINDS[kind]
    sender = added(whole, "mysql-0", network)
    result = {"cniVersion": "1.1.0", "ips": [{"address": f"{OWN4}/24"}, {"address": f"{OWN6}/64"}]}
    assert whole.call("CHECK", sender, **network, prevResult=result).code == 0
    whole.inside(whole.node, "nft", "flush", "table", "netdev", "podberth-senders")
    drifted = whole.call("CHECK", sender, **network, prevResult=result)
    assert drifted.result["code"] == 105
    assert "rules in ps" in drifted.result["msg"]
    whole.podberth("check", "--repair")
    assert whole.call("CHECK", sender, **network, prevResult=result).code == 0
    whole.inside(whole.node, "nft", "delete", "table", "netdev", "podberth-senders")
    assert whole.call("CHECK", sender, **network, prevResult=result).result["code"] == 105
    whole.podberth("check", "--repair")
    assert whole.call("DEL", sender, **network).code == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verb", ["ADD", "DEL"])
def test_nothing_is_left_of_a_call_that_was_killed(whole: Kubelet, kind: str, verb: str) -> None:
    network = KINDS[kind]
    pod = whole.pod("mysql-0")
    whole.remember()
    if verb == "DEL":
        assert whole.call("ADD", pod, **network).code == 0
    effects = whole.call(verb, pod, tripwire="", **network).effects
    assert whole.call("DEL", pod, **network).code == 0
    assert whole.left_behind() == []
    pins = [index for index, effect in enumerate(effects) if "PinSender" in effect]
    assert pins
    for index in sorted({*pins, *evenly(range(len(effects)), PLACES)}):
        if verb == "DEL":
            assert whole.call("ADD", pod, **network).code == 0
        assert whole.call(verb, pod, tripwire=f"{index}:after:kill", **network).code != 0
        assert whole.call("DEL", pod, **network).code == 0
        assert whole.left_behind() == [], f"after {effects[index]}"


def test_one_pods_rules_stay_when_another_goes_and_the_table_goes_with_the_last(whole: Kubelet) -> None:
    first, second = (added(whole, f"mysql-{n}", BRIDGE) for n in range(2))
    before = whole.inside(whole.node, "nft", "list", "table", "netdev", "podberth-senders").count("type filter hook")
    assert before == 2
    assert whole.call("DEL", first, **BRIDGE).code == 0
    assert whole.inside(whole.node, "nft", "list", "table", "netdev", "podberth-senders").count("type filter hook") == 1
    assert whole.call("DEL", second, **BRIDGE).code == 0
    assert "podberth-senders" not in whole.inside(whole.node, "nft", "list", "tables")
