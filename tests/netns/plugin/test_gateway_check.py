"""A pool's `gatewayCheck`: a gateway that does not answer on the wire ends the ADD, and nothing is left of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until

if TYPE_CHECKING:
    from tests.netns.kubelet import Answer, Kubelet

CHECK = "{probes: 2, intervalMilliseconds: 100}"
V4 = "{subnet: 10.90.0.0/24, gateway: 10.90.0.1}"
V6 = "{subnet: 'fd00:90::/64', gateway: 'fd00:90::1'}"
LINK_LOCAL = "{subnet: 'fd00:91::/64', gateway: 'fe80::1'}"
OUTSIDE = "{subnet: 10.92.0.0/32, gateway: 192.0.2.1, onLink: true}"


def pool(name: str, *subnets: str, check: str = CHECK, **more: str) -> str:
    said = "".join(f"  {key}: {value}\n" for key, value in more.items())
    said += f"  gatewayCheck: {check}\n" if check else ""
    return (
        f"apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {{name: {name}}}\nspec:\n"
        f"  subnets: [{', '.join(subnets)}]\n{said}"
    )


def router(node: Kubelet, link: str, *addresses: str) -> str:
    """Put a host with these addresses on a bridge of the node; return its namespace."""
    name = node.namespace(f"router-{node.mark}")
    if link not in node.links(node.node):
        node.inside(node.node, "ip", "link", "add", link, "address", "02:00:00:00:00:09", "type", "bridge")
        node.inside(node.node, "ip", "link", "set", link, "up")
    node.inside(node.node, "ip", "link", "add", "wire9", "type", "veth", "peer", "name", "eth0", "netns", name)
    node.inside(node.node, "ip", "link", "set", "wire9", "master", link, "up")
    node.inside(name, "ip", "link", "set", "eth0", "up")
    for address in addresses:
        node.inside(name, "ip", "address", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
    until(lambda: node.links(node.node)[link]["operstate"] == "UP", f"{link} has no carrier")
    return name


def refused(answer: Answer) -> str:
    assert answer.result["code"] == 11, answer
    return str(answer.result["msg"])


@pytest.mark.parametrize(
    ("subnets", "has", "routes"),
    [
        ([V4], ["10.90.0.1/24"], []),
        ([V4, V6], ["10.90.0.1/24", "fd00:90::1/64"], []),
        ([LINK_LOCAL], ["fe80::1/64", "fd00:91::ffff/64"], []),
        ([OUTSIDE], ["192.0.2.1/32"], ["10.92.0.0/32"]),
    ],
    ids=["IPv4", "both families", "link-local", "outside the subnet"],
)
def test_a_gateway_that_answers_is_no_hindrance(
    node: Kubelet, subnets: list[str], has: list[str], routes: list[str]
) -> None:
    node.apply(pool("checked", *subnets))
    there = router(node, "gw0", *has)
    for dst in routes:
        node.inside(there, "ip", "route", "add", dst, "dev", "eth0")
    pod = node.pod("web-0")
    added = node.call("ADD", pod, pool="checked", bridge="gw0")
    assert added.code == 0, added
    # The gateway does not answer afterwards: that is not this interface's fault.
    node.inside(there, "ip", "link", "set", "eth0", "down")
    assert node.call("CHECK", pod, pool="checked", bridge="gw0", prevResult=added.result).code == 0
    node.podberth("check", "--repair")
    assert node.call("DEL", pod, pool="checked", bridge="gw0").code == 0


@pytest.mark.parametrize(
    ("subnets", "has", "silent"),
    [
        ([V4], ["10.90.0.2/24"], "10.90.0.1 of 10.90.0.3"),
        ([V4, V6], ["10.90.0.1/24"], "fd00:90::1 of fd00:90::1:1"),
        ([LINK_LOCAL], ["fe80::2/64"], "fe80::1 of fd00:91::1"),
        ([OUTSIDE], [], "192.0.2.1 of 10.92.0.0"),
    ],
    ids=["IPv4", "of two families one", "link-local", "outside the subnet"],
)
def test_a_gateway_that_is_silent_ends_the_add_and_nothing_is_left(
    node: Kubelet, subnets: list[str], has: list[str], silent: str
) -> None:
    ranges = {"10.90.0.3": "ranges: [10.90.0.3]", "fd00:90::1:1": "ranges: ['fd00:90::1:1']", "fd00:91::1": ""}
    subnets = [
        text.replace("}", f", {ranges['10.90.0.3' if text == V4 else 'fd00:90::1:1']}}}") if text in (V4, V6) else text
        for text in subnets
    ]
    node.apply(pool("checked", *subnets))
    router(node, "gw0", *has)
    pod = node.pod("web-0")
    node.remember()
    answer = node.call("ADD", pod, pool="checked", bridge="gw0", tripwire="")
    message = refused(answer)
    assert message.startswith(f"gateway {silent} does not answer on eth0 over gw0: asked 2 times, 100 ms apart")
    assert node.left_behind() == []
    assert node.rows("SELECT count(*) FROM leases") == [(0,)]
    assert node.rows("SELECT count(*) FROM attachments") == [(0,)]
    assert "host.undo AskGateway" in answer.effects


def test_a_macvlan_s_parent_is_named(node: Kubelet) -> None:
    node.apply(pool("checked", V4))
    there = router(node, "gw0", "10.90.0.200/24")
    node.inside(node.node, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    for link in ("up0", "up1"):
        node.inside(node.node, "ip", "link", "set", link, "up")
    node.inside(node.node, "ip", "link", "set", "up1", "master", "gw0")
    conf: dict[str, Any] = {"pool": "checked", "device": "macvlan", "parent": "up0", "bridge": None}
    message = refused(node.call("ADD", node.pod("web-0"), **conf))
    assert "does not answer on eth0 over up0" in message
    node.inside(there, "ip", "address", "add", "10.90.0.1/24", "dev", "eth0")
    assert node.call("ADD", node.pod("web-1"), **conf).code == 0


def test_a_parent_without_a_carrier_is_a_gateway_that_does_not_answer(node: Kubelet) -> None:
    node.apply(pool("checked", V4))
    node.inside(node.node, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    node.inside(node.node, "ip", "link", "set", "up0", "up")
    conf: dict[str, Any] = {"pool": "checked", "device": "macvlan", "parent": "up0", "bridge": None}
    pod = node.pod("web-0")
    node.remember()
    message = refused(node.call("ADD", pod, **conf))
    assert message.endswith("on eth0 over up0: eth0 is up but has no carrier")
    assert node.left_behind() == []


def test_nobody_is_asked_unless_the_pool_says_so(node: Kubelet) -> None:
    node.apply(pool("plain", V4, check=""))
    router(node, "gw0", "10.90.0.9/24")
    answer = node.call("ADD", node.pod("web-0"), pool="plain", bridge="gw0", tripwire="")
    assert answer.code == 0
    assert not any("AskGateway" in effect for effect in answer.effects)


def test_a_bridge_that_is_the_gateway_answers_itself(node: Kubelet) -> None:
    node.apply(pool("checked", V4, V6))
    assert node.call("ADD", node.pod("web-0"), pool="checked", bridge="gw1", isGateway=True).code == 0


def test_an_interface_without_neighbours_is_not_asked(node: Kubelet) -> None:
    node.apply(pool("checked", V4))
    node.inside(node.node, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    node.inside(node.node, "ip", "link", "set", "up0", "up")
    ops = json.loads(node.podberth("plan", "bank/web-0", "--json", "--config", _conf(node)))["ops"]
    assert "AskGateway" not in [each["op"] for each in ops]


def _conf(node: Kubelet) -> str:
    file = node.state / "l3.json"
    file.write_text(json.dumps(node.config(pool="checked", device="ipvlan", mode="l3", parent="up0", bridge=None)))
    return str(file)


def test_retries_against_a_silent_gateway_do_not_use_up_a_pool_whose_addresses_rest(node: Kubelet) -> None:
    node.apply(pool("resting", "{subnet: 10.93.0.0/29, gateway: 10.93.0.1}", quarantine="1h"))
    there = router(node, "gw0", "10.93.0.6/29")
    for _ in range(6):
        message = refused(node.call("ADD", node.pod("web-0"), pool="resting", bridge="gw0"))
        assert message.startswith("gateway 10.93.0.1 of 10.93.0.2 does not answer")
    assert "10.93.0.3" in refused(node.call("ADD", node.pod("web-1"), pool="resting", bridge="gw0"))
    node.inside(there, "ip", "address", "add", "10.93.0.1/29", "dev", "eth0")
    assert node.call("ADD", node.pod("web-0"), pool="resting", bridge="gw0").address == "10.93.0.2/29"
