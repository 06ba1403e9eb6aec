"""The types `vlan` and `ipvlan` beside the CNI project's plugins: the same links, results and refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.conftest import twins  # noqa: F401 - the fixture
from tests.netns.standard.twins import comparable
from tests.sizes import size

if TYPE_CHECKING:
    from tests.netns.standard.twins import Node

    Twins = tuple[Node, Node]

ADDRESSES = [{"address": "10.9.0.5/24", "gateway": "10.9.0.1"}, {"address": "fd00:9::5/64", "gateway": "fd00:9::1"}]
BOTH = {"type": "static", "addresses": ADDRESSES, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}
V4 = {"type": "static", "addresses": ADDRESSES[:1]}
DNS = {"nameservers": ["10.9.0.53"]}
SERVED: dict[str, dict[str, Any]] = {
    "vlan": {"type": "vlan", "master": "up0", "vlanId": 100, "ipam": V4},
    "vlan, both families": {"type": "vlan", "master": "up0", "vlanId": 4094, "ipam": BOTH},
    "vlan of priorities": {"type": "vlan", "master": "up0", "ipam": V4},
    "vlan, mtu": {"type": "vlan", "master": "up0", "vlanId": 100, "mtu": 1400, "ipam": V4},
    "vlan, dns": {"type": "vlan", "master": "up0", "vlanId": 100, "ipam": V4, "dns": DNS},
    "vlan, 0.3.1": {"type": "vlan", "cniVersion": "0.3.1", "master": "up0", "vlanId": 100, "ipam": V4},
    "vlan of the pod": {"type": "vlan", "master": "in0", "linkInContainer": True, "vlanId": 100, "ipam": V4},
    "ipvlan": {"type": "ipvlan", "master": "up0", "ipam": V4},
    "ipvlan, both families": {"type": "ipvlan", "master": "up0", "ipam": BOTH},
    "ipvlan l3": {"type": "ipvlan", "master": "up0", "mode": "l3", "ipam": BOTH},
    "ipvlan l3s": {"type": "ipvlan", "master": "up0", "mode": "l3s", "ipam": V4},
    "ipvlan, mtu": {"type": "ipvlan", "master": "up0", "mtu": 1400, "ipam": V4},
    "ipvlan, dns": {"type": "ipvlan", "master": "up0", "ipam": V4, "dns": DNS},
    "ipvlan by the default route": {"type": "ipvlan", "ipam": V4},
    "ipvlan of the pod": {"type": "ipvlan", "master": "in0", "linkInContainer": True, "ipam": V4},
}
REFUSED: dict[str, dict[str, Any]] = {
    "vlan without a master": {"type": "vlan", "vlanId": 100, "ipam": V4},
    "vlan, no such master": {"type": "vlan", "master": "up9", "vlanId": 100, "ipam": V4},
    "vlan out of range": {"type": "vlan", "master": "up0", "vlanId": 4095, "ipam": V4},
    "vlan, mtu too large": {"type": "vlan", "master": "up0", "vlanId": 100, "mtu": 1501, "ipam": V4},
    "ipvlan, no such master": {"type": "ipvlan", "master": "up9", "ipam": V4},
    "ipvlan, unknown mode": {"type": "ipvlan", "master": "up0", "mode": "bridge", "ipam": V4},
    "ipvlan, no address": {"type": "ipvlan", "master": "up0", "ipam": {"type": "static"}},
}


def served() -> dict[str, dict[str, Any]]:
    """Return one of them; in a soak all, each of which takes the emulated machine a while."""
    return SERVED if size(0, 1) else {name: SERVED[name] for name in ("vlan, both families",)}


def conf(said: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "net", "stateDir": "{state}", **said}


@pytest.fixture(autouse=True)
def more_links(twins: Twins) -> None:  # noqa: F811
    for node in twins:
        for line in ("link add in0 type veth peer name in1", "link set in0 up", "link set in1 up"):
            node.run("ip", *line.split(), inside="pod")
        node.run("ip", "address", "add", "10.1.0.2/24", "dev", "up0")
        node.run("ip", "route", "add", "default", "via", "10.1.0.1")


@pytest.mark.parametrize("said", served().values(), ids=served())
def test_link_and_result_are_the_same(twins: Twins, said: dict[str, Any]) -> None:  # noqa: F811
    go, ours = twins
    before = ours.state_of()
    ended = [node.call("ADD", conf(said)) for node in twins]
    assert [one.status for one in ended] == [0, 0], ended
    assert comparable(ended[1].said, ours) == comparable(ended[0].said, go)
    assert ours.state_of() == go.state_of()
    if "cniVersion" not in said:
        assert ours.call("CHECK", conf(said), previous=ended[1].said).status == 0
    for _ in range(2):
        assert ours.call("DEL", conf(said)).status == 0
    assert ours.state_of() == before


if size(0, 1):

    @pytest.mark.parametrize("said", REFUSED.values(), ids=REFUSED)
    def test_the_same_is_refused_and_nothing_is_left(twins: Twins, said: dict[str, Any]) -> None:
        before = twins[1].state_of()
        ended = [node.call("ADD", conf(said)) for node in twins]
        assert [one.status for one in ended] == [1, 1], ended
        assert twins[1].state_of() == before

    @pytest.mark.parametrize("said", [{"type": "vlan", "vlanId": 100, "master": "up0"}, {"type": "ipvlan"}])
    def test_del_needs_no_master(twins: Twins, said: dict[str, Any]) -> None:
        said = conf({**said, "ipam": V4})
        for node in twins:
            assert node.call("ADD", said).status == 0
            node.run("ip", "link", "delete", "up0")
        assert [node.call("DEL", said).status for node in twins] == [1, 0]

    def test_a_vlan_may_be_without_addresses(twins: Twins) -> None:
        go, ours = (node.call("ADD", conf({"type": "vlan", "master": "up0", "vlanId": 100})) for node in twins)
        assert (go.status, ours.status) == (1, 0)

    def test_an_ipvlan_behind_another_plugin_takes_over_its_link_and_addresses(twins: Twins) -> None:
        previous = {
            "cniVersion": "1.0.0",
            "interfaces": [{"name": "up0"}],
            "ips": [{"address": "10.9.0.5/24", "gateway": "10.9.0.1", "interface": 0}],
            "routes": [{"dst": "192.168.0.0/16", "gw": "10.9.0.2"}],
        }
        go, ours = (node.call("ADD", conf({"type": "ipvlan"}), previous=previous) for node in twins)
        assert (go.status, ours.status) == (0, 0), (go, ours)
        assert twins[1].state_of() == twins[0].state_of()
        assert ours.said["ips"] == [{**go.said["ips"][0], "interface": 1}]
        assert [link["name"] for link in ours.said["interfaces"]] == ["up0", "eth0"]
        assert [link["name"] for link in go.said["interfaces"]] == ["eth0"]
        assert json.dumps(ours.said["routes"]) == json.dumps(go.said["routes"])
