"""Policies, pods and peers come and go, agents and servers too: what holds follows, and nothing flaps."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from podberth.agent.peers import FEW_NAMESPACES
from podberth.kube.resources import NAMESPACES, PODS
from podberth.networks.selection import NETWORKS
from tests.netns.agent.running import agent
from tests.netns.agent.test_desk import page
from tests.netns.networks.conftest import forget
from tests.netns.policies.conftest import NODE, ONE, OTHER, PORT
from tests.netns.policies.test_cases import SERVER, named
from tests.netns.traffic import dialled, reaches, serving
from tests.servers.multi_network_policies import V1BETA1
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    import socket

    from tests.netns.policies.conftest import Town

FROM_A: dict[str, Any] = {"podSelector": SERVER, "ingress": [{"from": [named("a")]}]}


def relabel(town: Town, pod: str, /, **labels: str | None) -> None:
    town.client.merge_patch(PODS, pod, {"metadata": {"labels": labels}}, "blue")


def closed(town: Town, path: str, address: str) -> bool:
    return until(lambda: not reaches(path, address, PORT))


def test_a_policy_that_comes_changes_and_goes_holds_for_running_pods(town: Town) -> None:
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    assert town.settled({(a, server): True, (b, server): True})
    town.policy(FROM_A)
    assert town.settled({(a, server): True, (b, server): False})
    change = {"spec": {"ingress": [{"from": [named("b")]}]}}
    town.client.merge_patch(V1BETA1, "policy", change, "blue")
    assert town.settled({(a, server): False, (b, server): True})
    town.client.delete(V1BETA1, "policy", "blue")
    assert town.settled({(a, server): True, (b, server): True})
    assert until(lambda: "podberth" not in town.rules(server))


def test_labels_of_the_pod_and_of_its_peers_are_followed(town: Town) -> None:
    town.policy(FROM_A)
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    assert town.settled({(a, server): True, (b, server): False})
    relabel(town, "b", name="a")
    assert town.settled({(a, server): True, (b, server): True})
    relabel(town, "a", name="other")
    assert town.settled({(a, server): False, (b, server): True})
    relabel(town, "server", name="none")
    assert town.settled({(a, server): True, (b, server): True})


def test_labels_of_namespaces_are_followed(town: Town) -> None:
    blue = {"namespaceSelector": {"matchLabels": {"team": "red"}}}
    town.policy({"podSelector": SERVER, "ingress": [{"from": [blue]}]})
    server, red, green = town.started("server"), town.started("r", "red"), town.started("g", "green")
    assert town.settled({(red, server): True, (green, server): False})
    town.client.merge_patch(NAMESPACES, "green", {"metadata": {"labels": {"team": "red"}}})
    assert town.settled({(red, server): True, (green, server): True})
    town.client.merge_patch(NAMESPACES, "red", {"metadata": {"labels": {"team": "none"}}})
    assert town.settled({(red, server): False, (green, server): True})


def test_all_pods_of_many_namespaces_are_one_set(town: Town) -> None:
    for n in range(FEW_NAMESPACES + 1):
        metadata = {"name": f"many-{n}", "labels": {"team": "many"}}
        town.server.operator.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    many = {"namespaceSelector": {"matchLabels": {"team": "many"}}}
    town.policy({"podSelector": SERVER, "ingress": [{"from": [many]}]})
    server, other, red = town.started("server"), town.started("o", "many-3"), town.started("r", "red")
    assert town.settled({(other, server): True, (red, server): False})
    town.client.merge_patch(NAMESPACES, "many-3", {"metadata": {"labels": {"team": "none"}}})
    assert town.settled({(other, server): False, (red, server): False})


def test_policies_with_one_selector_share_a_watch_that_ends_with_the_last_of_them(town: Town) -> None:
    server, also, a = town.started("server"), town.started("also", role="server"), town.started("a")

    def watches() -> int:
        loops = json.loads(page(town.node, "/v1/state")[1])["loops"]
        return [loop["loop"] for loop in loops].count("follow pods")

    assert town.settled({(a, server): True})
    before = watches()
    town.policy(FROM_A)
    town.policy({**FROM_A, "podSelector": {"matchLabels": {"role": "server"}}}, name="also")
    assert town.settled({(a, server): True, (a, also): True, (also, server): False, (server, also): False})
    assert watches() == before + 1
    for name in ("policy", "also"):
        town.client.delete(V1BETA1, name, "blue")
    assert until(lambda: watches() == before)


def test_a_peer_that_is_gone_or_has_ended_is_none(town: Town) -> None:
    town.policy({"podSelector": SERVER, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]})
    server = town.started("server")
    a, b = (town.started(name, app="web") for name in ("a", "b"))
    assert town.settled({(a, server): True, (b, server): True})
    where = town.address(server)
    forget(town.client, PODS, "a", "blue")
    town.client.merge_patch(PODS, "b", {"status": {"phase": "Succeeded"}}, "blue", subresource="status")
    assert closed(town, a.path, where)
    assert closed(town, b.path, where)


def test_no_packet_gets_in_before_the_rules_do(town: Town) -> None:
    """A peer that tries all the time while pods start, of which none may be reached."""
    town.policy({"podSelector": {"matchLabels": {"app": "closed"}}, "ingress": []})
    outsider = town.started("outsider")
    reached, stop = [], threading.Event()

    def trying() -> None:
        while not stop.is_set():
            for n in range(3, 8):
                found = dialled(outsider.path, f"10.81.0.{n}", 22)
                if found is not None:
                    reached.append(n)
                    found.close()

    thread = threading.Thread(target=trying)
    thread.start()
    try:
        for n in range(5):
            pod = town.bare(f"closed-{n}", app="closed")
            assert town.added(pod).code == 0
            assert "podberth-policy" in town.rules(pod)
    finally:
        stop.set()
        thread.join()
    assert reached == []


def test_a_leg_that_comes_to_a_running_pod_is_policed_and_one_that_goes_takes_its_rules(town: Town) -> None:
    town.policy(FROM_A, networks=OTHER)
    server, a, b = town.started("server"), town.started("a", networks=OTHER), town.started("b", networks=OTHER)
    assert "podberth" not in town.rules(server)
    town.client.merge_patch(PODS, "server", {"metadata": {"annotations": {NETWORKS: f"{ONE},{OTHER}"}}}, "blue")
    where = town.address(server, "net2")
    assert until(lambda: reaches(a.path, where, PORT))
    assert not reaches(b.path, where, PORT)
    town.client.merge_patch(PODS, "server", {"metadata": {"annotations": {NETWORKS: ONE}}}, "blue")
    assert until(lambda: "podberth" not in town.rules(server))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_another_agent_changes_nothing_and_goes_on(unserved: Town, number: signal.Signals) -> None:
    town = unserved
    with agent(town.node, env={"NODE_NAME": NODE}) as first:
        town.policy(FROM_A)
        server, a, b = (town.started(name) for name in ("server", "a", "b"))
        assert town.settled({(a, server): True, (b, server): False})
        before = handles(town, server.netns)
        first.stop(number)
    assert town.settled({(a, server): True, (b, server): False})
    with agent(town.node, env={"NODE_NAME": NODE}) as second:
        relabel(town, "b", name="a")
        assert town.settled({(a, server): True, (b, server): True})
        assert handles(town, server.netns) == before
        assert all(event["pod"] == "blue/server" for event in second.events("policed"))


def handles(town: Town, netns: str) -> list[object]:
    """Return each rule with the kernel's own number for it: another rule has another."""
    shown = json.loads(town.node.inside(netns, "nft", "-j", "list", "ruleset"))["nftables"]
    return [one for one in shown if "rule" in one]


def test_a_pod_that_another_of_its_name_has_followed_keeps_the_rules_of_its_own_labels(town: Town) -> None:
    town.policy(FROM_A)
    server, b = (town.started(name) for name in ("server", "b"))
    address = town.address(server)
    assert closed(town, b.path, address)
    forget(town.client, PODS, "server", "blue")  # its DEL has not run
    after = town.bare("server")
    relabel(town, "server", name="other")
    assert town.added(after).code == 0
    for name in ("one", "two"):  # after the second, each namespace of a pod of that name has been looked at
        town.policy({**FROM_A, "podSelector": {"matchLabels": {"name": "other"}}}, name=name)
        assert until(lambda name=name: f"blue/{name}" in town.rules(after))  # type: ignore[misc]
    assert "blue/policy" in town.rules(server)
    assert not reaches(b.path, address, PORT)


def test_what_somebody_opens_inside_is_closed_again(town: Town) -> None:
    town.policy(FROM_A)
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    assert town.settled({(a, server): True, (b, server): False})
    town.node.inside(server.netns, "nft", "delete", "table", "inet", "podberth-policy")
    assert reaches(b.path, town.address(server), PORT)
    relabel(town, "server", tier="1")  # any word of the pod is a reason to look
    assert town.settled({(a, server): True, (b, server): False})


def test_a_connection_outlives_what_happens_to_others(town: Town) -> None:
    town.policy(FROM_A)
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    assert town.settled({(a, server): True, (b, server): False})
    there, _ = accepted(town, a.path, server)
    with there[0], there[1]:
        relabel(town, "b", name="a")
        assert town.settled({(b, server): True})
        change = {"spec": {"ingress": [{"from": [named("b")]}]}}
        town.client.merge_patch(V1BETA1, "policy", change, "blue")
        assert town.settled({(b, server): False})
        for one, other in (there, there[::-1]):
            one.sendall(b"on")
            other.settimeout(PATIENCE)
            assert other.recv(2) == b"on"


def accepted(town: Town, path: str, server: Any) -> tuple[tuple[socket.socket, socket.socket], str]:
    """Return both ends of a connection into the server."""
    where = town.address(server)
    with closing(serving(server.path, 9000)) as listening:
        out = dialled(path, where, 9000)
        assert out is not None
        inside, _ = listening.accept()
    return (out, inside), where


def test_a_pod_that_goes_leaves_nothing_to_look_at(town: Town) -> None:
    town.policy(FROM_A)
    server, a = town.started("server"), town.started("a")
    assert town.settled({(a, server): True})
    for pod in (server, a):
        assert town.call("DEL", pod).code == 0
        town.remove_pod(pod)
    assert town.all_ended()
    assert town.running is not None
    assert town.running.events("policing") == []
