"""A command on networks: it has the address, its exit status is ours, and nothing is left however it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.kubelet import BUILT, Kubelet, kubelet
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.50.0.0/24}]
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql-0}
spec:
  pod: mysql-0
  attachments: [{pool: db, addresses: [10.50.0.42]}]
"""


@dataclass(slots=True)
class Desk:
    """A node with networks in a folder; what it has at first is what it has to have in the end."""

    node: Kubelet
    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *argv: str, networks: tuple[str, ...] = ("ours",)) -> subprocess.Popen[str]:
        """Start `podberth run` on the node."""
        process = subprocess.Popen(
            [*self._podberth(), *(word for name in networks for word in ("--network", name)), *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *argv: str, networks: tuple[str, ...] = ("ours",)) -> tuple[int, str, str]:
        """Run it to its end; return exit status, stdout and stderr."""
        process = self.start(*argv, networks=networks)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def runs(self, *argv: str) -> tuple[int, list[dict[str, Any]]]:
        """Ask `--list` or `--cleanup`."""
        done = subprocess.run([*self._podberth(), *argv, "--json"], capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)["runs"]

    def left(self) -> list[str]:
        """Return what is there that was not at first."""
        files = [file.name for name in ("run", "cache/results") for file in (self.folder / name).glob("*")]
        spaces = [space.name for space in Path("/run/netns").glob("run-*")]
        leases = self.node.rows("SELECT address FROM leases")
        return [*files, *spaces, *(f"lease {lease}" for lease in leases), *self.node.left_behind()]

    def _podberth(self) -> list[str]:
        return [
            *self.node.at_node,
            *(sys.executable, "-m", "podberth.cli.main", "run", "--conf-dir", str(self.folder)),
            *("--cni-path", f"{BUILT}:/usr/lib/cni", "--cache-dir", str(self.folder / "cache")),
            *("--run-dir", str(self.folder / "run")),
        ]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    ours = {"type": "podberth", "bridge": "b0", "pool": "db", "stateDir": str(tmp_path / "state")}
    networks: dict[str, list[dict[str, Any]]] = {
        "ours": [ours],
        "second": [{**ours, "bridge": "b1"}],
        "refusing": [{**ours, "undeclared": "refuse"}],
    }
    for name, plugins in networks.items():
        body = {"cniVersion": "1.1.0", "name": name, "plugins": plugins}
        (tmp_path / f"{name}.conflist").write_text(json.dumps(body))
    with kubelet(tmp_path / "state", DOCUMENTS) as node:
        node.remember()
        made = Desk(node=node, folder=tmp_path)
        yield made
        for process in made.started:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        for space in Path("/run/netns").glob("run-*"):  # of a test that failed: it must not fail those after it
            subprocess.run(["ip", "netns", "delete", space.name], check=True)


def running(desk: Desk) -> subprocess.Popen[str]:
    """Start a run whose command waits; return it once that has begun."""
    marker = desk.folder / "begun"
    process = desk.start("--container-id", "run-test", "--", "sh", "-c", f"touch {marker}; exec sleep 600")
    until(marker.exists)
    return process


def test_the_command_has_the_pods_address_and_its_status_is_ours(desk: Desk) -> None:
    who = ("--namespace", "bank", "--name", "mysql-0")
    status, out, err = desk.run(*who, "--", "sh", "-c", "ip -4 -o address show eth0; exit 7")
    assert status == 7
    assert "10.50.0.42/24" in out
    assert "eth0  10.50.0.42/24" in err
    assert desk.left() == []


def test_networks_are_attached_in_order_under_their_names(desk: Desk) -> None:
    status, out, err = desk.run("--json", "--", "ip", "-json", "link", networks=("ours", "second:data0", "second:net7"))
    assert status == 0
    assert [link["ifname"] for link in json.loads(out)] == ["lo", "eth0", "data0", "net7"]
    assert [json.loads(line)["ifname"] for line in err.splitlines()] == ["eth0", "data0", "net7"]
    assert desk.left() == []


def test_a_network_that_refuses_leaves_nothing_of_those_before(desk: Desk) -> None:
    status, out, err = desk.run("--", "echo", "ran", networks=("ours", "refusing"))
    assert (status, out) == (1, "")
    assert "podberth: " in err
    assert desk.left() == []


def test_a_command_that_is_not_there_leaves_nothing(desk: Desk) -> None:
    status, _, err = desk.run("--", "/no/such/command")
    assert status != 0
    assert "/no/such/command" in err
    assert desk.left() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_command_and_everything_is_taken_down(desk: Desk, number: signal.Signals) -> None:
    process = running(desk)
    assert desk.runs("--list") == (0, [one := desk.runs("--list")[1][0]])
    assert (one["run"], one["state"], one["networks"]) == ("run-test", "running", ["ours:eth0"])
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    assert desk.left() == []


def test_what_a_killed_run_left_is_cleaned_up(desk: Desk) -> None:
    process = running(desk)
    process.kill()
    process.wait()
    assert desk.left() != []
    assert desk.runs("--cleanup", "--dry-run")[1][0]["state"] == "left behind"
    assert desk.left() != []
    code, runs = desk.runs("--cleanup")
    assert (code, [one["state"] for one in runs]) == (0, ["taken down"])
    assert desk.left() == []
    assert desk.runs("--list") == (0, [])


def test_what_is_left_is_cleaned_up_without_its_namespace_too(desk: Desk) -> None:
    process = running(desk)
    process.kill()
    process.wait()
    subprocess.run(["ip", "netns", "delete", "run-test"], check=True)
    assert desk.runs("--cleanup")[0] == 0
    assert desk.left() == []


def test_children_that_the_command_left_end_with_the_run(desk: Desk) -> None:
    status, out, _ = desk.run("--", "sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!")
    assert status == 0
    until(lambda: not Path(f"/proc/{out.strip()}").exists())
    assert desk.left() == []


def test_an_id_that_is_in_use_is_refused(desk: Desk) -> None:
    process = running(desk)
    status, _, err = desk.run("--container-id", "run-test", "--", "true")
    assert (status, "run-test is in use" in err) == (1, True)
    assert desk.runs("--list")[1][0]["state"] == "running"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert desk.left() == []


def test_a_namespace_of_somebody_else_and_what_runs_in_it_are_left_alone(desk: Desk) -> None:
    subprocess.run(["ip", "netns", "add", "run-theirs"], check=True)
    theirs = subprocess.Popen(["ip", "netns", "exec", "run-theirs", "sleep", "600"])
    try:
        status, out, err = desk.run("--container-id", "run-theirs", "--", "echo", "ran")
        assert (status, out, "run-theirs is in use" in err) == (1, "", True)
        assert theirs.poll() is None
        assert Path("/run/netns/run-theirs").exists()
        assert desk.runs("--list") == (0, [])
    finally:
        theirs.kill()
        theirs.wait()
        subprocess.run(["ip", "netns", "delete", "run-theirs"], check=True)
    assert desk.left() == []


def test_a_configuration_of_many_lines_is_cleaned_up_after(desk: Desk) -> None:
    file = desk.folder / "ours.conflist"
    file.write_text(json.dumps(json.loads(file.read_text()), indent="\t"))
    process = running(desk)
    process.kill()
    process.wait()
    assert desk.runs("--cleanup")[0] == 0
    assert desk.left() == []


def test_plugins_from_the_folder_of_the_network_are_part_of_the_run(desk: Desk) -> None:
    (desk.folder / "ours").mkdir()
    tuning = {"type": "tuning", "sysctl": {"net.ipv4.conf.eth0.log_martians": "1"}}
    (desk.folder / "ours" / "10-tuning.conf").write_text(json.dumps(tuning))
    file = desk.folder / "ours.conflist"
    file.write_text(json.dumps({**json.loads(file.read_text()), "cniVersion": "1.0.0"}))
    status, out, err = desk.run("--", "cat", "/proc/sys/net/ipv4/conf/eth0/log_martians")
    assert (status, out) == (0, "1\n"), err
    assert desk.left() == []
