"""A real agent on a node of the tests: started, asked, stopped, killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podberth.agent import frame
from tests.checkout import ROOT
from tests.netns.kubelet import Answer
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.netns.kubelet import Kubelet, Pod

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.60.0.0/16, gateway: 10.60.0.1}]
"""


def parse_answer(answer: bytes) -> tuple[int, str]:
    """Return (exit code, stdout) of a whole answer."""
    magic, code, length = frame.ANSWER_HEADER.unpack_from(answer)
    body = answer[frame.ANSWER_HEADER.size :]
    assert (magic, length) == (b"pbA1", len(body)), answer
    return code, body.decode()


@dataclass
class Running:
    """An agent's process, and the file its log goes to."""

    process: subprocess.Popen[bytes]
    log: Path
    read: int = 0  # bytes of the log: it has a line for each call, and is looked at all the time
    said: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return what the log says of that event so far."""
        with self.log.open("rb") as log:
            log.seek(self.read)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self.read += len(whole)
        for line in whole.decode().splitlines():
            if line.endswith("}"):
                found = json.loads(line)
                self.said.setdefault(found["event"], []).append(found)
        return list(self.said.get(event, ()))

    def wait_for(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Return once the log has that many of the event."""

        def logged() -> list[dict[str, Any]]:
            events = self.events(event)
            assert len(events) >= count or self.process.poll() is None, self.log.read_text()
            return events if len(events) >= count else []

        return until(logged, lambda: f"no {event} in {self.log.read_text()[-2000:]}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send it the signal and wait for its end."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def start(node: Kubelet, *options: str, env: dict[str, str] | None = None) -> Running:
    """Start an agent on the node; return once it serves."""
    log = node.socket.with_suffix(f".{time.monotonic_ns()}.log")
    podberth = [sys.executable, "-m", "podberth.cli.main", "--state", str(node.state), "agent"]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*node.at_node, *podberth, "--socket", str(node.socket), *options],
            stderr=stderr,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
        )
    running = Running(process, log)
    running.wait_for("serving")
    return running


@contextlib.contextmanager
def agent(node: Kubelet, *options: str, env: dict[str, str] | None = None) -> Iterator[Running]:
    """Have an agent on the node; it is ended in the end, if nobody did before."""
    running = start(node, *options, env=env)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


def ended(node: Kubelet, pod: Pod) -> bool:
    """Wait until nothing is recorded of the pod any more."""
    query = f"SELECT 1 FROM attachments WHERE container_id = '{pod.container_id}'"
    return until(lambda: not node.rows(query), f"{pod.name} is still recorded")


@contextlib.contextmanager
def held(node: Kubelet) -> Iterator[socket.socket]:
    """Have a worker busy with a call that does not come to its end; it is let go when the socket is closed."""
    with socket.socket(socket.AF_UNIX) as holder:
        holder.connect(str(node.socket))
        holder.sendall(frame.CALL_HEADER.pack(b"pbC1", frame.LIMIT))

        def dribble() -> None:  # the agent gives up on a peer that says nothing for 5 s
            with contextlib.suppress(OSError):
                while True:
                    holder.sendall(b"x")
                    time.sleep(0.2)

        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            yield holder
        finally:
            holder.close()
            thread.join()


def ask(node: Kubelet, env: dict[str, str], stdin: bytes = b"{}", plugin: str = "podberth") -> Answer:
    """Make a call over the socket, as a shim does, without a descriptor of a namespace."""
    with socket.socket(socket.AF_UNIX) as to:
        to.settimeout(PATIENCE)
        to.connect(str(node.socket))
        to.sendall(frame.call(frame.Call(plugin_type=plugin, env=env, stdin=stdin)))
        return Answer(*parse_answer(everything(to)), "")


def everything(from_: socket.socket) -> bytes:
    """Read until the other side ends."""
    read = b""
    while part := from_.recv(65536):
        read += part
    return read
