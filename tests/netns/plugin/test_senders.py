"""A pod that forges senders: none of it gets anywhere, and what is its own does. By real frames."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.agent.running import agent, ended
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
ME = forge.Sender(mac="02:50:0a:3c:00:0b", ipv4="10.60.0.11", ipv6="fd00:60::11", link="fe80::50:aff:fe3c:b")
OTHER = forge.Sender(mac="02:50:0a:3c:00:0c", ipv4="10.60.0.12", ipv6="fd00:60::12", link="fe80::50:aff:fe3c:c")
HONEST, FORGED = forge.honest(ME), forge.forged(ME, OTHER)


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


@pytest.mark.parametrize("protocol", [0x8100, 0x88A8])
def test_a_frame_of_its_own_with_a_vlan_tag_is_heard_by_nobody(pod: tuple[Pod, str, str], protocol: int) -> None:
    sender, namespace, link = pod
    own = forge.ipv4(ME.mac, ME.ipv4, "10.60.0.201")
    forms = own, forge.tagged(own, 7, protocol)
    with forge.wire(namespace, link) as listener:
        forge.send(sender.netns, "eth0", forms[1], HONEST["a datagram"])
        came = forge.heard(listener, HONEST["a datagram"])
        assert came
        assert not [one for one in came if one.startswith(forms)]


@pytest.mark.parametrize("parent", ["up0", "enp3s0"])
def test_a_macvlan_whose_pod_takes_its_own_rules_away_is_still_held_at_the_parent(whole: Kubelet, parent: str) -> None:
    whole.inside(whole.node, "ip", "link", "property", "add", "dev", "up0", "altname", "enp3s0")
    network = {**MACVLAN, "parent": parent}
    sender = added(whole, "mysql-0", network)
    whole.inside(sender.netns, "nft", "flush", "ruleset")
    with forge.wire(whole.node, "up1") as listener:
        forged = [FORGED[what] for what in FORGED if not what.startswith("another MAC")]
        forge.send(sender.netns, "eth0", *forged, HONEST["a datagram"])
        came = forge.heard(listener, HONEST["a datagram"])
        assert came
        assert not [one for one in came if one.startswith(tuple(forged))]
    assert whole.call("DEL", sender, **network).code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_honest_pods_reach_each_other_and_the_router(whole: Kubelet, kind: str) -> None:
    network = KINDS[kind]
    first, _, third = pods = [whole.pod(f"mysql-{n}") for n in range(3)]
    whole.remember()
    for pod in pods:
        assert whole.call("ADD", pod, **network).code == 0
    for address in (OTHER.ipv4, OTHER.ipv6, "10.60.0.13", "fd00:60::13"):
        assert whole.reaches(first, address), address
    assert whole.reaches(third, ME.ipv4)
    assert whole.reaches(third, ME.ipv6)
    for pod in pods:
        assert whole.call("DEL", pod, **network).code == 0
    assert whole.left_behind() == []


def test_a_pod_that_gives_itself_another_address_or_mac_is_heard_no_more(whole: Kubelet) -> None:
    first, second = (added(whole, f"mysql-{n}", BRIDGE) for n in range(2))
    whole.inside(first.netns, "ip", "address", "add", "10.60.0.77/24", "dev", "eth0")
    forged = ["ping", "-c", "1", "-W", "1", "-q", "-I", "10.60.0.77", OTHER.ipv4]
    assert whole.reaches(first, OTHER.ipv4)
    with pytest.raises(AssertionError):
        whole.inside(first.netns, *forged)
    whole.inside(first.netns, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:66")
    assert whole.cut_off(first, OTHER.ipv4)
    for pod in (first, second):
        assert whole.call("DEL", pod, **BRIDGE).code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_rules_that_somebody_takes_away_are_found_and_put_back(whole: Kubelet, kind: str) -> None:
    network = KINDS[kind]
    sender = added(whole, "mysql-0", network)
    result = {"cniVersion": "1.1.0", "ips": [{"address": f"{ME.ipv4}/24"}, {"address": f"{ME.ipv6}/64"}]}
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


@pytest.mark.parametrize("kind", KINDS)
def test_an_agent_that_ends_a_del_later_leaves_no_rule(whole: Kubelet, kind: str) -> None:
    pods = [whole.pod(f"mysql-{n}") for n in range(2)]
    whole.remember()
    with agent(whole):
        for pod in pods:
            assert whole.call("ADD", pod, **KINDS[kind]).code == 0
        assert whole.reaches(pods[0], OTHER.ipv4)
        for pod in pods:
            assert whole.call("DEL", pod, **KINDS[kind]).code == 0
        assert all(ended(whole, pod) for pod in pods)
        assert whole.left_behind() == []


def test_one_pods_rules_stay_when_another_goes_and_the_table_goes_with_the_last(whole: Kubelet) -> None:
    first, second = (added(whole, f"mysql-{n}", BRIDGE) for n in range(2))
    before = whole.inside(whole.node, "nft", "list", "table", "netdev", "podberth-senders").count("type filter hook")
    assert before == 2
    assert whole.call("DEL", first, **BRIDGE).code == 0
    assert whole.inside(whole.node, "nft", "list", "table", "netdev", "podberth-senders").count("type filter hook") == 1
    assert whole.call("DEL", second, **BRIDGE).code == 0
    assert "podberth-senders" not in whole.inside(whole.node, "nft", "list", "tables")
