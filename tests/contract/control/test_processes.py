"""The two commands as processes, and the command line's questions to what they leave behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from podberth.cli.main import main
from podberth.kube.resources import ADDRESS_HISTORIES, LEASES
from tests.contract.control.cluster import HOME, PLUGIN, pool
from tests.contract.kube.said import eventually
from tests.servers.kube import free_ports

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.contract.control.cluster import Cluster


def started(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "podberth.cli.main", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def holder(cluster: Cluster) -> str:
    found = cluster.client.list(LEASES, HOME).items
    held = [each for each in found if each["metadata"]["name"] == "podberth-controller"]
    return str(held[0]["spec"].get("holderIdentity", "")) if held else ""


def test_sigterm_ends_the_controller_and_gives_the_lead_back(cluster: Cluster) -> None:
    (port,) = free_ports(1)
    where = ("--kubeconfig", str(cluster.server.kubeconfig), "--metrics", f"127.0.0.1:{port}")
    process = started("controller", *where, "--interval", "0.2")
    try:
        eventually(lambda: bool(holder(cluster)))
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert holder(cluster) == ""
    assert json.loads(said.splitlines()[-1])["event"] == "stopped"


def test_the_webhook_makes_its_certificate_serves_and_ends(cluster: Cluster) -> None:
    cluster.configure("https://127.0.0.1:1/validate")
    where = ("--kubeconfig", str(cluster.server.kubeconfig), "--listen", "127.0.0.1:0")
    process = started("webhook", *where, "--self-signed", f"podberth-webhook.{HOME}")
    assert process.stderr is not None
    assert json.loads(process.stderr.readline())["event"] == "serving"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said


def test_a_webhook_without_a_certificate_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["webhook", "--listen", "127.0.0.1:0"]) == 2
    assert "--self-signed" in capsys.readouterr().err
    assert main(["webhook", "--self-signed", "nonsense"]) == 2


def asked(state: Path, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "podberth.cli.main", "--state", str(state), *words, "--json"]
    said: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return said


def test_history_and_who_answer_from_the_archive(cluster: Cluster, tmp_path: Path) -> None:
    cluster.apply(pool())
    for turn in range(12):
        lease = cluster.bind("db/a", uid=f"u{turn}")
        cluster.ledger.unbind(lease.attachment, PLUGIN)
    assert cluster.store.archive() == 1
    assert cluster.store.archive() == 0
    assert cluster.client.list(ADDRESS_HISTORIES).items
    state = tmp_path / "state"
    state.mkdir()
    at = {"kubeconfig": str(cluster.server.kubeconfig), "namespace": HOME}
    (state / "store.json").write_text(json.dumps({"store": "kubernetes", "node": "node1", "kubernetes": at}))
    events = asked(state, "history", str(lease.address))["events"]
    assert [event["kind"] for event in events] == ["Bound", "Unbound"] * 12
    assert asked(state, "who", str(lease.address), "--at", events[0]["time"])["pod"] == "db/a"
