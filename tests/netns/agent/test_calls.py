"""Calls that reach the agent through the shim: answered as by the plugin alone, from a process that stays."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from podberth.agent import frame
from tests.netns.agent.running import agent, ask, ended, everything
from tests.netns.kubelet import BUILT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns.kubelet import Kubelet

LAST_ONE = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: last}
spec:
  subnets: [{subnet: 10.61.0.0/24, ranges: ["10.61.0.2-10.61.0.2"]}]
"""


def _told(stdout: str) -> dict[str, object]:
    """Return a result without what is each pod's own."""
    result = json.loads(stdout)
    for interface in result["interfaces"]:
        interface.pop("mac")
        interface.pop("sandbox", None)
        interface["name"] = interface["name"][:2]
    return dict(result)


def test_a_pod_gets_from_the_agent_what_the_plugin_alone_would_give(node: Kubelet) -> None:
    alone, served = node.pod("mysql-0"), node.pod("mysql-0")
    first = node.call("ADD", alone)
    assert node.call("DEL", alone).code == 0
    with agent(node) as running:
        second = node.call("ADD", served)
        assert (second.code, second.stderr) == (0, "")
        assert _told(second.stdout) == _told(first.stdout)
        assert served.path == second.result["interfaces"][-1]["sandbox"]
        assert [at["local"] for at in node.links(served.netns)["eth0"]["addr_info"] if at["family"] == "inet"] == [
            second.address.partition("/")[0]
        ]
        assert node.call("CHECK", served, prevResult=second.result).code == 0
        assert node.call("STATUS", served).code == 0
        assert node.call("DEL", served).code == 0
        assert ended(node, served)
    assert [call["verb"] for call in running.events("call")] == ["ADD", "CHECK", "STATUS", "DEL"]
    assert {call["pod"] for call in running.events("call")} == {"bank/mysql-0"}


def test_errors_of_the_agent_are_the_plugins(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    alone = node.call("ADD", pod, pool="nowhere")
    with agent(node) as running:
        assert node.call("ADD", pod, pool="nowhere").stdout == alone.stdout
        assert node.call("ADD", pod, vlan=5000).code == 1
    assert [call["code"] for call in running.events("call")] == [alone.result["code"], 7]


@pytest.mark.parametrize("plugin", ["podberth", "sriov"])
def test_version_is_answered_without_a_store(node: Kubelet, plugin: str, tmp_path: Path) -> None:
    with agent(node):
        done = subprocess.run(
            [BUILT / plugin],
            env={"CNI_COMMAND": "VERSION", "PODBERTH_SOCKET": str(node.socket)},
            input=b'{"cniVersion": "1.0.0"}',
            capture_output=True,
            check=False,
        )
    assert (done.returncode, "1.1.0" in json.loads(done.stdout)["supportedVersions"]) == (0, True)


def test_the_agent_need_not_see_the_path_of_the_namespace(node: Kubelet, tmp_path: Path) -> None:
    pod = node.pod("mysql-0")
    hidden = tmp_path / "hidden"
    hidden.touch()
    with agent(node):
        # Bound in a mount namespace that the agent is not in; only the shim's descriptor leads there.
        script = f"mount --bind {pod.path} {hidden} && exec {BUILT}/podberth"
        env = node.env("ADD", pod, netns=str(hidden))
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        done = subprocess.run(
            [*node.at_node, *command],
            env=env,
            input=json.dumps(node.config()).encode(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "UP" in node.links(pod.netns)["eth0"]["flags"]
        assert not hidden.samefile(pod.path)


def test_an_answered_del_has_cut_the_pod_off_and_keeps_its_address_until_the_link_is_gone(node: Kubelet) -> None:
    pods = [node.pod(f"web-{number}") for number in range(8)]
    with agent(node):
        addresses = [node.call("ADD", pod).address.partition("/")[0] for pod in pods]
        assert node.reaches(pods[0], addresses[1])
        for pod in pods[1:]:
            assert node.call("DEL", pod).code == 0
        assert node.cut_off(pods[0], addresses[1])
        assert all(ended(node, pod) for pod in pods[1:])
        later = node.pod("web-9")
        assert node.call("ADD", later).address.partition("/")[0] == addresses[1]
        assert node.rows("SELECT count(*) FROM leases") == [(2,)]


def test_a_pod_that_comes_back_at_once_takes_its_address_from_the_del_that_is_under_way(node: Kubelet) -> None:
    node.apply("""\
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec: {pod: mysql-0, attachments: [{pool: db, addresses: [10.60.0.7]}]}
""")
    with agent(node):
        for turn in range(10):
            pod = node.pod("mysql-0", uid=f"u{turn}")
            answer = node.call("ADD", pod)
            assert answer.address == "10.60.0.7/16", answer.stdout
            assert node.call("DEL", pod).code == 0
        assert ended(node, pod)


def test_the_last_address_goes_from_one_pod_to_the_next_without_a_wait(node: Kubelet) -> None:
    node.apply(LAST_ONE)
    with agent(node):
        for number in range(5):
            pod = node.pod(f"web-{number}")
            assert node.call("ADD", pod, pool="last").address == "10.61.0.2/24", number
            assert node.call("DEL", pod, pool="last").code == 0
            busy = node.pod(f"busy-{number}")
            assert node.call("ADD", busy, pool="last").code == 0
            assert node.call("ADD", node.pod(f"late-{number}"), pool="last").code == 1
            assert node.call("DEL", busy, pool="last").code == 0


def test_one_container_s_interfaces_hand_the_last_address_on_to_each_other(node: Kubelet) -> None:
    node.apply(LAST_ONE)
    with agent(node):
        pod, conf = node.pod("web-0"), json.dumps(node.config(pool="last")).encode()
        for number in range(12):
            ifname = f"net{number}"
            # Without a shim in between, so that the ADD comes while the DEL before it has still the address.
            answer = ask(node, node.env("ADD", pod, ifname=ifname), conf)
            assert answer.code == 0, (ifname, answer.stdout)
            assert answer.address == "10.61.0.2/24"
            assert ask(node, node.env("DEL", pod, ifname=ifname), conf).code == 0
        assert ended(node, pod)
    assert [name for name in node.links(pod.netns) if name != "lo"] == []


@pytest.mark.parametrize("device", [{}, {"bridge": None, "device": "macvlan", "parent": "up0"}])
def test_another_container_finds_the_namespace_free_right_after_the_del(node: Kubelet, device: dict[str, Any]) -> None:
    node.inside(node.node, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    node.inside(node.node, "ip", "link", "set", "up0", "up")
    pod = node.pod("mysql-0")
    with agent(node):
        for turn in range(16):
            pod = replace(pod, container_id=f"container-{turn}", name=f"web-{turn}")
            assert (answer := node.call("ADD", pod, **device)).code == 0, answer.stdout
            assert node.inside(pod.netns, "ip", "-4", "route", "show", "default") != ""
            assert node.call("DEL", pod, **device).code == 0
            assert "eth0" not in node.links(pod.netns)
            assert node.inside(pod.netns, "ip", "route") == ""
        assert ended(node, pod)
    assert [name for name in node.links(pod.netns) if name != "lo"] == []


def test_a_setting_of_the_namespace_is_back_before_the_del_is_answered(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    before = node.inside(pod.netns, "cat", "/proc/sys/net/ipv4/tcp_keepalive_time")
    with agent(node):
        assert node.call("ADD", pod, sysctls={"net.ipv4.tcp_keepalive_time": "61"}).code == 0
        assert node.call("DEL", pod).code == 0
        assert node.inside(pod.netns, "cat", "/proc/sys/net/ipv4/tcp_keepalive_time") == before


def test_the_same_container_may_be_added_again_right_after_its_del(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    with agent(node):
        for _ in range(10):
            assert node.call("ADD", pod).code == 0
            assert node.call("DEL", pod).code == 0
            assert node.call("DEL", pod).code == 0
        assert ended(node, pod)
    assert node.rows("SELECT count(*) FROM leases") == [(0,)]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"pbC1\xff\xff\xff\xff",
        b"pbC1\x05\x00\x00\x00ab",
        b"pbC1\x04\x00\x00\x00abcd",
        frame.CALL_HEADER.pack(b"pbC1", 12) + b"x\0CNI\0\0stdin",
        frame.CALL_HEADER.pack(b"pbC1", 11) + b"x\0A=1\0A=1\0\0",
    ],
)
def test_what_is_no_call_is_turned_away_and_the_next_is_served(node: Kubelet, sent: bytes) -> None:
    with agent(node, "--workers", "1") as running:
        with socket.socket(socket.AF_UNIX) as to:
            to.connect(str(node.socket))
            to.sendall(sent)
            with contextlib.suppress(OSError):
                to.shutdown(socket.SHUT_WR)
                assert everything(to) == b""
        assert ask(node, {"CNI_COMMAND": "VERSION"}, b'{"cniVersion": "1.0.0"}').code == 0
        assert len(running.wait_for("refused")) == 1


def test_a_look_whether_somebody_listens_is_no_call_and_no_warning(node: Kubelet) -> None:
    with agent(node, "--workers", "1") as running:
        with socket.socket(socket.AF_UNIX) as to:
            to.connect(str(node.socket))
        assert ask(node, {"CNI_COMMAND": "VERSION"}, b'{"cniVersion": "1.0.0"}').code == 0
        assert running.events("refused") == []


@pytest.mark.parametrize("plugin", ["", "nothing", "../podberth", "podberth.x", "_hidden", "__init__", "a\nb", "ü"])
def test_a_type_that_is_no_plugin_is_an_error_with_its_name(node: Kubelet, plugin: str) -> None:
    with agent(node):
        pod = node.pod("mysql-0")
        answer = ask(node, node.env("ADD", pod), json.dumps(node.config()).encode(), plugin)
    assert (answer.code, answer.result["code"]) == (1, 7)
    assert "has no plugin" in answer.result["msg"]


def test_users_other_than_root_can_not_call(node: Kubelet) -> None:
    with agent(node):
        assert node.socket.stat().st_mode & 0o777 == 0o600
        node.socket.chmod(0o666)  # as if an operator had opened it
        node.socket.parent.chmod(0o755)
        script = (
            "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
            " s.sendall(b'pbC1'); print(len(s.recv(9)))"
        )
        asked = ["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", script, str(node.socket)]
        for folder in (node.socket.parent, *node.socket.parent.parents):
            if folder.stat().st_uid == 0 and folder != folder.parent:
                folder.chmod(folder.stat().st_mode | 0o005)
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) in (("0", 0), ("", 1)), done.stderr


def test_a_second_agent_on_the_socket_is_refused_and_the_first_goes_on(node: Kubelet) -> None:
    with agent(node):
        with pytest.raises(AssertionError, match="another agent listens there"):
            node.podberth("agent", "--socket", str(node.socket))
        assert ask(node, {"CNI_COMMAND": "VERSION"}, b'{"cniVersion": "1.0.0"}').code == 0
