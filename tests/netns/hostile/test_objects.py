"""Things of the kernel that are not what they are said to be: files for namespaces, links of another kind."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.kubelet import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.netns.kubelet import Kubelet, Pod

INVALID_NETNS = 8


@pytest.fixture
def quiet(node: Kubelet, victim: Pod) -> Iterator[Kubelet]:
    """Give the node; links, addresses, routes and leases must be the same in the end."""
    assert victim.netns in node.namespaces
    node.remember()
    yield node
    assert node.left_behind() == []


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


MADE: dict[str, Callable[[Path], object]] = {
    "a file": lambda path: path.write_text(""),
    "a directory": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a UTS namespace": lambda path: path.symlink_to("/proc/self/ns/uts"),
    "a user namespace": lambda path: path.symlink_to("/proc/self/ns/user"),
    "a device": lambda path: path.symlink_to("/dev/null"),
    "a terminal": lambda path: path.symlink_to("/dev/ptmx"),
    "a file of the kernel": lambda path: path.symlink_to("/proc/self/mem"),
}


@pytest.mark.parametrize("what", MADE)
def test_what_is_no_network_namespace_is_refused_as_such(
    what: str, quiet: Kubelet, victim: Pod, tmp_path: Path
) -> None:
    path = tmp_path / "netns"
    MADE[what](path)
    answer = quiet.call("ADD", victim, netns=str(path))
    assert answer.result["code"] == INVALID_NETNS, answer
    assert answer.result["msg"] == f"CNI_NETNS: there is no network namespace at {path}"
    assert answer.stderr == ""
    assert quiet.call("DEL", victim, netns=str(path)).code == 0


@pytest.mark.parametrize("override", [None, "0", "no"])
def test_the_nodes_own_namespace_is_refused_by_any_name(override: str | None, quiet: Kubelet, victim: Pod) -> None:
    env = {} if override is None else {"CNI_NETNS_OVERRIDE": override}
    for path in ("/proc/self/ns/net", "/proc/thread-self/ns/net", f"/var/run/netns/{quiet.node}"):
        answer = quiet.call("ADD", victim, netns=path, env=env)
        assert answer.result["code"] == INVALID_NETNS, answer
        assert "is the plugin's own network namespace" in str(answer.result["msg"])


@pytest.mark.parametrize(
    ("changes", "code", "begins"),
    [
        ({"bridge": "lo"}, 7, "bridge: lo is no bridge"),
        ({"bridge": "a-veth"}, 7, "bridge: a-veth is no bridge but a veth link"),
        ({"device": "macvlan", "parent": "absent", "bridge": None}, 11, "parent: this node has no link absent"),
        ({"device": "ipvlan", "parent": "absent", "bridge": None}, 11, "parent: this node has no link absent"),
        ({"vlan": {"id": 5, "priority": 3}}, 2, "vlan.priority: "),
        ({"device": "ipvlan", "parent": "a-veth", "bridge": None, "mac": "02:00:00:00:00:09"}, 2, "mac: "),
        ({"sysctls": {"net.ipv4.no_such_key": "1"}}, 103, ""),
        ({"sysctls": {"net.ipv4.ip_forward": "many"}}, 103, ""),
        ({"routes": [{"dst": "10.9.0.0/16", "gw": "192.0.2.1"}]}, 103, ""),
        ({"routes": [{"dst": "10.9.0.0/16"}, {"dst": "10.9.0.0/16"}]}, 103, ""),
    ],
    ids=lambda given: str(given)[:60],
)
def test_what_the_node_can_not_do_is_refused_and_leaves_nothing(
    changes: dict[str, Any], code: int, begins: str, node: Kubelet, victim: Pod
) -> None:
    run("ip", "-n", node.node, "link", "add", "a-veth", "type", "veth", "peer", "name", "b-veth")
    try:
        node.remember()
        answer = node.call("ADD", victim, **changes)
        assert (answer.code, answer.result["code"]) == (1, code), answer
        assert str(answer.result["msg"]).startswith(begins)
        assert answer.stderr == ""
        assert node.left_behind() == []
    finally:
        run("ip", "-n", node.node, "link", "delete", "a-veth")


@pytest.mark.parametrize("ifname", ["lo", "taken"])
def test_an_interface_name_that_the_pod_has_already_is_refused_and_left_alone(
    ifname: str, node: Kubelet, victim: Pod
) -> None:
    if ifname != "lo":
        run("ip", "-n", victim.netns, "link", "add", ifname, "type", "bridge")
    node.remember()
    answer = node.call("ADD", victim, ifname=ifname)
    assert (answer.code, answer.result["code"]) == (1, 103), answer
    assert ifname in str(answer.result["msg"])
    assert node.call("DEL", victim, ifname=ifname).code == 0
    assert node.left_behind() == []
