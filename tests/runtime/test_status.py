"""What kubelet is told of the node's network: containerd 2.1 asks STATUS, and an error makes the node NotReady."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from podberth.entry import open_node
from podberth.ipam.elsewhere import Fence
from podberth.ipam.lease import Actor
from tests.checkout import ROOT
from tests.runtime.containerd import BUILT
from tests.runtime.cri import Refused
from tests.runtime.site import Site, site
from tests.servers.etcd import EtcdServer
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.runtime.containerd import Containerd

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.84.0.0/29, gateway: 10.84.0.1}]
"""
FULL = 5  # pods: six addresses, one of them the gateway's
READY = (True, "")


@pytest.fixture
def full(newest_containerd: Containerd, tmp_path: Path) -> Iterator[Site]:
    """A pool of eight addresses, and as many pods as it has room for."""
    with site(newest_containerd, tmp_path, DOCUMENTS) as made:
        for number in range(FULL):
            made.run(f"web-{number}")
        yield made


@pytest.fixture
def quiet(newest_containerd: Containerd, tmp_path: Path) -> Iterator[Site]:
    with site(newest_containerd, tmp_path, DOCUMENTS) as made:
        yield made


@contextlib.contextmanager
def agent(of: Site, *, sees_the_node: bool) -> Iterator[None]:
    """Have an agent serve the runtime's calls. Its network is this machine's, where etcd listens; it gets no ADD.

    With `sees_the_node` its mounts are the node's.
    """
    enter = ["nsenter", f"--target={of.node.pid}", "--mount", "--pid"] if sees_the_node else []
    socket = of.containerd.root / "agent.sock"
    command = [sys.executable, "-m", "podberth.cli.main", "--state", str(of.state), "agent", "--socket", str(socket)]
    log, pid = of.folder / "agent.log", of.folder / "agent.pid"
    # The shell says which ID the agent has where it runs; nsenter's own is another.
    script = ["sh", "-c", 'echo $$ >"$0"; exec "$@"', str(pid), *command]
    with log.open("wb") as stderr:
        process = subprocess.Popen([*enter, *script], stderr=stderr, cwd=ROOT)
    try:
        until(lambda: "serving" in log.read_text(), of.containerd.log_after("the agent does not serve"))
        of.containerd.socket_file.write_text(str(socket))
        yield
    finally:
        of.containerd.socket_file.unlink(missing_ok=True)
        subprocess.run([*enter, "kill", pid.read_text().strip()], check=False)
        process.wait()


def fence(of: Site, *, lifted: bool) -> None:
    """Say of the node n1 that nothing runs there any more, on another node of its cluster; or take it back."""
    other = open_node(str(of.folder / "n2"))
    actor = Actor(who="ops", why="the power supply burnt", node="n2")
    assert other.elsewhere.fence(Fence(node="n1", actor=actor, time=other.clock(), lifted=lifted))


def test_a_node_whose_pool_is_full_stays_ready_and_the_next_pod_reads_why(full: Site) -> None:
    for _ in range(3):
        assert full.containerd.network_condition() == READY
    with pytest.raises(Refused, match="pool db: no free IPv4 address: 5 of 5 leased"):
        full.run("web-5")
    assert full.containerd.network_condition() == READY


def test_a_node_stays_ready_while_its_pool_is_not_there(quiet: Site) -> None:
    quiet.podberth("delete", "pool", "db")
    assert quiet.containerd.network_condition() == READY
    with pytest.raises(Refused, match="there is no pool 'db'"):
        quiet.run("web-0")
    assert quiet.containerd.network_condition() == READY


def test_a_node_stays_ready_with_a_directory_of_documents_that_can_not_be_read(quiet: Site) -> None:
    policies = quiet.folder / "policies"
    policies.mkdir()
    (policies / "broken.yaml").write_text("kind: []\n")
    quiet.use(policyDir=str(policies))
    assert quiet.containerd.network_condition() == READY
    with pytest.raises(Refused, match=r"broken\.yaml"):
        quiet.run("web-0")
    assert quiet.containerd.network_condition() == READY


def test_a_node_without_an_agent_stays_ready_and_the_next_pod_reads_why(quiet: Site) -> None:
    plugin = quiet.containerd.root / "bin" / "podberth"
    usual = plugin.read_text()
    shim = quiet.folder / "podberth"  # with no plugin beside it, as on a host without Python
    shim.write_bytes((BUILT / "podberth").read_bytes())
    shim.chmod(0o755)
    plugin.write_text(f"#!/bin/sh\nPODBERTH_SOCKET={quiet.folder / 'nobody.sock'} exec {shim}\n")
    try:
        for _ in range(3):
            assert quiet.containerd.network_condition() == READY
        with pytest.raises(Refused, match="the podberth agent can't be reached at"):
            quiet.run("web-0")
        assert quiet.containerd.network_condition() == READY
    finally:
        plugin.write_text(usual)


def test_a_node_whose_store_is_damaged_is_not_ready_until_it_is_mended(quiet: Site) -> None:
    assert quiet.containerd.network_condition() == READY
    file = quiet.state / "podberth.db"
    whole = file.read_bytes()
    for beside in quiet.state.glob("podberth.db-*"):
        beside.unlink()
    file.write_bytes(b"damaged\n" * 4096)
    ready, message = quiet.containerd.network_condition()
    assert (ready, f"{file} is damaged" in message) == (False, True), message
    file.write_bytes(whole)
    assert quiet.containerd.network_condition() == READY


@pytest.mark.parametrize("resident", [False, True], ids=["the plugin by itself", "an agent that has it open"])
def test_a_node_whose_state_directory_can_not_be_written_is_not_ready(quiet: Site, *, resident: bool) -> None:
    run = quiet.node.run
    with agent(quiet, sees_the_node=True) if resident else contextlib.nullcontext():
        assert quiet.containerd.network_condition() == READY
        run("mount", "--bind", "-o", "ro", str(quiet.state), str(quiet.state))
        try:
            ready, message = quiet.containerd.network_condition()
            assert (ready, str(quiet.state) in message) == (False, True), message
        finally:
            run("umount", str(quiet.state))
        assert quiet.containerd.network_condition() == READY


def test_a_fenced_node_is_not_ready_and_a_store_that_is_away_changes_nothing(quiet: Site) -> None:
    with EtcdServer() as etcd:
        for name in ("n1", "n2"):
            member = [sys.executable, "-m", "podberth.cli.main", "--state", str(quiet.folder / name)]
            subprocess.run([*member, "store", "use", "etcd", "--endpoint", etcd.url, "--node", name], check=True)
        with agent(quiet, sees_the_node=True):
            quiet.use(stateDir=str(quiet.folder / "n1"))
            assert quiet.containerd.network_condition() == READY
            fence(quiet, lifted=False)
            ready, message = quiet.containerd.network_condition()
            assert (ready, "node n1 is fenced" in message) == (False, True), message
            etcd.kill()
            ready, message = quiet.containerd.network_condition()
            assert (ready, "node n1 is fenced" in message) == (False, True), message
            etcd.start()
            fence(quiet, lifted=True)
            until(
                lambda: quiet.containerd.network_condition() == READY,
                quiet.containerd.log_after("the node stays fenced"),
            )
            etcd.kill()
            for _ in range(3):
                assert quiet.containerd.network_condition() == READY
            etcd.start()


def test_a_node_whose_agent_does_not_see_its_network_namespaces_is_not_ready(quiet: Site) -> None:
    with agent(quiet, sees_the_node=False):
        ready, message = quiet.containerd.network_condition()
    assert (ready, "the agent does not see the node's /run/netns" in message) == (False, True), message
    with agent(quiet, sees_the_node=True):
        assert quiet.containerd.network_condition() == READY
