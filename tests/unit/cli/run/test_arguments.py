"""What `podberth run` refuses before it makes anything, and the records that it keeps."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from podberth.cli.main import main
from podberth.cli.run.record import Joined, Records, Run, started
from podberth.cni.errors import StoreFailed
from podberth.linux import pci

if TYPE_CHECKING:
    from pathlib import Path


def run(**changes: object) -> Run:
    """Return a run of this process."""
    said: dict[str, object] = {
        "container_id": "c1",
        "pod": "db/mysql-0",
        "owner": os.getpid(),
        "started": started(os.getpid()),
        "boot": pci.boot_id(),
        "path": ("/opt/cni/bin",),
        "cache": "/var/lib/cni",
        "args": (("IgnoreUnknown", "1"),),
        "capabilities": (("mac", "02:00:00:00:00:01"),),
        "networks": (Joined(ifname="eth0", conf='{"name": "net"}'),),
        **changes,
    }
    return Run(**said)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    conf = {"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "bridge"}]}
    (tmp_path / "net.conflist").write_text(json.dumps(conf))
    return tmp_path


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["--", "true"], "--network is needed"),
        (["--network", "net"], "there is no command"),
        (["--network", "net:eth/0", "--", "true"], "--network net:eth/0"),
        (["--network", "net", "--network", "net:eth0", "--", "true"], "another network has the interface eth0"),
        (["--network", "net", "--container-id", "../x", "--", "true"], "--container-id"),
        (["--network", "net", "--container-id", "x" * 129, "--", "true"], "--container-id"),
        (["--network", "net", "--name", "a;IP=10.0.0.1", "--", "true"], "CNI_ARGS can't carry"),
        (["--network", "net", "--arg", "nothing", "--", "true"], "--arg nothing"),
        (["--network", "net", "--image", "busybox", "--", "true"], "--image needs --with"),
        (["--network", "net", "--with", "podman"], "--with podman needs --image"),
    ],
)
def test_a_wrong_command_line_is_refused(
    folder: Path, argv: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--conf-dir", str(folder), "--run-dir", str(folder / "run")]
    assert main(["run", *options, *argv]) == 2
    assert word in capsys.readouterr().err
    assert not (folder / "run").exists()


def test_a_tool_that_is_missing_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    options = ["--conf-dir", str(folder), "--run-dir", str(folder / "run"), "--network", "net"]
    assert main(["run", *options, "--with", "podman", "--image", "busybox"]) == 3
    assert "there is no podman in PATH" in capsys.readouterr().err


def test_a_network_that_is_not_there_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--conf-dir", str(folder), "--network", "bank", "--", "true"]) == 1
    assert "networks there: net" in capsys.readouterr().err


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    records = Records(tmp_path / "run")
    records.write(run())
    assert [found for _, found in records.all()] == [run()]
    with pytest.raises(StoreFailed, match="a run with the container ID c1 is there"):
        records.write(run())
    records.forget(run())
    assert list(records.all()) == []
    assert list((tmp_path / "run").iterdir()) == []


def test_only_the_process_itself_in_this_boot_is_alive() -> None:
    assert run().alive
    assert not run(boot="another").alive
    assert not run(started=5).alive
    assert not run(owner=2**22 + 1).alive


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"containerID": "../x"}', '{"containerID": "c1", "owner": true}'])
def test_a_file_that_is_no_record_is_told_and_left(
    tmp_path: Path, body: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.json").write_text(body)
    assert main(["run", "--run-dir", str(tmp_path), "--cleanup", "--json"]) == 1
    (shown,) = json.loads(capsys.readouterr().out)["runs"]
    assert (shown["run"], shown["state"]) == ("odd.json", "unreadable")
    assert (tmp_path / "odd.json").read_text() == body


def test_a_run_that_is_alive_is_never_taken_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Records(tmp_path).write(run())
    assert main(["run", "--run-dir", str(tmp_path), "--cleanup", "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)["runs"]
    assert (shown["state"], shown["networks"]) == ("running", ["net:eth0"])
    assert len(list(Records(tmp_path).all())) == 1
