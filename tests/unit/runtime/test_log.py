"""The log that a network configuration asks for: a line for each call, at debug one for each op; never in the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.call import Call
from podberth.cni.errors import InvalidConfig, KernelRefused
from podberth.entry import _log
from podberth.net.ops import SetLinkUp
from podberth.net.step import Step
from podberth.runtime.log import asked
from tests.hosts import FakeHost

if TYPE_CHECKING:
    from pathlib import Path

STEP = Step(op=SetLinkUp(netns=None, ifname="eth9"))


def call(verb: str = "ADD", **keys: Any) -> Call:
    env = {
        "CNI_COMMAND": verb,
        "CNI_CONTAINERID": "c0ffee",
        "CNI_NETNS": "/run/netns/a",
        "CNI_IFNAME": "net1",
        "CNI_PATH": "/opt/cni/bin",
    }
    found = Call.parse(env, json.dumps({"cniVersion": "1.0.0", "name": "fast", "type": "sriov", **keys}).encode())
    assert isinstance(found, Call)
    return found


def test_a_call_leaves_one_line_with_its_subject_and_outcome(tmp_path: Path) -> None:
    file = tmp_path / "sriov.log"
    asked(call(logFile=str(file))).ended(None)
    asked(call("DEL", logFile=str(file))).ended(KernelRefused("it did not", "try again"))
    first, second = file.read_text().splitlines()
    assert " info podberth: ADD of fast/c0ffee/net1: done after " in first
    assert " error podberth: DEL of fast/c0ffee/net1: code 103 after " in second
    assert second.endswith(": it did not; try again")
    assert file.stat().st_mode & 0o777 == 0o600


def test_only_debug_has_a_line_for_each_op(tmp_path: Path) -> None:
    file = tmp_path / "sriov.log"
    host = FakeHost()
    assert asked(call(logFile=str(file), logLevel="info")).over(host) is host
    told = asked(call(logFile=str(file), logLevel="debug")).over(host)
    told.do(STEP)
    told.undo(STEP, None)
    assert host.effects == [STEP.op, STEP.op]
    done, undone = file.read_text().splitlines()
    assert " debug podberth: ADD of fast/c0ffee/net1: ip link set eth9 up (" in done
    assert ": undone: ip link set eth9 up (" in undone


def test_a_level_keeps_what_is_below_it(tmp_path: Path) -> None:
    file = tmp_path / "sriov.log"
    log = asked(call(logFile=str(file), logLevel="error"))
    log.ended(None)
    assert not file.exists()
    log.ended(KernelRefused("no"))
    assert "code 103" in file.read_text()


@pytest.mark.parametrize(
    ("keys", "field"),
    [({"logLevel": "loud"}, "logLevel"), ({"logFile": "a.log"}, "logFile"), ({"logFile": 5}, "logFile")],
)
def test_a_wrong_key_is_named_for_add_and_forgiven_for_del(keys: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{field}: "):
        asked(call(**keys))
    asked(call("DEL", **keys))


def test_a_file_that_can_not_be_written_keeps_nobody_from_a_pod(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "target"
    target.write_text("")
    (tmp_path / "link").symlink_to(target)
    for path in (tmp_path / "link", tmp_path / "missing" / "a.log"):
        asked(call(logFile=str(path))).ended(None)
    told = capfd.readouterr().err
    assert f"logFile {tmp_path / 'link'}: " in told
    assert told.count(": done after ") == 2
    assert target.read_text() == ""


def test_without_a_file_lines_go_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    asked(call(logLevel="debug", logFile="")).ended(None)
    assert ": done after " in capfd.readouterr().err


@pytest.mark.parametrize("said", [{"logLevel": "", "logFile": ""}, {"logLevel": None}, {"logFile": ""}])
def test_an_empty_default_of_go_asks_for_no_log(said: dict[str, Any]) -> None:
    assert _log(call(**said)) is None
    assert _log(call(**{**said, "logLevel": "info"})) is not None
