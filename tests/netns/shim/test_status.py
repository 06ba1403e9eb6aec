"""STATUS through the shim: a node is not called broken for an agent that is away, killed, replaced or busy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podberth.agent import frame
from podberth.agent.server import stopping
from tests.netns.shim.peer import Shim, answering

if TYPE_CHECKING:
    import socket

DONE = [frame.answer(0, "")]
STATUS = {"CNI_COMMAND": "STATUS"}


def silent(to: socket.socket) -> None:
    """Take what is sent, and say nothing for longer than the shim waits."""
    while to.recv(1 << 16):
        pass


def test_status_carries_a_descriptor_of_the_folder_of_network_namespaces(shim: Shim) -> None:
    at = Path("/run/netns").stat()
    with answering(shim.folder / "s", DONE) as peer:
        assert shim.run({**STATUS, "CNI_NETNS": "/proc/self/ns/net"}).returncode == 0
    assert peer.namespaces == [(at.st_dev, at.st_ino)]


def test_status_passes_while_there_is_no_agent_and_says_so_on_stderr(shim: Shim) -> None:
    done = shim.run(STATUS)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == f"the podberth agent can't be reached at {shim.folder / 's'}\n".encode()
    assert b'"code": 11' in shim.run({}).stdout


@pytest.mark.parametrize(
    "parts", [[], [frame.answer(0, "x")[:5]], [b"what is no answer at all"]], ids=["killed", "half", "nonsense"]
)
def test_status_passes_if_the_agent_ends_before_it_has_answered(shim: Shim, parts: list[bytes]) -> None:
    with answering(shim.folder / "s", parts):
        done = shim.run(STATUS)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.startswith(b"the podberth agent ")


def test_status_passes_if_the_agent_says_nothing(impatient: Path, tmp_path: Path) -> None:
    with answering(tmp_path / "s", silent):
        done = Shim(impatient, tmp_path).run(STATUS)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"the podberth agent did not answer in time\n")


def test_what_the_agent_says_of_the_node_is_passed_on(shim: Shim) -> None:
    with answering(shim.folder / "s", [frame.answer(1, '{"code": 50}')]):
        done = shim.run(STATUS)
    assert (done.returncode, done.stdout) == (1, b'{"code": 50}')


@pytest.mark.parametrize(("verb", "code"), [("STATUS", 0), ("ADD", 1)])
def test_an_agent_that_stops_refuses_an_add_and_passes_status(verb: str, code: int) -> None:
    told: list[tuple[int, str]] = []
    call = frame.Call(plugin_type="podberth", env={"CNI_COMMAND": verb}, stdin=b"{}")
    stopping(call, -1, lambda status, stdout: told.append((status, stdout)))
    assert [status for status, _ in told] == [code]


def test_status_runs_the_plugin_beside_the_shim_at_once(shim: Shim) -> None:
    shim.install_fallback()
    assert shim.run(STATUS).returncode == 42
