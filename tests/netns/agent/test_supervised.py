"""An agent goes on whatever happens to its log, its descriptors, its clients and its store; SIGTERM always ends it."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podberth.agent.desk import desk_of
from podberth.agent.hotplug import LOOPS as HOT_PLUGS
from podberth.agent.policing import LOOPS as POLICING
from tests.checkout import ROOT
from tests.netns.agent.running import agent, ask
from tests.netns.agent.test_desk import page, samples
from tests.sizes import size
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Answer, Kubelet

VERSION = {"CNI_COMMAND": "VERSION"}
OWN = {
    "announcements",
    "claim status",
    "claims",
    "departures",
    "finisher",
    "history",
    *(f"hot plug-{number}" for number in range(HOT_PLUGS)),
    "migrations",
    "network-status",
    "pages",
    "policies",
    *(f"policing-{number}" for number in range(POLICING)),
    "records",
    "upkeep",
}
LOOPS = {*OWN, *(f"worker-{number}" for number in range(8))}


def version(node: Kubelet) -> Answer:
    return ask(node, VERSION, b'{"cniVersion": "1.0.0"}')


def served(node: Kubelet, calls: int = 20) -> bool:
    """Whether twice as many calls as there are workers, and a pod's, are answered, and a probe is content."""
    codes = {version(node).code for _ in range(calls)}
    pod = node.pod(f"web-{time.monotonic_ns()}")
    codes |= {node.call("ADD", pod).code, node.call("DEL", pod).code}
    return (codes, page(node, "/healthz")) == ({0}, (200, b"ok\n"))


def test_every_thread_of_an_agent_is_a_loop_on_the_roll(node: Kubelet) -> None:
    with agent(node) as running:
        assert served(node)
        state = json.loads(page(node, "/v1/state")[1])
        names = [loop["loop"] for loop in state["loops"]]
        assert LOOPS <= set(names) <= {*LOOPS, "flush ahead"}
        found = samples(node)
        assert found['podberth_loop_failures_total{"loop": "worker"}'] == 0
        assert found['podberth_loop_last_turn_seconds{"loop": "upkeep"}'] >= 0
        assert found['podberth_log_lines_lost_total{"to": "stderr"}'] == 0
        tasks = Path(f"/proc/{running.process.pid}/task")
        # The main thread is none; an exchange with a client ends with it.
        until(lambda: len(list(tasks.iterdir())) == len(names) + 1, "a thread is on no roll")


@contextlib.contextmanager
def logging_to(node: Kubelet, stderr: int) -> Iterator[subprocess.Popen[bytes]]:
    """Have an agent with that stderr."""
    podberth = [sys.executable, "-m", "podberth.cli.main", "--state", str(node.state), "agent"]
    command = [*node.at_node, *podberth, "--socket", str(node.socket), "--log-level", "debug"]
    process = subprocess.Popen(command, stderr=stderr, cwd=ROOT)
    try:
        until(lambda: desk_of(node.socket).exists() and page(node, "/readyz")[0] == 200, "it does not serve")
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


@pytest.mark.parametrize("target", ["unread", "full", "disk"])
def test_a_log_that_takes_nothing_costs_no_call_and_sigterm_ends_the_agent(node: Kubelet, target: str) -> None:
    reader, writer = os.pipe2(os.O_CLOEXEC)
    if target == "unread":
        os.close(reader)
    elif target == "full":
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        os.set_blocking(writer, True)
    else:
        os.dup2(os.open("/dev/full", os.O_WRONLY | os.O_CLOEXEC), writer)
    with logging_to(node, writer) as process:
        assert served(node)
        ask(node, {"CNI_COMMAND": "ADD"}, b"{")  # a line of level error
        assert served(node)
        assert samples(node)['podberth_log_lines_lost_total{"to": "stderr"}'] > 20
        process.terminate()
        assert process.wait(PATIENCE) == 0
    os.close(writer)
    if target == "full":
        os.close(reader)


def targets(folder: Path) -> Iterator[Path]:
    """Make what a logFile must not be, one after another."""
    (folder / "directory").mkdir()
    os.mkfifo(folder / "fifo")
    yield from (folder / "directory", folder / "fifo", folder / "missing" / "log", Path("/dev/full"), Path("/dev/ptmx"))


def test_a_log_file_that_is_none_costs_no_call_its_answer(node: Kubelet, tmp_path: Path) -> None:
    with agent(node, "--workers", "1") as running:
        for target in targets(tmp_path):
            pod = node.pod(f"web-{time.monotonic_ns()}")
            for verb in ("ADD", "DEL"):
                assert node.call(verb, pod, logFile=str(target), logLevel="debug").code == 0, target
        assert samples(node)['podberth_log_lines_lost_total{"to": "logFile"}'] > 5
        assert served(node)
        assert running.stop() == 0


def test_an_agent_without_descriptors_goes_on_when_there_are_some_again(node: Kubelet) -> None:
    with agent(node) as running, contextlib.ExitStack() as undo:
        assert served(node)
        pid = running.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        open_now = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now, before[1]))
        for _ in range(10):
            undo.enter_context(socket.socket(socket.AF_UNIX)).connect(str(node.socket))
        running.wait_for("refused")
        assert "no call can be accepted just now" in running.events("refused")[0]["message"]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        undo.close()
        assert served(node)
        assert samples(node)['podberth_loop_failures_total{"loop": "worker"}'] > 0
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now, before[1]))
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(node.socket))
            assert running.stop() == 0


def test_many_silent_connections_keep_no_probe_from_its_answer(node: Kubelet) -> None:
    with agent(node) as running, contextlib.ExitStack() as undo:
        for _ in range(size(300, 1000)):
            peer = undo.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(str(desk_of(node.socket)))
        assert page(node, "/healthz") == (200, b"ok\n")
        assert page(node, "/readyz") == (200, b"ok\n")
        assert running.stop() == 0


@contextlib.contextmanager
def asking(node: Kubelet, codes: list[int]) -> Iterator[None]:
    """Have four callers that ask all the time; every call of theirs has to be answered."""
    done = threading.Event()
    lost: list[BaseException] = []

    def keep_asking() -> None:
        while not done.is_set():
            try:
                codes.append(version(node).code)
            except BaseException as failure:  # noqa: BLE001 - it is counted
                lost.append(failure)

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert lost == []


def test_sighups_in_quick_succession_lose_no_call_and_kill_no_agent(node: Kubelet) -> None:
    codes: list[int] = []
    with agent(node) as running:
        served_so_far = 1
        for turn in range(size(2, 25)):
            with asking(node, codes):
                for _ in range(12):
                    running.process.send_signal(signal.SIGHUP)
                    time.sleep(0.02 * (turn % 5))
                running.wait_for("serving", served_so_far + 1)
            until(lambda: page_or_none(node) == (200, b"ok\n"), "it serves no longer")
            assert running.process.poll() is None
            served_so_far = len(running.events("serving"))
        assert served(node)
        assert running.stop() == 0
    assert set(codes) == {0}


def page_or_none(node: Kubelet) -> tuple[int, bytes] | None:
    try:
        return page(node, "/readyz")
    except (OSError, HTTPException):  # the agent was replaced before the answer was whole
        return None


def test_a_sigterm_beside_a_sighup_ends_the_agent_and_removes_its_socket(node: Kubelet) -> None:
    for order in ((signal.SIGHUP, signal.SIGTERM), (signal.SIGTERM, signal.SIGHUP)):
        with agent(node) as running:
            for number in order:
                running.process.send_signal(number)
            assert running.process.wait(PATIENCE) == 0
        assert not node.socket.exists()


def test_each_loop_of_an_agent_has_a_bound(node: Kubelet) -> None:
    with agent(node) as running:
        state = json.loads(page(node, "/v1/state")[1])
        assert {loop["boundSeconds"] for loop in state["loops"]} == {300.0}
        assert all(loop["lastTurnSeconds"] < 300 for loop in state["loops"])
        assert running.stop() == 0
