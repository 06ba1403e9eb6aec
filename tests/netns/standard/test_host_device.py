"""The type `host-device` beside the CNI project's plugin: the same links and results, and given back as they were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.alike import goes_again, refused
from tests.netns.standard.twins import comparable

if TYPE_CHECKING:
    from tests.netns.standard.twins import Node

    Twins = tuple[Node, Node]

ADDRESSES = [{"address": "10.9.0.5/24", "gateway": "10.9.0.1"}, {"address": "fd00:9::5/64", "gateway": "fd00:9::1"}]
STATIC = {"type": "static", "addresses": ADDRESSES}
V4 = {"type": "static", "addresses": ADDRESSES[:1]}
MAC = "02:11:22:33:44:55"
SERVED: dict[str, dict[str, Any]] = {
    "layer 2": {"device": "up0"},
    "addresses": {"device": "up0", "ipam": V4},
    "both families": {"device": "up0", "ipam": {**STATIC, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}},
    "by its MAC": {"hwaddr": MAC, "ipam": V4},
    "by its MAC in capitals": {"hwaddr": "02-11-22-33-44-55".upper()},
    "name before MAC": {"device": "up0", "hwaddr": "02:11:22:33:44:99"},
    "dns": {"device": "up0", "ipam": V4, "dns": {"nameservers": ["10.9.0.53"]}},
    "0.3.1": {"cniVersion": "0.3.1", "device": "up0", "ipam": STATIC},
    "1.1.0": {"cniVersion": "1.1.0", "device": "up0", "ipam": STATIC},
}
REFUSED: dict[str, dict[str, Any]] = {
    "nothing is said": {},
    "no such link": {"device": "up9"},
    "no such MAC": {"hwaddr": "02:11:22:33:44:99"},
    "MAC malformed": {"hwaddr": "nonsense"},
    "path elsewhere": {"kernelpath": "/sys/class/net/up0"},
    "path of none": {"kernelpath": "/sys/devices/nowhere"},
    "no such PCI device": {"pciBusID": "0000:99:00.0"},
    "no such device of the runtime": {"device": "up0", "runtimeConfig": {"deviceID": "0000:99:00.0"}},
    "a link that stays": {"device": "lo"},
    "no address": {"device": "up0", "ipam": {"type": "static"}},
}


def conf(said: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "net", "type": "host-device", "stateDir": "{state}", **said}


def link_of(node: Node, name: str, *, inside: str = "") -> dict[str, Any]:
    (link,) = json.loads(node.run("ip", "-j", "link", "show", name, inside=inside))
    return {key: link.get(key) for key in ("address", "mtu", "txqlen", "ifalias", "altnames")} | {
        "up": "UP" in link["flags"]
    }


@pytest.fixture(autouse=True)
def device(twins: Twins) -> None:
    for node in twins:
        node.run("ip", "link", "set", "up0", "address", MAC)


@pytest.mark.parametrize("said", SERVED.values(), ids=SERVED)
def test_link_and_result_are_the_same(twins: Twins, said: dict[str, Any]) -> None:
    go, ours = twins
    before = ours.state_of()
    ended = [node.call("ADD", conf(said)) for node in twins]
    assert [one.status for one in ended] == [0, 0], ended
    assert comparable(ended[1].said, ours) == comparable(ended[0].said, go)
    assert ended[1].said["interfaces"][0]["mac"] == MAC
    assert ours.state_of() == go.state_of()
    assert link_of(ours, "eth0", inside="pod") == link_of(go, "eth0", inside="pod")
    goes_again(ours, conf(said), ended[1], before)


@pytest.mark.parametrize("said", REFUSED.values(), ids=REFUSED)
def test_the_same_is_refused_and_the_node_keeps_its_link(twins: Twins, said: dict[str, Any]) -> None:
    refused(twins, conf(said))


def test_it_comes_back_as_it_was_found(twins: Twins) -> None:
    ours = twins[1]
    for line in (
        "link set up0 mtu 1400 txqueuelen 77 alias uplink", "link property add dev up0 altname uplink0",
        "address add 10.1.0.2/24 dev up0", "link set up0 allmulticast on",
    ):  # fmt: skip
        ours.run("ip", *line.split())
    before, link = ours.state_of(), link_of(ours, "up0")
    assert ours.call("ADD", conf({"device": "up0", "ipam": V4})).status == 0
    for line in (
        "link set eth0 mtu 1300 txqueuelen 5 alias mine promisc on address 02:11:22:33:44:77",
        "link property add dev eth0 altname mine0", "address add 192.0.2.1/24 dev eth0",
    ):  # fmt: skip
        ours.run("ip", *line.split(), inside="pod")
    assert ours.call("DEL", conf({"device": "up0", "ipam": V4})).status == 0
    assert ours.state_of() == before
    assert link_of(ours, "up0") == link


def test_a_port_of_a_bridge_is_its_port_again(twins: Twins) -> None:
    ours = twins[1]
    ours.run("ip", "link", "add", "ports0", "type", "bridge")
    ours.run("ip", "link", "set", "up0", "master", "ports0")
    before = ours.state_of()
    assert ours.call("ADD", conf({"device": "up0"})).status == 0
    assert ours.call("DEL", conf({"device": "up0"})).status == 0
    assert ours.state_of() == before


def test_a_link_that_may_not_go_keeps_its_state(twins: Twins) -> None:
    ours = twins[1]
    for line in ("link add stays0 type bridge", "link set stays0 up", "address add fd00:1::1/64 dev stays0"):
        ours.run("ip", *line.split())
    before = ours.state_of()
    assert ours.call("ADD", conf({"device": "stays0"})).status == 1
    assert ours.state_of() == before


def test_a_link_that_was_down_is_down_again(twins: Twins) -> None:
    ours = twins[1]
    ours.run("ip", "link", "set", "up0", "down")
    assert ours.call("ADD", conf({"device": "up0"})).status == 0
    assert link_of(ours, "eth0", inside="pod")["up"]
    assert ours.call("DEL", conf({"device": "up0"})).status == 0
    assert not link_of(ours, "up0")["up"]


def test_one_that_the_pod_renamed_comes_back(twins: Twins) -> None:
    ours = twins[1]
    before = ours.state_of()
    added = ours.call("ADD", conf({"device": "up0"}))
    ours.run("ip", "link", "set", "eth0", "down", inside="pod")
    ours.run("ip", "link", "set", "eth0", "name", "eth0-nic", inside="pod")
    assert ours.call("CHECK", conf({"device": "up0"}), previous=added.said).status == 1
    assert ours.call("DEL", conf({"device": "up0"})).status == 0
    assert ours.state_of() == before


def test_what_the_pod_put_on_it_is_taken_down(twins: Twins) -> None:
    ours = twins[1]
    before = ours.state_of()
    assert ours.call("ADD", conf({"device": "up0"})).status == 0
    ours.run("ip", "link", "add", "mv0", "link", "eth0", "type", "macvlan", inside="pod")
    assert ours.call("DEL", conf({"device": "up0"})).status == 0
    assert ours.state_of() == before


def test_the_pods_link_of_that_name_stays(twins: Twins) -> None:
    for node in twins:
        node.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0peer", inside="pod")
    before = twins[1].state_of()
    assert [node.call("ADD", conf({"device": "up0"})).status for node in twins] == [1, 1]
    assert twins[1].call("DEL", conf({"device": "up0"})).status == 0
    assert twins[1].state_of() == before


def test_the_node_keeps_its_link_where_a_route_is_refused(twins: Twins) -> None:
    ours = twins[1]
    before = ours.state_of()
    said = conf({"device": "up0", "ipam": {**V4, "routes": [{"dst": "192.168.0.0/16", "gw": "172.16.0.1"}]}})
    assert ours.call("ADD", said).status == 1
    assert ours.state_of() == before


def test_a_second_pod_does_not_get_it(twins: Twins) -> None:
    ours = twins[1]
    assert ours.call("ADD", conf({"device": "up0"})).status == 0
    assert ours.call("ADD", conf({"device": "up0"}), pod="other", container="beef").status == 1


def test_del_succeeds_without_a_namespace(twins: Twins) -> None:
    said = conf({"device": "up0", "ipam": V4})
    go, ours = twins
    assert [node.call("ADD", said).status for node in twins] == [0, 0]
    assert ours.call("DEL", said, netns="/run/netns/nowhere").status == 0
    assert ours.call("DEL", said, netns="").status == 0
    assert go.call("DEL", said, netns="/run/netns/nowhere").status == 1


def test_a_del_without_an_add_succeeds(twins: Twins) -> None:
    go, ours = (node.call("DEL", conf({"device": "up0"})).status for node in twins)
    assert (go, ours) == (1, 0)


def test_a_name_that_was_taken_meanwhile_is_said(twins: Twins) -> None:
    ours = twins[1]
    assert ours.call("ADD", conf({"device": "up0"})).status == 0
    ours.run("ip", "link", "add", "up0", "type", "bridge")
    ended = ours.call("DEL", conf({"device": "up0"}))
    assert ended.status == 1
    assert "another link has it" in ended.said["msg"]
    ours.run("ip", "link", "delete", "up0")
    assert ours.call("DEL", conf({"device": "up0"})).status == 0
    assert link_of(ours, "up0")["address"] == MAC
