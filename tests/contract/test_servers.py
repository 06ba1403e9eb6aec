"""The servers that tests start: none outlives its process, none loses its port, and each says who has asked what."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.kube.resources import CONFIG_MAPS
from tests.checkout import ROOT
from tests.servers.audit import COUNTED
from tests.servers.operator import SECONDS
from tests.servers.ports import free_ports
from tests.waiting import at_rest, until

if TYPE_CHECKING:
    from tests.servers.kube import KubeServer

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


def test_no_port_is_given_twice_and_none_is_one_that_the_kernel_gives() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    here = [*free_ports(50), *free_ports(50)]
    asked = "from tests.servers.ports import free_ports; print(*free_ports(500))"
    there = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = [*here, *map(int, there.split())]
    assert len(set(found)) == 600
    assert max(found) < first


def test_what_one_user_asks_is_counted_and_nothing_that_others_and_the_server_itself_ask(kube: KubeServer) -> None:
    with closing(Client(load(str(kube.user(COUNTED, "system:masters"))), timeout=SECONDS)) as client:
        before = kube.requests()
        client.list(CONFIG_MAPS, "default")
        kube.operator.client.list(CONFIG_MAPS, "default")
        until(lambda: kube.requests() != before)
        assert at_rest(kube.requests) - before == {("list", "configmaps"): 1}


def test_a_thing_is_at_rest_once_it_has_stopped_changing() -> None:
    values = iter(range(20))
    assert at_rest(lambda: next(values, 20)) == 20
