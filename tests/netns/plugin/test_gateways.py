"""Where a pod's default route goes: to a gateway outside its subnet, and by the first of its interfaces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.netns.kubelet import run

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet

POOL = "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {{name: {name}}}\nspec: {{subnets: [{subnets}]}}\n"
ONE = "{subnet: 10.71.0.0/32, gateway: 192.0.2.1, onLink: true}, {subnet: fd00:71::/64, gateway: 'fe80::1'}"


def default_routes(node: Kubelet, netns: str) -> dict[str, str]:
    """Return by gateway which link of the pod its default routes are by."""
    found: dict[str, str] = {}
    for version in ("-4", "-6"):
        routes = json.loads(node.inside(netns, "ip", "-j", version, "route", "show", "default") or "[]")
        found |= {route["gateway"]: route["dev"] for route in routes}
    return found


def test_a_gateway_may_be_outside_the_subnet_and_is_reached(node: Kubelet) -> None:
    node.apply(POOL.format(name="apart", subnets=ONE))
    pod = node.pod("leg-0")
    added = node.call("ADD", pod, pool="apart", bridge="apart0")
    assert added.code == 0, added
    assert default_routes(node, pod.netns) == {"192.0.2.1": "eth0", "fe80::1": "eth0"}
    assert [ip["gateway"] for ip in added.result["ips"]] == ["192.0.2.1", "fe80::1"]
    for router in ("192.0.2.1/32", "fe80::1/64"):
        run(*node.at_node, "ip", "address", "add", router, "dev", "apart0", "nodad")
    run(*node.at_node, "ip", "route", "add", "10.71.0.0/32", "dev", "apart0")
    node.inside(pod.netns, "ping", "-c1", "-W5", "192.0.2.1")
    node.inside(pod.netns, "ping", "-c20", "-i0.2", "-w8", "fe80::1%eth0")
    assert node.call("CHECK", pod, pool="apart", bridge="apart0", prevResult=added.result).code == 0
    assert node.call("DEL", pod, pool="apart", bridge="apart0").code == 0


def test_the_first_interface_has_the_default_route(node: Kubelet) -> None:
    for number in (72, 73):
        subnets = f"{{subnet: 10.{number}.0.0/24, gateway: 10.{number}.0.1}}"
        if number == 73:
            subnets += ", {subnet: 'fd00:73::/64', gateway: 'fd00:73::1'}"
        node.apply(POOL.format(name=f"leg{number}", subnets=subnets))
    pod = node.pod("leg-0")
    node.remember()
    first = node.call("ADD", pod, pool="leg72")
    second = node.call("ADD", pod, ifname="net1", pool="leg73")
    assert (first.code, second.code) == (0, 0), (first, second)
    # Of IPv6 the second is the first that has one.
    assert default_routes(node, pod.netns) == {"10.72.0.1": "eth0", "fd00:73::1": "net1"}
    assert [route["dst"] for route in second.result["routes"]] == ["::/0"]
    assert node.call("CHECK", pod, ifname="net1", pool="leg73", prevResult=second.result).code == 0
    named = node.call("ADD", node.pod("leg-1"), pool="leg72")
    assert [route["dst"] for route in named.result["routes"]] == ["0.0.0.0/0"]
    for ifname in ("net1", "eth0"):
        assert node.call("DEL", pod, ifname=ifname).code == 0


def test_an_add_that_was_killed_leaves_the_next_its_default_route(node: Kubelet) -> None:
    node.apply(POOL.format(name="leg75", subnets="{subnet: 10.75.0.0/24, gateway: 10.75.0.1}"))
    once = node.pod("leg-1")
    effects = node.call("ADD", once, pool="leg75", tripwire="").effects
    routed = max(number for number, effect in enumerate(effects) if "AddRoute" in effect)
    pod = node.pod("leg-0")
    node.call("ADD", pod, pool="leg75", tripwire=f"{routed}:after:kill")
    assert default_routes(node, pod.netns) == {"10.75.0.1": "eth0"}
    assert node.call("ADD", pod, pool="leg75").code == 0
    assert default_routes(node, pod.netns) == {"10.75.0.1": "eth0"}


def test_an_ipam_plugin_that_is_asked_for_a_second_interface_gives_it_no_default_route(node: Kubelet) -> None:
    node.apply(POOL.format(name="leg74", subnets="{subnet: 10.74.0.0/24, gateway: 10.74.0.1}"))
    pod = node.pod("leg-0")
    ipam = {"type": "podberth", "stateDir": str(node.state), "pool": "leg74"}
    one = node.call("ADD", pod, type="bridge", bridge="go0", ipam=ipam)
    assert [route["dst"] for route in one.result["routes"]] == ["0.0.0.0/0"]
    node.inside(pod.netns, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "out")
    node.inside(pod.netns, "ip", "link", "set", "eth0", "up")
    node.inside(pod.netns, "ip", "route", "add", "default", "dev", "eth0")  # as by the plugin that asked
    other = node.call("ADD", pod, ifname="net1", type="bridge", bridge="go0", ipam=ipam)
    assert other.code == 0
    assert "routes" not in other.result


def test_a_former_gateway_is_nobodys_in_another_pool_too(node: Kubelet) -> None:
    apart = "{{subnet: 10.76.0.0/24, gateway: 10.77.0.{last}, onLink: true}}"
    node.apply(POOL.format(name="apart", subnets=apart.format(last=1)))
    pod = node.pod("leg-0")
    assert node.call("ADD", pod, pool="apart").code == 0
    node.apply(POOL.format(name="apart", subnets=apart.format(last=254)))
    node.apply(POOL.format(name="beside", subnets="{subnet: 10.77.0.0/30}"))
    beside = node.call("ADD", node.pod("leg-1"), pool="beside")
    assert beside.address == "10.77.0.2/30"  # the first is still what leg-0 sends to
    assert node.call("DEL", pod).code == 0
    assert node.call("ADD", node.pod("leg-2"), pool="beside").address == "10.77.0.1/30"


def test_a_pools_gateway_in_another_of_its_subnets_is_nobodys(node: Kubelet) -> None:
    subnets = "{subnet: 10.78.0.0/30, gateway: 10.79.0.1, onLink: true}, {subnet: 10.79.0.0/30}"
    node.apply(POOL.format(name="both", subnets=subnets))
    added = [node.call("ADD", node.pod(f"leg-{number}"), pool="both") for number in range(4)]
    assert [one.address for one in added[:3]] == ["10.78.0.1/30", "10.78.0.2/30", "10.79.0.2/30"]
    assert added[3].result["code"] == 100


def test_a_second_interface_is_not_said_to_be_older(node: Kubelet) -> None:
    for number in (80, 81):
        subnets = f"{{subnet: 10.{number}.0.0/24, gateway: 10.{number}.0.1}}"
        node.apply(POOL.format(name=f"leg{number}", subnets=subnets))
    pod = node.pod("leg-0")
    assert node.call("ADD", pod, pool="leg80").code == 0
    assert node.call("ADD", pod, ifname="net1", pool="leg81").code == 0
    assert "older" not in node.podberth("check")
    assert node.call("DEL", pod).code == 0
    assert "older" in node.podberth("check")  # a pod that starts now would have the route


def test_a_repair_of_a_pair_is_one(node: Kubelet) -> None:
    pod = node.pod("leg-0")
    added = node.call("ADD", pod, pool="db", mtu=1400)
    index = node.links(pod.netns)["eth0"]["ifindex"]
    node.inside(pod.netns, "ip", "link", "set", "eth0", "mtu", "1300")
    node.podberth("check", "--repair")
    assert (node.links(pod.netns)["eth0"]["ifindex"], node.links(pod.netns)["eth0"]["mtu"]) == (index, 1400)
    node.inside(pod.netns, "ip", "link", "del", "eth0")
    node.podberth("check", "--repair")
    assert node.links(pod.netns)["eth0"]["mtu"] == 1400
    assert node.call("CHECK", pod, pool="db", mtu=1400, prevResult={**added.result, "interfaces": []}).code == 0
    node.podberth("check")
