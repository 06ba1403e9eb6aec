"""Where a pod's traffic comes from, as those see it that it reaches."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Kubelet, Pod

# Listens, says so, and tells whom the first connection is from.
SERVER = """
import socket, sys
with socket.create_server((sys.argv[1], 7070), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET) as at:
    at.settimeout(120)
    print("listening", flush=True)
    print(at.accept()[1][0], flush=True)
"""
CLIENT = "import socket, sys; socket.create_connection((sys.argv[1], 7070), timeout=60)"


@contextlib.contextmanager
def server(namespace: str, address: str) -> Iterator[subprocess.Popen[str]]:
    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", SERVER, address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        try:
            yield process
        finally:
            process.kill()


def seen_from(node: Kubelet, pod: Pod, namespace: str, address: str) -> str:
    """Return whom a server in the namespace sees when the pod connects to it."""
    with server(namespace, address) as process:
        node.inside(pod.netns, sys.executable, "-c", CLIENT, address)
        assert process.stdout is not None
        return process.stdout.readline().strip()


@pytest.mark.parametrize(("address", "nodes"), [("192.0.2.9", "192.0.2.1"), ("2001:db8::9", "2001:db8::1")])
def test_outside_a_pod_is_seen_with_the_nodes_address(node: Kubelet, outside: str, address: str, nodes: str) -> None:
    pod = node.pod("mysql-0")
    assert node.call("ADD", pod).code == 0
    assert seen_from(node, pod, outside, address) == nodes


@pytest.mark.parametrize(("address", "own"), [("10.50.0.3", "10.50.0.2"), ("fd00:50::3", "fd00:50::2")])
def test_within_the_subnet_a_pod_is_seen_as_itself(node: Kubelet, address: str, own: str) -> None:
    one, other = node.pod("mysql-0"), node.pod("mysql-1")
    for pod in (one, other):
        assert node.call("ADD", pod).code == 0
    assert seen_from(node, one, other.netns, address) == own


def test_the_node_itself_sees_the_pod_as_itself(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    assert node.call("ADD", pod).code == 0
    assert seen_from(node, pod, node.node, "10.50.0.1") == "10.50.0.2"


def test_a_pod_of_another_network_of_the_node_is_reached_with_the_nodes_address(node: Kubelet) -> None:
    node.apply(
        "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {name: far}\n"
        "spec: {subnets: [{subnet: 10.60.0.0/24, gateway: 10.60.0.1}]}\n"
    )
    pod, far = node.pod("mysql-0"), node.pod("web-0")
    assert node.call("ADD", pod).code == 0
    assert node.call("ADD", far, pool="far", bridge="far0", name="farnet").code == 0
    assert seen_from(node, pod, far.netns, "10.60.0.2") == "10.60.0.1"


def test_without_masquerading_the_pod_is_seen_as_itself(node: Kubelet, outside: str) -> None:
    node.inside(outside, "ip", "route", "add", "10.50.0.0/24", "via", "192.0.2.1")
    pod = node.pod("mysql-0")
    assert node.call("ADD", pod, ipMasq=False).code == 0
    assert seen_from(node, pod, outside, "192.0.2.9") == "10.50.0.2"


def test_what_a_pod_sends_to_a_multicast_group_keeps_its_address(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    assert node.call("ADD", pod).code == 0
    # Nobody routes multicast here: it is enough that the rule leaves it alone.
    rules = node.inside(node.node, "nft", "list", "chain", "inet", "podberth", "postrouting")
    assert "ip daddr != 224.0.0.0/4 masquerade" in rules
    assert "ip6 daddr != ff00::/8 masquerade" in rules
