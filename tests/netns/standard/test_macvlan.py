"""The type `macvlan` beside the CNI project's plugin: the same links, results and refusals, and where ours is right."""

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
ROUTES = [{"dst": "0.0.0.0/0", "gw": "10.9.0.1"}, {"dst": "192.168.0.0/16", "gw": "10.9.0.2"}]
MAC = "02:11:22:33:44:55"
SERVED: dict[str, dict[str, Any]] = {
    "named": {"master": "up0", "ipam": STATIC},
    "layer 2": {"master": "up0"},
    "no ipam type": {"master": "up0", "ipam": {}},
    "private": {"master": "up0", "mode": "private", "ipam": V4},
    "vepa": {"master": "up0", "mode": "vepa", "ipam": V4},
    "passthru": {"master": "up0", "mode": "passthru", "ipam": V4},
    "mode unsaid": {"master": "up0", "mode": "", "ipam": V4},
    "mtu": {"master": "up0", "mtu": 1400, "ipam": V4},
    "mtu of the master": {"master": "up0", "mtu": 1500, "ipam": V4},
    "mtu zero": {"master": "up0", "mtu": 0, "ipam": V4},
    "mac": {"master": "up0", "mac": MAC, "ipam": V4},
    "mac of the runtime": {
        "master": "up0", "mac": "02:11:22:33:44:66", "capabilities": {"mac": True}, "runtimeConfig": {"mac": MAC},
    },
    "broadcasts": {"master": "up0", "bcqueuelen": 100, "ipam": V4},
    "routes": {"master": "up0", "ipam": {**V4, "routes": ROUTES}},
    "route without gateway": {"master": "up0", "ipam": {**V4, "routes": [{"dst": "0.0.0.0/0"}]}},
    "dns": {"master": "up0", "ipam": V4, "dns": {"nameservers": ["10.9.0.53"], "search": ["a.example"]}},
    "0.3.1": {"cniVersion": "0.3.1", "master": "up0", "ipam": STATIC},
    "0.2.0": {"cniVersion": "0.2.0", "master": "up0", "ipam": STATIC},
    "1.1.0": {"cniVersion": "1.1.0", "master": "up0", "ipam": STATIC},
    "unknown key": {"master": "up0", "nonsense": 1, "ipam": V4},
}  # fmt: skip
REFUSED: dict[str, dict[str, Any]] = {
    "no such master": {"master": "up9", "ipam": V4},
    "no default route": {"ipam": V4},
    "mtu too large": {"master": "up0", "mtu": 1501, "ipam": V4},
    "mtu negative": {"master": "up0", "mtu": -1, "ipam": V4},
    "unknown mode": {"master": "up0", "mode": "hairpin", "ipam": V4},
    "mac malformed": {"master": "up0", "mac": "nonsense", "ipam": V4},
    "no address": {"master": "up0", "ipam": {"type": "static"}},
    "no such ipam": {"master": "up0", "ipam": {"type": "nonsense"}},
    "master not in the pod": {"master": "up0", "linkInContainer": True, "ipam": V4},
}


def conf(said: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "net", "type": "macvlan", "stateDir": "{state}", **said}


@pytest.mark.parametrize("said", spread(SERVED, 3).values(), ids=spread(SERVED, 3))
def test_link_and_result_are_the_same(twins: Twins, said: dict[str, Any]) -> None:
    go, ours = twins
    before = ours.state_of()
    ended = [node.call("ADD", conf(said)) for node in twins]
    assert [one.status for one in ended] == [0, 0], ended
    assert comparable(ended[1].said, ours) == comparable(ended[0].said, go)
    assert ours.state_of() == go.state_of()
    if str(said.get("cniVersion", "1.0.0")) >= "0.4.0":
        assert go.call("CHECK", conf(said), previous=ended[0].said).status == 0
    goes_again(ours, conf(said), ended[1], before)


@pytest.mark.parametrize("said", REFUSED.values(), ids=REFUSED)
def test_the_same_is_refused_and_nothing_is_left(twins: Twins, said: dict[str, Any]) -> None:
    refused(twins, conf(said))


def test_the_mac_of_the_arguments_beats_the_configuration(twins: Twins) -> None:
    said = conf({"master": "up0", "mac": "02:11:22:33:44:66", "ipam": V4})
    for node in twins:
        added = node.call("ADD", said, args=f"IgnoreUnknown=1;MAC={MAC}")
        assert added.said["interfaces"][0]["mac"] == MAC


def test_the_master_is_the_link_of_the_default_route(twins: Twins) -> None:
    for node in twins:
        node.run("ip", "address", "add", "10.1.0.2/24", "dev", "up0")
        node.run("ip", "route", "add", "default", "via", "10.1.0.1")
        assert node.call("ADD", conf({"ipam": V4})).status == 0
    assert twins[1].state_of() == twins[0].state_of()


def test_the_route_of_least_metric_decides(twins: Twins) -> None:
    ours = twins[1]
    for name, metric in (("wire0", "200"), ("up0", "100")):
        ours.run("ip", "route", "add", "default", "dev", name, "metric", metric)
    assert ours.call("ADD", conf({"ipam": V4})).status == 0
    (link,) = json.loads(ours.run("ip", "-j", "link", "show", "eth0", inside="pod"))
    assert link["link_index"] == json.loads(ours.run("ip", "-j", "link", "show", "up0"))[0]["ifindex"]


@pytest.mark.parametrize("named", [True, False], ids=["named", "by the default route"])
def test_a_link_of_the_pod_may_be_the_master(twins: Twins, *, named: bool) -> None:
    said = conf({"linkInContainer": True, "ipam": V4, **({"master": "in0"} if named else {})})
    for node in twins:
        for line in ("link add in0 type veth peer name in1", "link set in0 up", "route add default dev in0"):
            node.run("ip", *line.split(), inside="pod")
    before = twins[1].state_of()
    ended = [node.call("ADD", said) for node in twins]
    assert [one.status for one in ended] == [0, 0], ended
    assert comparable(ended[1].said, twins[1]) == comparable(ended[0].said, twins[0])
    assert twins[1].state_of() == twins[0].state_of()
    assert twins[1].call("CHECK", said, previous=ended[1].said).status == 0
    assert twins[1].call("DEL", said).status == 0
    assert twins[1].state_of() == before


def test_a_link_of_the_node_may_have_the_pods_name(twins: Twins) -> None:
    for node in twins:
        node.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0peer")
        assert node.call("ADD", conf({"master": "up0", "ipam": V4})).status == 0
    assert twins[1].state_of() == twins[0].state_of()


def test_the_dns_of_the_ipam_plugin_is_kept(twins: Twins) -> None:
    dns = {"nameservers": ["10.9.0.53"]}
    said = conf({"master": "up0", "ipam": {**V4, "dns": dns}})
    go, ours = (node.call("ADD", said).said for node in twins)
    assert ours["dns"] == dns
    assert not go.get("dns")


def test_nothing_is_left_where_an_address_is_refused(twins: Twins) -> None:
    said = conf({"master": "up0", "ipam": {**V4, "routes": [{"dst": "192.168.0.0/16", "gw": "172.16.0.1"}]}})
    before = [node.state_of() for node in twins]
    assert [node.call("ADD", said).status for node in twins] == [1, 1]
    assert twins[1].state_of() == before[1]
    assert twins[0].state_of() != before[0]


def test_del_needs_neither_master_nor_namespace(twins: Twins) -> None:
    ours = twins[1]
    said = conf({"master": "up0", "ipam": V4})
    assert ours.call("ADD", said).status == 0
    ours.run("ip", "link", "delete", "up0")
    assert ours.call("DEL", said, netns="").status == 0
    assert ours.call("DEL", said, netns="/run/netns/nowhere").status == 0


def test_check_sees_another_mode(twins: Twins) -> None:
    ours = twins[1]
    said = conf({"master": "up0", "ipam": V4})
    added = ours.call("ADD", said)
    ours.run("ip", "link", "set", "eth0", "type", "macvlan", "mode", "private", inside="pod")
    ended = ours.call("CHECK", said, previous=added.said)
    assert ended.status == 1
    assert "mode" in ended.said["msg"]
