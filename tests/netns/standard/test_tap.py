"""The type `tap` beside the CNI project's plugin: the same links, results and refusals, and where ours is right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.alike import goes_again, refused
from tests.netns.standard.twins import comparable
from tests.sizes import spread

if TYPE_CHECKING:
    from tests.netns.standard.twins import Node

    Twins = tuple[Node, Node]

ADDRESSES = [{"address": "10.9.0.5/24", "gateway": "10.9.0.1"}, {"address": "fd00:9::5/64", "gateway": "fd00:9::1"}]
STATIC = {"type": "static", "addresses": ADDRESSES}
V4 = {"type": "static", "addresses": ADDRESSES[:1]}
MAC = "02:11:22:33:44:55"
SERVED: dict[str, dict[str, Any]] = {
    "layer 2": {},
    "addresses": {"ipam": V4},
    "both families": {"ipam": {**STATIC, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}},
    "mtu": {"mtu": 1400, "ipam": V4},
    "mtu above that of Ethernet": {"mtu": 9000},
    "mac": {"mac": MAC},
    "mac of the runtime": {
        "mac": "02:11:22:33:44:66", "capabilities": {"mac": True}, "runtimeConfig": {"mac": MAC},
    },
    "queues": {"multiQueue": True, "ipam": V4},
    "owner": {"owner": 107},
    "owner root": {"owner": 0},
    "group": {"group": 107},
    "owner and group": {"owner": 107, "group": 107, "multiQueue": True},
    "bridge": {"bridge": "inner0"},
    "bridge and address": {"bridge": "inner0", "ipam": V4},
    "dns": {"ipam": V4, "dns": {"nameservers": ["10.9.0.53"]}},
    "0.3.1": {"cniVersion": "0.3.1", "ipam": STATIC},
    "1.1.0": {"cniVersion": "1.1.0", "ipam": STATIC},
}  # fmt: skip
REFUSED: dict[str, dict[str, Any]] = {
    "no such bridge": {"bridge": "inner9"},
    "no bridge but a link": {"bridge": "lo"},
    "mac malformed": {"mac": "nonsense"},
    "mtu negative": {"mtu": -1},
    "mtu above the limit": {"mtu": 65536},
    "owner no number": {"owner": "root"},
    "context of SELinux": {"selinuxContext": "system_u:system_r:container_t:s0"},
    "no address": {"ipam": {"type": "static"}},
}


def conf(said: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "net", "type": "tap", "stateDir": "{state}", **said}


def tap_of(node: Node) -> dict[str, Any]:
    """Return what the kernel says of the tap, with its MAC if that is the one chosen here."""
    (link,) = json.loads(node.run("ip", "-j", "-d", "link", "show", "eth0", inside="pod"))
    data = link["linkinfo"]["info_data"]
    said = {key: data.get(key) for key in ("type", "user", "group", "multi_queue", "persist")}
    return {**said, "mac": link["address"] if link["address"] == MAC else "<mac>"}


def state_of(node: Node) -> dict[str, Any]:
    """Return the state without the local route of an IPv6 address: Go's waits for somebody to open the tap."""
    found = node.state_of()
    found["pod"]["routes"] = [route for route in found["pod"]["routes"] if '"fd00:9::5"' not in route]
    return found


@pytest.fixture(autouse=True)
def bridges(twins: Twins) -> None:
    for node in twins:
        node.run("ip", "link", "add", "inner0", "type", "bridge", inside="pod")
        node.run("ip", "link", "set", "inner0", "up", inside="pod")


@pytest.mark.parametrize("said", spread(SERVED, 3).values(), ids=spread(SERVED, 3))
def test_link_and_result_are_the_same(twins: Twins, said: dict[str, Any]) -> None:
    go, ours = twins
    before = ours.state_of()
    ended = [node.call("ADD", conf(said)) for node in twins]
    assert [one.status for one in ended] == [0, 0], ended
    assert comparable(ended[1].said, ours) == comparable(ended[0].said, go)
    assert state_of(ours) == state_of(go)
    assert tap_of(ours) == tap_of(go)
    goes_again(ours, conf(said), ended[1], before)


@pytest.mark.parametrize("said", REFUSED.values(), ids=REFUSED)
def test_the_same_is_refused_and_nothing_is_left(twins: Twins, said: dict[str, Any]) -> None:
    refused(twins, conf(said))


def test_mac_and_mtu_count_beside_owner_and_group(twins: Twins) -> None:
    said = conf({"mac": MAC, "mtu": 1400, "owner": 107, "group": 107})
    go, ours = (node.call("ADD", said).said["interfaces"][0]["mac"] for node in twins)
    assert ours == MAC
    assert go != MAC
    mtus = [json.loads(node.run("ip", "-j", "link", "show", "eth0", inside="pod"))[0]["mtu"] for node in twins]
    assert mtus == [1500, 1400]


def test_the_mac_of_the_arguments_beats_the_configuration(twins: Twins) -> None:
    for node in twins:
        node.call("ADD", conf({"mac": "02:11:22:33:44:66"}), args=f"IgnoreUnknown=1;MAC={MAC}")
        assert tap_of(node)["mac"] == MAC


def test_the_dns_of_the_ipam_plugin_is_kept(twins: Twins) -> None:
    dns = {"nameservers": ["10.9.0.53"]}
    go, ours = (node.call("ADD", conf({"ipam": {**V4, "dns": dns}})).said for node in twins)
    assert ours["dns"] == dns
    assert not go.get("dns")


def test_a_link_of_the_node_may_have_the_pods_name(twins: Twins) -> None:
    for node in twins:
        node.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0peer")
        assert node.call("ADD", conf({})).status == 0
    assert twins[1].state_of() == twins[0].state_of()


def test_nothing_is_left_where_there_is_no_bridge(twins: Twins) -> None:
    before = [node.state_of() for node in twins]
    assert [node.call("ADD", conf({"bridge": "inner9"})).status for node in twins] == [1, 1]
    assert twins[1].state_of() == before[1]
    assert twins[0].state_of() != before[0]


def test_a_tap_of_the_pods_own_is_left_alone(twins: Twins) -> None:
    ours = twins[1]
    ours.run("ip", "tuntap", "add", "eth0", "mode", "tap", inside="pod")
    before = ours.state_of()
    assert ours.call("ADD", conf({})).status == 1
    assert ours.call("DEL", conf({})).status == 0
    assert ours.state_of() == before


def test_check_sees_that_it_left_the_bridge(twins: Twins) -> None:
    ours = twins[1]
    added = ours.call("ADD", conf({"bridge": "inner0"}))
    ours.run("ip", "link", "set", "eth0", "nomaster", inside="pod")
    ended = ours.call("CHECK", conf({"bridge": "inner0"}), previous=added.said)
    assert ended.status == 1
    assert "master" in ended.said["msg"]


def test_del_needs_no_namespace(twins: Twins) -> None:
    ours = twins[1]
    assert ours.call("ADD", conf({"ipam": V4})).status == 0
    assert ours.call("DEL", conf({"ipam": V4}), netns="").status == 0
    assert ours.call("DEL", conf({"ipam": V4}), netns="/run/netns/nowhere").status == 0
