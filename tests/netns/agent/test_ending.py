"""An agent that is stopped, replaced or killed: every call is answered, and nothing is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from podberth.agent import frame
from podberth.agent.server import listen
from podberth.entry import open_node
from podberth.ipam.lifecycle import fold
from tests.netns.agent.running import agent, ask, ended, everything, start
from tests.netns.kubelet import BUILT, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns.kubelet import Answer, Kubelet, Pod

VERSION = {"CNI_COMMAND": "VERSION"}


def test_a_stop_removes_the_socket_and_the_plugins_work_without_the_agent(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    with agent(node) as running:
        assert node.call("ADD", pod).code == 0
        assert running.stop() == 0
    assert not node.socket.exists()
    assert node.call("DEL", pod).code == 0
    assert node.rows("SELECT count(*) FROM leases") == [(0,)]


def test_calls_in_the_backlog_of_an_agent_that_stops_are_refused_with_code_11(node: Kubelet) -> None:
    with agent(node, "--workers", "1") as running:
        holder = socket.socket(socket.AF_UNIX)
        holder.connect(str(node.socket))
        holder.sendall(b"pb")  # the one worker waits for the rest
        time.sleep(0.2)
        waiting = socket.socket(socket.AF_UNIX)
        waiting.connect(str(node.socket))
        waiting.sendall(frame.call(frame.Call(plugin_type="podberth", env=VERSION, stdin=b"{}")))
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        holder.close()
        code, stdout = frame.parse_answer(everything(waiting))
        waiting.close()
        assert running.process.wait(30) == 0
    assert (code, json.loads(stdout)["code"]) == (1, 11)


def test_what_is_no_call_in_the_backlog_keeps_no_other_from_its_answer(node: Kubelet) -> None:
    with agent(node, "--workers", "1") as running, contextlib.ExitStack() as open_sockets:
        holder, mad, sane = (open_sockets.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(3))
        holder.connect(str(node.socket))
        holder.sendall(b"pb")  # the one worker waits for the rest
        time.sleep(0.2)
        mad.connect(str(node.socket))
        mad.sendall(b"GET / HTTP/1.1\r\n\r\n")
        sane.connect(str(node.socket))
        sane.sendall(frame.call(frame.Call(plugin_type="podberth", env=VERSION, stdin=b'{"cniVersion": "1.1.0"}')))
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        holder.close()
        _, stdout = frame.parse_answer(everything(sane))
        assert running.process.wait(30) == 0
    assert (json.loads(stdout)["code"], json.loads(stdout)["cniVersion"]) == (11, "1.1.0")


def test_sighup_replaces_the_agent_and_no_call_is_lost(node: Kubelet) -> None:
    codes: list[int] = []
    with agent(node) as running:
        done = threading.Event()

        def keep_asking() -> None:
            while not done.is_set():
                codes.append(ask(node, VERSION, b'{"cniVersion": "1.0.0"}').code)

        threads = [threading.Thread(target=keep_asking) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(2, 5):
            running.process.send_signal(signal.SIGHUP)
            running.wait_for("serving", turn)
        done.set()
        for thread in threads:
            thread.join()
        pod = node.pod("mysql-0")
        assert node.call("ADD", pod).code == 0
        assert node.call("DEL", pod).code == 0
        assert running.stop() == 0
    assert set(codes) == {0}
    assert len(codes) > 3
    assert not node.socket.exists()


def test_a_socket_of_systemds_stays_for_the_next_agent(node: Kubelet, tmp_path: Path) -> None:
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    listening = listen(node.socket)
    podberth = f"{ROOT}/.venv/bin/python -m podberth.cli.main --state {node.state} agent"
    script = f"export LISTEN_PID=$$ LISTEN_FDS=1; exec {podberth} --socket {node.socket} 3<&{listening.fileno()}"
    for _ in range(2):
        process = subprocess.Popen(
            [*node.at_node, "bash", "-c", script],
            pass_fds=[listening.fileno()],
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
            stderr=subprocess.DEVNULL,
        )
        assert ask(node, VERSION, b'{"cniVersion": "1.0.0"}').code == 0
        process.terminate()
        assert process.wait(30) == 0
        assert [told.recv(100), told.recv(100)] == [b"READY=1", b"STOPPING=1"]
    assert node.socket.exists()
    listening.close()
    told.close()


def test_the_next_agent_ends_what_a_killed_one_had_begun(node: Kubelet) -> None:
    pods = [node.pod(f"web-{number}") for number in range(12)]
    with agent(node) as running:
        for pod in pods:
            assert node.call("ADD", pod).code == 0
        for pod in pods:
            assert node.call("DEL", pod).code == 0
        running.process.kill()
        running.process.wait()
    with agent(node):
        assert all(ended(node, pod) for pod in pods)
    assert node.rows("SELECT count(*) FROM leases") == [(0,)]
    assert [name for name in node.links(node.node) if name.startswith("pb")] == []


def test_an_add_that_was_killed_is_taken_back_by_the_next_agent(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    node.remember()
    killed = node.call("ADD", pod, tripwire="6:after:kill")
    assert killed.code == -signal.SIGKILL
    assert node.left_behind() != []
    with agent(node) as running:
        assert running.events("upkeep")[0]["outcome"] == "reverted"
    assert node.left_behind() == []


class Churn:
    """Pods that come and go from several threads; each call is answered, with success or a CNI error."""

    def __init__(self, node: Kubelet, pods: list[Pod]) -> None:
        self.node = node
        self.pods = pods
        self.live: dict[str, Pod] = {}
        self.unsure: set[str] = set()
        self.answers: list[Answer] = []
        self.strange: list[Answer] = []

    def work(self, seed: int, share: list[Pod], calls: int) -> None:
        chance = random.Random(seed)
        for _ in range(calls):
            pod = chance.choice(share)
            verb = "DEL" if pod.container_id in self.live or pod.container_id in self.unsure else "ADD"
            answer = self.node.call(verb, pod)
            self.answers.append(answer)
            if answer.code == 0:
                self.unsure.discard(pod.container_id)
                if verb == "ADD":
                    self.live[pod.container_id] = pod
                else:
                    self.live.pop(pod.container_id, None)
            else:
                self.unsure.add(pod.container_id)
                self.live.pop(pod.container_id, None)
                if answer.result.get("code") not in (11, 4):
                    self.strange.append(answer)


@pytest.mark.parametrize("seed", [1])
def test_an_agent_killed_at_random_under_a_thousand_calls_loses_none_and_leaves_nothing(
    node: Kubelet, seed: int
) -> None:
    chance = random.Random(seed)
    churn = Churn(node, [node.pod(f"web-{number}") for number in range(32)])
    threads = [
        threading.Thread(target=churn.work, args=(seed * 100 + worker, churn.pods[worker::8], 126))
        for worker in range(8)
    ]
    running = start(node)
    for thread in threads:
        thread.start()
    kills = 0
    while any(thread.is_alive() for thread in threads):
        time.sleep(chance.uniform(0.05, 0.6))
        running.process.kill()
        running.process.wait()
        kills += 1
        running = start(node)
    assert kills > 2
    assert len(churn.answers) == 1008
    assert churn.strange == []
    lost = [answer for answer in churn.answers if answer.code]
    assert all("agent" in answer.result["msg"] or answer.result["code"] in (4, 11) for answer in lost)
    _collect(node, list(churn.live.values()))
    _agreed(node, list(churn.live.values()))
    _collect(node, [])
    running.stop()
    _agreed(node, [])


def _collect(node: Kubelet, valid: list[Pod]) -> None:
    answer = node.collect(node.pod("collector"), *valid)
    assert answer.code == 0, answer.stdout


def _agreed(node: Kubelet, live: list[Pod]) -> None:
    """Kernel, tables and the ledger's fold say the same, and it is what `live` says."""
    ledger = open_node(str(node.state)).ledger
    leases = {lease.attachment.container_id: str(lease.address) for lease in ledger.leases()}
    assert leases.keys() == {pod.container_id for pod in live}
    for pod in live:
        found = node.links(pod.netns)["eth0"]["addr_info"]
        assert leases[pod.container_id] in {address["local"] for address in found}
    assert len(set(leases.values())) == len(leases)
    assert {at.container_id for at in fold(ledger.history()).bound.values()} == leases.keys()
    assert len(node.rows("SELECT 1 FROM attachments")) == len(live)
    assert len([name for name in node.links(node.node) if name.startswith("pb")]) == len(live)


def test_the_binary_is_the_shim() -> None:
    assert (BUILT / "podberth").samefile(BUILT / "sriov")
