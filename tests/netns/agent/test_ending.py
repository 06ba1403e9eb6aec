"""An agent that is stopped, replaced or killed: every call is answered, and nothing is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

from podberth.agent import frame
from podberth.agent.server import listen
from tests.checkout import ROOT
from tests.netns.agent.running import agent, ask, ended, everything, held, parse_answer
from tests.netns.agent.test_desk import page
from tests.netns.kubelet import BUILT
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns.kubelet import Kubelet

VERSION = {"CNI_COMMAND": "VERSION"}


def test_a_stop_removes_the_socket_and_the_plugins_work_without_the_agent(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    with agent(node) as running:
        assert node.call("ADD", pod).code == 0
        assert running.stop() == 0
    assert not node.socket.exists()
    assert node.call("DEL", pod).code == 0
    assert node.rows("SELECT count(*) FROM leases") == [(0,)]


class Stopping:
    """An agent with one worker, which a call keeps busy, and which can be told to stop meanwhile."""

    def __init__(self, node: Kubelet, folder: Path, undo: contextlib.ExitStack) -> None:
        self._node = node
        self._notified = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self._notified.bind(str(folder / "notify"))
        self._notified.settimeout(PATIENCE)
        env = {"NOTIFY_SOCKET": str(folder / "notify")}
        self.running = undo.enter_context(agent(node, "--workers", "1", env=env))
        self._holder = undo.enter_context(held(node))
        until(lambda: json.loads(page(node, "/v1/state")[1])["busy"] == 1, "the worker took no call")

    def stop(self) -> None:
        """Send SIGTERM; once it is heeded, let the worker go."""
        self.running.process.send_signal(signal.SIGTERM)
        while self._notified.recv(100) != b"STOPPING=1":
            pass
        until(lambda: "worker-0" not in self._loops(), "its worker is not told to stop")
        self._holder.close()

    def _loops(self) -> set[str]:
        """Return the loops that run, and were not told to stop."""
        return {one["loop"] for one in json.loads(page(self._node, "/v1/state")[1])["loops"]}


def test_calls_in_the_backlog_of_an_agent_that_stops_are_refused_with_code_11(node: Kubelet, tmp_path: Path) -> None:
    with contextlib.ExitStack() as undo:
        stopping = Stopping(node, tmp_path, undo)
        waiting = undo.enter_context(socket.socket(socket.AF_UNIX))
        waiting.connect(str(node.socket))
        waiting.sendall(frame.call(frame.Call(plugin_type="podberth", env=VERSION, stdin=b"{}")))
        stopping.stop()
        code, stdout = parse_answer(everything(waiting))
        assert stopping.running.process.wait(PATIENCE) == 0
    assert (code, json.loads(stdout)["code"]) == (1, 11)


def test_what_is_no_call_in_the_backlog_keeps_no_other_from_its_answer(node: Kubelet, tmp_path: Path) -> None:
    with contextlib.ExitStack() as undo:
        stopping = Stopping(node, tmp_path, undo)
        mad, sane = (undo.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        mad.connect(str(node.socket))
        mad.sendall(b"GET / HTTP/1.1\r\n\r\n")
        sane.connect(str(node.socket))
        sane.sendall(frame.call(frame.Call(plugin_type="podberth", env=VERSION, stdin=b'{"cniVersion": "1.1.0"}')))
        stopping.stop()
        _, stdout = parse_answer(everything(sane))
        assert stopping.running.process.wait(PATIENCE) == 0
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
        assert process.wait(PATIENCE) == 0
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
        assert running.wait_for("upkeep")[0]["outcome"] == "reverted"
    assert node.left_behind() == []


def test_the_binary_is_the_shim() -> None:
    assert (BUILT / "podberth").samefile(BUILT / "sriov")
