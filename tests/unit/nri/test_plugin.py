"""The plugin's loop on a socket: whatever its runtime does, it goes on, and answers each call."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from podberth.nri.frames import REQUEST, Decoder, Frame, encode
from podberth.nri.messages import OK, PLUGIN, UNAVAILABLE, Pod, Request, Response
from podberth.nri.plugin import MOST, Plugin
from podberth.nri.session import CALLED, SERVED
from podberth.protobuf.wire import encoded_bytes, encoded_text
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Pods:
    """Waits with a pod of the name 'slow' until it may go on; one that is 'bad' raises."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def synchronize(self, pods: tuple[Pod, ...]) -> None:
        """Do nothing."""

    def run(self, pod: Pod) -> None:
        if pod.name == "slow":
            self.go_on.wait(PATIENCE)
        if pod.name == "bad":
            raise ValueError("what a bug looks like")

    def stop(self, pod: Pod) -> None:
        """Do nothing."""

    def remove(self, pod: Pod) -> None:
        """Do nothing."""

    def create(self, pod: Pod) -> None:
        """Do nothing."""


class Runtime:
    """Takes one plugin at a time."""

    def __init__(self, path: Path) -> None:
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.bind(str(path))
        self.listening.listen()
        self.listening.settimeout(PATIENCE)
        self.pods = Pods()
        self.failures: list[str] = []
        self.plugin = Plugin(path, self.pods, lambda _: None, self.failures.append, patience=0.5)
        self.peer: socket.socket | None = None
        self.decoder = Decoder()
        self.waiting: list[Frame] = []

    def take(self) -> None:
        """Take the plugin's next connection, and its registration."""
        if self.peer is not None:
            self.peer.close()
        self.peer, _ = self.listening.accept()
        self.peer.settimeout(PATIENCE)
        self.decoder, self.waiting = Decoder(), []
        assert Request.read(self.frame().body).method == "RegisterPlugin"

    def frame(self) -> Frame:
        """Return the next message of the plugin."""
        assert self.peer is not None
        while not self.waiting:
            received = self.peer.recv(1 << 16)
            assert received, "the plugin has closed the connection"
            self.waiting += self.decoder.feed(received, (SERVED, CALLED))
        return self.waiting.pop(0)

    def send(self, raw: bytes) -> None:
        assert self.peer is not None
        self.peer.sendall(raw)

    def run(self, stream: int, name: str) -> None:
        payload = encoded_bytes(1, encoded_text(1, "id") + encoded_text(2, name) + encoded_text(4, "bank"))
        body = Request(service=PLUGIN, method="RunPodSandbox", payload=payload).encode()
        self.send(encode(Frame(connection=SERVED, stream=stream, type=REQUEST, body=body)))

    def answer(self) -> tuple[int, Response]:
        frame = self.frame()
        return frame.stream, Response.read(frame.body)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    made = Runtime(tmp_path / "nri.sock")
    made.plugin.start()
    made.take()
    yield made
    made.pods.go_on.set()
    made.plugin.stop(PATIENCE)
    assert made.peer is not None
    made.peer.close()
    made.listening.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff" * 64,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        encode(Frame(connection=SERVED, stream=1, type=REQUEST, body=b"\xff\xff")),
        encode(Frame(connection=CALLED, stream=1, type=2, body=Response(code=2, message="no").encode())),
    ],
    ids=["an end", "noise", "another protocol", "no message", "a refusal"],
)
def test_after_whatever_a_runtime_says_the_plugin_connects_again_and_serves(runtime: Runtime, raw: bytes) -> None:
    runtime.send(raw)
    if not raw:
        assert runtime.peer is not None
        runtime.peer.shutdown(socket.SHUT_RDWR)
    runtime.take()

    runtime.run(1, "db-0")
    assert runtime.answer() == (1, Response(code=OK))
    assert len(runtime.failures) == 1


def test_after_an_answer_that_was_sent_in_part_the_plugin_connects_again_and_serves(runtime: Runtime) -> None:
    body = Request(service=PLUGIN, method="x" * (1 << 20)).encode()  # which the answer has in it
    runtime.send(encode(Frame(connection=SERVED, stream=1, type=REQUEST, body=body)))
    runtime.take()

    runtime.run(1, "db-0")
    assert runtime.answer() == (1, Response(code=OK))


def test_an_error_is_an_answer_and_the_next_call_is_served(runtime: Runtime) -> None:
    runtime.run(1, "bad")
    stream, failed = runtime.answer()
    assert (stream, failed.code != OK, "what a bug looks like" in failed.message) == (1, True, True)

    runtime.run(3, "db-0")
    assert runtime.answer()[1].code == OK


def test_a_slow_pod_delays_no_other(runtime: Runtime) -> None:
    runtime.run(1, "slow")
    runtime.run(3, "db-0")
    assert runtime.answer()[0] == 3
    runtime.pods.go_on.set()
    assert runtime.answer()[0] == 1


def test_more_calls_than_can_be_served_at_a_time_are_told_so(runtime: Runtime) -> None:
    for number in range(MOST):
        runtime.run(2 * number + 1, "slow")
    runtime.run(2 * MOST + 1, "db-0")
    stream, answer = runtime.answer()

    assert (stream, answer.code) == (2 * MOST + 1, UNAVAILABLE)
    runtime.pods.go_on.set()
    assert {runtime.answer()[1].code for _ in range(MOST)} == {OK}


def test_a_runtime_that_is_not_there_is_told_once_and_found_once_it_is(tmp_path: Path) -> None:
    failures: list[str] = []
    plugin = Plugin(tmp_path / "nri.sock", Pods(), lambda _: None, failures.append)
    plugin.start()
    until(lambda: failures, "nobody is told")
    runtime = Runtime(tmp_path / "nri.sock")
    try:
        runtime.take()
        assert failures == [f"{tmp_path / 'nri.sock'}: No such file or directory"]
    finally:
        plugin.stop(PATIENCE)
        assert runtime.peer is not None
        runtime.peer.close()
        runtime.listening.close()


def test_a_plugin_that_stops_ends_what_is_under_way(runtime: Runtime) -> None:
    runtime.run(1, "db-0")
    assert runtime.answer()[0] == 1
    runtime.plugin.stop(PATIENCE)
    assert runtime.peer is not None
    assert runtime.peer.recv(1) == b""
