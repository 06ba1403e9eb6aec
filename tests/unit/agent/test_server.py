"""No peer, no call, no log and no shortage costs the agent a worker: the next good call is answered."""

from __future__ import annotations

import errno
import os
import random
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from podberth.agent import frame
from podberth.agent.server import Server, listen
from podberth.process import health, roll
from tests.sizes import size
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.agent.server import Answer

WORKERS = 2
GOOD = frame.Call(plugin_type="podberth", env={"CNI_COMMAND": "VERSION"}, stdin=b"{}")
BUGS: dict[str, BaseException] = {
    "bug": ValueError("no"), "exit": SystemExit(1), "interrupt": KeyboardInterrupt(), "memory": MemoryError(),
    "deep": RecursionError(), "pipe": BrokenPipeError(), "slow": BlockingIOError(),
}  # fmt: skip


class Scarce:
    """A listening socket whose accept fails while it is told to."""

    def __init__(self, real: socket.socket) -> None:
        self._real = real
        self.failure: OSError | None = None
        self.tries = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def accept(self) -> tuple[socket.socket, object]:
        self.tries += 1
        if self.failure is not None:
            raise self.failure
        return self._real.accept()


class Agent:
    """A server whose calls fail as their stdin says, and whose log fails if it is told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[str] = []
        self.deaf = False
        self.scarce = Scarce(listen(path))
        self.server = Server(self.scarce, self.serve, self.log, WORKERS)  # type: ignore[arg-type]
        self.server.start()

    def serve(self, call: frame.Call, netns: int, answer: Answer) -> None:
        if netns >= 0:
            os.close(netns)
        wanted = call.stdin.decode(errors="replace")
        if wanted in BUGS:
            raise BUGS[wanted]
        answer(0, "good")

    def log(self, why: str) -> None:
        if self.deaf:
            raise BrokenPipeError(errno.EPIPE, "nobody reads")
        self.lines.append(why)

    def send(self, data: bytes, *, wait: bool = True) -> bytes:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(PATIENCE)
            peer.connect(str(self.path))
            try:
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
                return peer.recv(1000) if wait else b""
            except OSError:
                return b""

    def serves(self) -> bool:
        """Whether every worker answers: as many good calls at once as there are."""
        answers = [self.send(frame.call(GOOD)) for _ in range(2 * WORKERS)]
        return set(answers) == {frame.answer(0, "good")} and health.problem() == "" and self.alive() == WORKERS

    def alive(self) -> int:
        return sum(loop.family == "worker" and loop.alive for loop in roll.running())


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    made = Agent(tmp_path / "agent.sock")
    yield made
    made.scarce.failure = None
    assert made.server.stop(60)
    made.scarce._real.close()


def call(stdin: bytes) -> bytes:
    return frame.call(frame.Call(plugin_type="podberth", env={}, stdin=stdin))


@pytest.mark.parametrize("deaf", [False, True])
@pytest.mark.parametrize("bug", BUGS)
def test_a_call_that_raises_anything_costs_no_worker(agent: Agent, bug: str, *, deaf: bool) -> None:
    agent.deaf = deaf
    for _ in range(3 * WORKERS):
        assert agent.send(call(bug.encode())) == b""
    assert agent.serves()
    until(lambda: len(agent.lines) == (0 if deaf else 3 * WORKERS))  # a line comes after the end of its connection


def test_a_peer_that_hangs_up_before_it_says_anything_is_no_warning(agent: Agent) -> None:
    for _ in range(3 * WORKERS):
        assert agent.send(b"") == b""
    assert agent.send(b"pbC1") == b""
    until(lambda: len(agent.lines) > 0)
    assert agent.serves()
    assert agent.lines == ["a call ended 4 bytes too early"]


@pytest.mark.parametrize("deaf", [False, True])
def test_an_answer_that_can_t_be_sent_costs_no_worker(agent: Agent, *, deaf: bool) -> None:
    agent.deaf = deaf
    for _ in range(10 * WORKERS):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(agent.path))
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.sendall(frame.call(GOOD))
    assert agent.serves()


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EPERM, errno.EIO])
@pytest.mark.parametrize("deaf", [False, True])
def test_an_accept_that_fails_is_tried_again_without_a_spin(agent: Agent, code: int, *, deaf: bool) -> None:
    agent.deaf = deaf
    agent.scarce.failure = OSError(code, os.strerror(code))
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(PATIENCE)
        peer.connect(str(agent.path))
        peer.sendall(frame.call(GOOD))
        until(lambda: agent.scarce.tries >= 4 * WORKERS, "it is not tried again")
        failures = roll.failures()["worker"]
        assert failures >= 3 * WORKERS
        assert deaf or agent.lines[0].startswith("no call can be accepted just now: ")
        assert len(agent.lines) <= WORKERS  # once for each worker, not once for each try
        agent.scarce.failure = None
        assert peer.recv(100) == frame.answer(0, "good")
    assert agent.serves()


def test_a_stop_ends_workers_that_can_t_accept(tmp_path: Path) -> None:
    agent = Agent(tmp_path / "agent.sock")
    agent.scarce.failure = OSError(errno.EMFILE, "no room")
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(agent.path))
        until(lambda: agent.scarce.tries >= 4, "it is not tried")
        assert agent.server.stop(60)
        assert agent.server.turn_away() == 0
    agent.scarce._real.close()


BODIES = st.binary(max_size=300) | st.lists(st.sampled_from([b"\0", b"=", b"CNI_ARGS=", b"\xff", b"A=B"])).map(b"".join)
HEADERS = st.builds(frame.CALL_HEADER.pack, st.sampled_from([b"pbC1", b"pbA1", b"GET "]), st.integers(0, 2**32 - 1))
FRAMES = (
    st.binary(max_size=300)
    | st.builds(bytes.__add__, HEADERS, BODIES)
    | BODIES.map(lambda body: frame.CALL_HEADER.pack(b"pbC1", len(body)) + body)
    | st.sampled_from([call(bug.encode()) for bug in BUGS])
)


@settings(
    max_examples=size(150, 5000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(data=FRAMES, hasty=st.booleans())
@example(data=b"", hasty=True)
@example(data=frame.CALL_HEADER.pack(b"pbC1", frame.LIMIT + 1), hasty=False)
def test_after_anything_a_peer_says_the_next_good_call_is_answered(agent: Agent, data: bytes, *, hasty: bool) -> None:
    agent.send(data, wait=not hasty)
    assert agent.send(frame.call(GOOD)) == frame.answer(0, "good")
    assert agent.alive() == WORKERS


def test_descriptors_that_come_with_nonsense_are_closed(agent: Agent) -> None:
    def sent(number: int, data: bytes) -> None:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(PATIENCE)
            peer.connect(str(agent.path))
            socket.send_fds(peer, [data], [0] * number)
            peer.shutdown(socket.SHUT_WR)
            peer.recv(100)

    chance = random.Random(7)
    given: list[Callable[[], bytes]] = [lambda: frame.call(GOOD), lambda: b"pbC1", lambda: chance.randbytes(40)]
    sent(1, frame.call(GOOD))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for turn in range(size(30, 3000)):
        sent(1 + turn % 5, given[turn % 3]())
    assert agent.serves()
    until(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before, "descriptors stay open")


def test_silent_peers_cost_no_other_its_refusal_when_the_agent_ends(tmp_path: Path) -> None:
    listening = listen(tmp_path / "agent.sock")
    listening.setblocking(False)
    server = Server(listening, lambda *_: None, lambda _: None, 1)
    silent = [socket.socket(socket.AF_UNIX) for _ in range(100)]
    for peer in silent:
        peer.connect(str(tmp_path / "agent.sock"))
        peer.send(b"p")
    with socket.socket(socket.AF_UNIX) as last:
        last.settimeout(PATIENCE)
        last.connect(str(tmp_path / "agent.sock"))
        last.sendall(frame.call(GOOD))
        assert server.turn_away(5) == 101  # each by itself would have had five seconds
        assert b"the podberth agent is stopping" in last.recv(1 << 16)
    for peer in (*silent, listening):
        peer.close()
