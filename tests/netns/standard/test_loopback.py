"""`loopback` beside the CNI project's: the same result, and `lo` is as it was before afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.twins import comparable
from tests.sizes import spread

if TYPE_CHECKING:
    from tests.netns.standard.twins import Node

CONF: dict[str, object] = {"cniVersion": "1.0.0", "name": "net", "type": "loopback", "stateDir": "{state}/store"}
PREVIOUS: dict[str, object] = {
    "cniVersion": "1.0.0",
    "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/x"}],
    "ips": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1", "interface": 0}],
    "routes": [{"dst": "0.0.0.0/0"}],
    "dns": {"nameservers": ["10.0.0.53"]},
}
BEFORE = {
    "down": ("link set lo down",),
    "up": ("link set lo up",),
    "another loopback address": ("link set lo down", "addr add 127.0.0.5/8 dev lo"),
    "two addresses": ("link set lo up", "addr add 127.0.0.5/8 dev lo"),
    "an address of IPv6": ("link set lo down", "addr add ::1/128 dev lo"),
    "an address of a network": ("link set lo up", "addr add 10.9.9.9/32 dev lo"),
}
CALLS: dict[str, dict[str, Any]] = {
    "lo": {"ifname": "lo"},
    "another name": {"ifname": "eth0"},
    "a result of before": {"previous": PREVIOUS},
}


def state(node: Node) -> str:
    return json.loads(node.run("ip", "-j", "link", "show", "lo", inside="pod"))[0]["flags"].count("UP") * "up" or "down"


@pytest.mark.parametrize("before", spread(BEFORE, 2))
@pytest.mark.parametrize("call", CALLS)
def test_the_result_is_the_same_and_lo_is_up(twins: tuple[Node, Node], before: str, call: str) -> None:
    results, states = [], []
    for node in twins:
        node.pod()
        for line in BEFORE[before]:
            node.run("ip", *line.split(), inside="pod")
        was = state(node)
        added = node.call("ADD", CONF, **CALLS[call])
        results.append((added.status, comparable(added.said, node) if not added.status else {}))
        states.append(node.state_of())
        if not added.status:
            assert state(node) == "up"
            assert node.call("CHECK", CONF, **{**CALLS[call], "previous": added.said}).status == 0
        for _ in range(2):
            assert node.call("DEL", CONF, **CALLS[call]).status == 0
    assert results[1] == results[0]
    assert states[1] == states[0]
    assert state(twins[1]) == was, "ours is as it was; the other is down"


def test_check_says_that_lo_is_down(twins: tuple[Node, Node]) -> None:
    for node in twins:
        added = node.call("ADD", CONF)
        node.run("ip", "link", "set", "lo", "down", inside="pod")
        assert node.call("CHECK", CONF, previous=added.said).status == 1


def test_del_succeeds_without_a_namespace_and_without_an_add(twins: tuple[Node, Node]) -> None:
    for node in twins:
        assert node.call("DEL", CONF, netns="").status == 0
        assert node.call("DEL", CONF, netns="/run/netns/gone").status == 0
        assert node.call("DEL", {**CONF, "name": "other"}).status == 0


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_each_version_has_its_words(twins: tuple[Node, Node], version: str) -> None:
    theirs, ours = (comparable(node.call("ADD", {**CONF, "cniVersion": version}).said, node) for node in twins)
    if version < "1.0.0":
        assert [ip.pop("version") for ip in ours["ips"]] == ["4", "6"], "SPEC.md 0.4.0 asks for it; the other has none"
    assert ours == theirs


def test_an_add_again_is_refused_and_takes_nothing_back(twins: tuple[Node, Node]) -> None:
    _, ours = twins
    assert ours.call("ADD", CONF).status == 0
    assert ours.call("ADD", CONF).said["code"] == 4
    assert state(ours) == "up"


def test_gc_puts_lo_back(twins: tuple[Node, Node]) -> None:
    _, ours = twins
    ours.pod()
    ours.run("ip", "link", "set", "lo", "down", inside="pod")
    assert ours.call("ADD", CONF).status == 0
    valid = {"cni.dev/valid-attachments": [{"containerID": "c0ffee", "ifname": "eth0"}]}
    assert ours.call("GC", {**CONF, "cniVersion": "1.1.0", **valid}).status == 0
    assert state(ours) == "up"
    assert ours.call("GC", {**CONF, "cniVersion": "1.1.0", "cni.dev/valid-attachments": []}).status == 0
    assert state(ours) == "down"
    assert ours.call("STATUS", {**CONF, "cniVersion": "1.1.0"}).status == 0
