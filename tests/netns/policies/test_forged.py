"""A pod's network-status says another's address, or one that nobody knows: who is let in, by real traffic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from podberth.kube.resources import PODS
from podberth.networks.status import STATUS
from tests.netns.agent.running import agent
from tests.netns.policies.conftest import NODE, ONE
from tests.netns.policies.test_cases import SERVER, named
from tests.netns.policies.test_shown import explained, policed
from tests.waiting import until

if TYPE_CHECKING:
    from tests.netns.kubelet import Pod
    from tests.netns.policies.conftest import Town

FROM_A: dict[str, Any] = {"podSelector": SERVER, "ingress": [{"from": [named("a")]}]}
ELSEWHERE = "10.81.0.192/26"  # of the wire of the pool `legs`, and no pool's


def forge(town: Town, pod: Pod, *more: str) -> None:
    """Have a pod's network-status say these addresses besides its own."""
    entries = town.status(pod)
    entries.append({"name": ONE, "interface": "net1", "ips": list(more)})
    patch = {"metadata": {"annotations": {STATUS: json.dumps(entries)}}}
    town.client.merge_patch(PODS, pod.name, patch, pod.namespace)


def test_a_pod_that_says_it_has_anothers_address_lets_that_other_in_nowhere(town: Town) -> None:
    town.policy(FROM_A)
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    for networks in ([], ["0.0.0.0/0", "::/0"]):
        assert town.call("STATUS", server, peersByStatus=networks).code == 0
        assert town.settled({(a, server): True, (b, server): False})
        forge(town, a, town.address(b))
        assert town.running is not None
        told = town.running.wait_for("peers not counted")[-1]
        assert told["pod"] == "blue/server"
        assert told["peers"] == [f"{town.address(b)} of blue/a: the ledger has it for blue/b"]
        assert town.settled({(a, server): True, (b, server): False})
    (allowed,) = policed(town, server, peersByStatus=["0.0.0.0/0"])["passing"][0]["allowed"]
    assert town.address(b) not in allowed["addresses"]
    assert allowed["uncounted"] == told["peers"]
    assert f"{town.address(b)} of blue/a: the ledger has it for blue/b" in explained(town, server)


def test_an_address_that_was_the_pods_is_its_no_more_once_another_has_it(town: Town) -> None:
    town.policy(FROM_A)
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    address = town.address(b)
    assert town.call("DEL", b).code == 0
    town.client.merge_patch(PODS, "b", {"metadata": {"labels": {"name": "a"}}}, "blue")  # its status is as it was
    assert town.settled({(a, server): True})
    assert until(lambda: address not in town.rules(server))


def other_leg(town: Town, name: str) -> str:
    """Define a network of the same wire with addresses of another plugin's."""
    ranges = [[{"subnet": "10.81.0.0/24", "rangeStart": "10.81.0.200", "rangeEnd": "10.81.0.250"}]]
    ipam = {"type": "host-local", "dataDir": str(town.folder / "other"), "ranges": ranges}
    plugin = {"type": "bridge", "bridge": "legs0", "ipam": ipam, "stateDir": str(town.node.state)}
    town.define(name, {"cniVersion": "1.1.0", "name": name, "plugins": [plugin]}, "default")
    return f"default/{name}"


def test_legs_of_other_plugins_are_peers_where_the_operator_says_so_also_for_pods_that_run_and_for_the_next_agent(
    unserved: Town,
) -> None:
    town = unserved
    other = other_leg(town, "other")
    with agent(town.node, env={"NODE_NAME": NODE}) as running:
        town.policy(FROM_A, networks=f"{ONE},{other}")
        server, a, b = town.started("server"), town.started("a", networks=other), town.started("b", networks=other)
        address = town.address(a)
        assert running.wait_for("peers not counted")[0]["peers"] == [
            f"{address} of blue/a: no ledger has it, and peersByStatus does not name its network"
        ]
        assert town.settled({(a, server): False, (b, server): False})
        assert town.call("STATUS", server, peersByStatus=[ELSEWHERE]).code == 0
        assert town.settled({(a, server): True, (b, server): False})
    with agent(town.node, env={"NODE_NAME": NODE}):
        town.client.merge_patch(PODS, "b", {"metadata": {"labels": {"name": "a"}}}, "blue")
        assert town.settled({(a, server): True, (b, server): True})
        assert town.call("STATUS", server).code == 0
        assert town.settled({(a, server): False, (b, server): False})
