"""STATUS through the shim: a node is not called broken for an agent that is only away for a moment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from podberth.agent import frame
from tests.netns.shim.peer import Shim, answering

DONE = [frame.answer(0, "")]
STATUS = {"CNI_COMMAND": "STATUS"}


def test_status_carries_a_descriptor_of_the_folder_of_network_namespaces(shim: Shim) -> None:
    at = Path("/run/netns").stat()
    with answering(shim.folder / "s", DONE) as peer:
        assert shim.run({**STATUS, "CNI_NETNS": "/proc/self/ns/net"}).returncode == 0
    assert peer.namespaces == [(at.st_dev, at.st_ino)]


def test_status_waits_for_an_agent_that_is_being_started(shim: Shim) -> None:
    env = {"PODBERTH_SOCKET": str(shim.folder / "s"), **STATUS}
    asking = subprocess.Popen([shim.binary], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with answering(shim.folder / "s", DONE) as peer:
        told, _ = asking.communicate(b"{}", timeout=60)
    assert (asking.returncode, told) == (0, b"")
    assert [call.stdin for call in peer.calls] == [b"{}"]


def test_an_agent_that_does_not_come_makes_status_50(impatient: Path, tmp_path: Path) -> None:
    done = Shim(impatient, tmp_path).run(STATUS)
    assert done.returncode == 1
    error = json.loads(done.stdout)
    assert (error["code"], error["details"]) == (50, "start it with `podberth agent`")


def test_status_runs_the_plugin_beside_the_shim_at_once(shim: Shim) -> None:
    shim.install_fallback()
    assert shim.run(STATUS).returncode == 42
