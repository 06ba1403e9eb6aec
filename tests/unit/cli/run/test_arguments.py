"""What `podberth run` refuses before it makes anything, and the records that it keeps."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from podberth.cli.main import main
from podberth.cli.run.record import Joined, Records, Run, started
from podberth.cni.errors import StoreFailed
from podberth.process import machine

if TYPE_CHECKING:
    from pathlib import Path


CONF = json.dumps({"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "bridge"}]}, indent=2)  # of many lines


def run(**changes: object) -> Run:
    """Return a run of this process."""
    said: dict[str, object] = {
        "container_id": "c1",
        "pod": "db/mysql-0",
        "owner": os.getpid(),
        "started": started(os.getpid()),
        "boot": machine.boot_id(),
        "path": ("/opt/cni/bin",),
        "cache": "/var/lib/cni",
        "args": (("IgnoreUnknown", "1"),),
        "capabilities": (("mac", "02:00:00:00:00:01"),),
        "networks": (Joined(ifname="eth0", conf=CONF),),
        **changes,
    }
    return Run(**said)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.conflist").write_text(CONF)
    plugin = tmp_path / "bin" / "bridge"
    plugin.parent.mkdir()
    plugin.write_text("#!/bin/sh\n")
    plugin.chmod(0o755)
    return tmp_path


def options(folder: Path) -> list[str]:
    """Return the options that say where everything is."""
    places = {"--conf-dir": folder, "--cni-path": folder / "bin", "--run-dir": folder / "run", "--cache-dir": folder}
    return ["run", *(word for option, place in places.items() for word in (option, str(place)))]


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
        (["--network", "net", "--dry-run", "--", "true"], "--dry-run is for --cleanup"),
        (["--list", "--cleanup"], "either --list or --cleanup"),
    ],
)
def test_a_wrong_command_line_is_refused(
    folder: Path, argv: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*options(folder), *argv]) == 2
    assert word in capsys.readouterr().err
    assert not (folder / "run").exists()


def test_a_tool_that_is_missing_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main([*options(folder), "--network", "net", "--with", "podman", "--image", "busybox"]) == 3
    assert "there is no podman in PATH" in capsys.readouterr().err


def test_a_network_that_is_not_there_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--conf-dir", str(folder), "--network", "bank", "--", "true"]) == 1
    assert "networks there: net" in capsys.readouterr().err


def test_a_plugin_that_is_missing_is_named_before_anything_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bin" / "bridge").unlink()
    assert main([*options(folder), "--network", "net", "--", "true"]) == 1
    assert "there is no plugin 'bridge' in CNI_PATH" in capsys.readouterr().err
    assert not (folder / "run").exists()


def test_a_process_that_only_waits_to_be_reaped_is_not_alive() -> None:
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert started(child) is None
    os.waitpid(child, 0)


def test_a_record_under_anothers_name_is_no_record(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.write(run())
    (tmp_path / "c1.json").rename(tmp_path / "c2.json")
    ((_, found),) = records.all()
    assert isinstance(found, StoreFailed)


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
