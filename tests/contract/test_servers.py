"""The servers that tests start: none outlives the process that started it, however that ends."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.checkout import ROOT
from tests.waiting import until

STARTING = """
import signal
from tests.servers.etcd import EtcdServer
server = EtcdServer()
server.start()
print(server._process.pid, server._folder, flush=True)
signal.pause()
"""


def test_a_server_ends_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-c", STARTING], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    pid, _, folder = worker.stdout.readline().strip().partition(" ")
    process = Path("/proc", pid)
    assert process.exists()
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    until(lambda: not process.exists() or " Z " in (process / "stat").read_text(), lambda: f"etcd {pid} still runs")
    shutil.move(folder, tmp_path)  # which a killed worker has left
