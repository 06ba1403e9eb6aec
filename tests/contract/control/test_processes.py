"""The two commands as processes, and the command line's questions to what they leave behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from io import StringIO
from typing import TYPE_CHECKING, Any

from podberth.cli.main import main
from podberth.kube.resources import ADDRESS_HISTORIES, EVENTS, LEASES
from tests.checkout import ROOT
from tests.contract.control.cluster import HOME, PLUGIN, podnetwork, pool, reservation
from tests.servers.ports import free_ports
from tests.waiting import PATIENCE, until

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


def rights(part: str) -> tuple[tuple[str, str, list[str]], ...]:
    """Return what docs/controller.md says that a part needs: API group, resource, verbs."""
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in (ROOT / "docs/controller.md").read_text().partition("## Rights")[2].splitlines()
        if line.startswith("| ") and "---" not in line
    ]
    column = [cell.strip() for cell in rows[0]].index(part)
    found = []
    for row in rows[1:]:
        group = row[0].split(",")[0].replace("(core)", "")
        verbs = row[column].split(", ") if len(row) > column and row[column] else []
        found += [(group, resource, verbs) for resource in row[1].split(", ") if verbs]
    return tuple(found)


def test_both_need_no_more_rights_than_are_written_down(cluster: Cluster) -> None:
    for part in ("webhook", "controller"):
        cluster.server.user(f"{part}-account")
        cluster.server.allow(f"{part}-account", *rights(part))
    cluster.webhook(str(cluster.server.root / "webhook-account.kubeconfig"))
    log = StringIO()
    cluster.controller(archiving=1.0, kubeconfig=str(cluster.server.root / "controller-account.kubeconfig"), log=log)
    cluster.node("node1")
    kept = pool(subnet="10.20.0.0/29")
    kept["spec"]["stickyRetention"] = "1s"
    declared = podnetwork("a", "10.20.0.2")
    declared["spec"]["retention"] = "1s"
    cluster.apply(kept, declared, reservation("r", "10.20.0.3", "db/r"))
    until(lambda: len(cluster.reserved()) == 2)
    assert cluster.refused(podnetwork("b", "10.20.0.2"))
    for turn in range(12):
        lease = cluster.bind("db/a", uid=f"u{turn}", address="10.20.0.2", node="gone")
        if turn < 11:
            cluster.ledger.unbind(lease.attachment, PLUGIN)
    until(lambda: not cluster.leased())
    until(lambda: cluster.reserved() == ["10.20.0.3 db/r manual"])
    assert cluster.kubectl("delete", "addressreservation", "r").returncode == 0
    until(lambda: not cluster.reserved())
    until(lambda: bool(cluster.client.list(ADDRESS_HISTORIES).items))
    until(lambda: cluster.condition("pool", "db")[0] == "True")
    until(lambda: any(each["reason"] == "AddressReleased" for each in cluster.client.list(EVENTS).items))
    assert "forbidden" not in log.getvalue()


def test_sigterm_ends_the_controller_and_gives_the_lead_back(cluster: Cluster) -> None:
    (port,) = free_ports(1)
    where = ("--kubeconfig", str(cluster.server.kubeconfig), "--metrics", f"127.0.0.1:{port}")
    process = started("controller", *where, "--interval", "0.2")
    try:
        until(lambda: bool(holder(cluster)))
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert holder(cluster) == ""
    assert json.loads(said.splitlines()[-1])["event"] == "stopped"


def test_the_webhook_makes_its_certificate_serves_and_ends(cluster: Cluster) -> None:
    cluster.configure("https://127.0.0.1:1/validate")
    where = ("--kubeconfig", str(cluster.server.kubeconfig), "--listen", "127.0.0.1:0")
    process = started("webhook", *where, "--self-signed", f"podberth-webhook.{HOME}")
    said = process.stderr
    assert said is not None
    until(lambda: json.loads(said.readline())["event"] == "serving", "it does not serve")
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, rest


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
