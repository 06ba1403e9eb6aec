"""Real TCP traffic between two pods, to measure a rate limit with."""

from __future__ import annotations

import subprocess
import sys

from podberth.cli.demo.playground import DemoFailed, Pod

PORT = 3306
_RECEIVE = """
import socket, sys, time
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
stream, _ = server.accept()
received, start = 0, 0.0
while chunk := stream.recv(1 << 16):
    start = start or time.monotonic()
    received += len(chunk)
print(received * 8 / (time.monotonic() - start) / 1e6)
"""
_SEND = """
import socket, sys, time
stream = socket.create_connection((sys.argv[1], int(sys.argv[2])))
end = time.monotonic() + float(sys.argv[3])
block = bytes(1 << 16)
while time.monotonic() < end:
    stream.sendall(block)
"""


def measure(sender: Pod, receiver: Pod, address: str, seconds: float) -> float:
    """Send as fast as possible for `seconds`; return what arrived at `address`, in Mbit/s."""
    into = ("ip", "netns", "exec")
    python = (sys.executable, "-I", "-c")
    with subprocess.Popen(  # noqa: S603
        (*into, receiver.netns, *python, _RECEIVE, address, str(PORT)), stdout=subprocess.PIPE, text=True
    ) as receiving:
        assert receiving.stdout is not None
        if receiving.stdout.readline().strip() != "ready":
            raise DemoFailed(f"the receiver in {receiver.name} did not start")
        sending = (*into, sender.netns, *python, _SEND, address, str(PORT), str(seconds))
        subprocess.run(sending, check=True)  # noqa: S603
        return float(receiving.stdout.read())
