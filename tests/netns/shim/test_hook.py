"""The hook of resource claims: whether a process's network namespace has a link, told by its exit status."""

from __future__ import annotations

import json
import random
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.checkout import ROOT
from tests.netns.kubelet import run
from tests.netns.shim.conftest import SANITIZED
from tests.sizes import seed, size
from tests.waiting import until
from tools.build_shim import HOOK, WARNINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

MAC = "02:50:00:00:00:01"
BUILT = ROOT / "build/shim/podberth-link-hook"


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("sanitized") / "podberth-link-hook"
    subprocess.run(["gcc", *SANITIZED, *WARNINGS, str(HOOK), "-o", str(binary)], check=True)
    return binary


@pytest.fixture(params=["as built", "sanitized"])
def hook(request: pytest.FixtureRequest, sanitized: Path) -> Path:
    return BUILT if request.param == "as built" else sanitized


@pytest.fixture(scope="module")
def pid() -> Iterator[int]:
    """A process in a namespace with the link net1."""
    name = f"pod-{uuid.uuid4().hex[:8]}"
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "add", "net1", "address", MAC, "type", "bridge")
    with subprocess.Popen(["ip", "netns", "exec", name, "sleep", "infinity"]) as process:
        own = Path(f"/var/run/netns/{name}").stat().st_ino
        until(lambda: Path(f"/proc/{process.pid}/ns/net").stat().st_ino == own, "it does not enter its namespace")
        yield process.pid
        process.kill()
    run("ip", "netns", "delete", name)


def asked(hook: Path, state: object, ifname: str = "net1", mac: str = MAC) -> subprocess.CompletedProcess[str]:
    text = state if isinstance(state, str) else json.dumps(state)
    return subprocess.run([hook, ifname, mac], input=text, capture_output=True, text=True, check=False)


def state(pid: int) -> dict[str, object]:
    said = {"a": '"pid": 1, {', "pid": "2", "b": '\\"'}
    return {"ociVersion": "1.0.2", "id": "pid", "status": "creating", "annotations": said, "pid": pid, "bundle": "/x"}


def test_a_process_that_has_the_link_may_go_on(hook: Path, pid: int) -> None:
    for mac in (MAC, MAC.upper(), ""):
        done = asked(hook, state(pid), mac=mac)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("indent", [None, 2])
def test_the_pid_is_found_however_the_state_is_written(hook: Path, pid: int, indent: int | None) -> None:
    assert asked(hook, json.dumps(dict(reversed(state(pid).items())), indent=indent)).returncode == 0


@pytest.mark.parametrize(
    ("ifname", "mac", "why"),
    [("net2", MAC, "No such device"), ("net1", "02:50:00:00:00:02", "another link"), ("net1", "x", "is none")],
)
def test_a_link_that_is_missing_or_another_keeps_the_container_from_starting(
    hook: Path, pid: int, ifname: str, mac: str, why: str
) -> None:
    done = asked(hook, state(pid), ifname, mac)

    assert done.returncode == 1
    assert f"the pod has no link {ifname} of its resource claim" in done.stderr
    assert why in done.stderr
    assert "podberth agent" in done.stderr


@pytest.mark.parametrize(
    "text",
    ["", "{}", "null", '{"pid": 0}', '{"pid": "1"}', '{"annotations": {"pid": 1}}', '["pid", 1]', '{"pid', '{"pid":'],
)
def test_a_state_without_a_process_is_refused(hook: Path, text: str) -> None:
    done = asked(hook, text)
    assert (done.returncode, "names no process" in done.stderr) == (1, True)


def test_a_process_that_has_ended_is_refused(hook: Path) -> None:
    assert asked(hook, {"pid": 2**22 + 1}).returncode == 1


@pytest.mark.parametrize("argv", [[], ["net1"], ["", MAC], ["a" * 16, MAC], ["net1", MAC, "more"]])
def test_wrong_arguments_are_told(hook: Path, argv: list[str]) -> None:
    done = subprocess.run([hook, *argv], input="{}", capture_output=True, text=True, check=False)
    assert (done.returncode, "usage" in done.stderr) == (2, True)


def test_damaged_states_find_nothing_to_report(sanitized: Path, pid: int) -> None:
    number = seed(random.SystemRandom().getrandbits(32))
    chance = random.Random(number)
    for _ in range(size(50, 2000)):
        text = bytearray(json.dumps(state(pid)).encode())
        for _ in range(chance.randrange(1, 6)):
            text[chance.randrange(len(text))] = chance.choice(b'{}[]":,\\ 019apid\0\xff')
        done = subprocess.run([sanitized, "net1", MAC], input=bytes(text), capture_output=True, check=False)
        assert done.returncode in (0, 1), f"seed {number}: {bytes(text)!r}: {done}"
        assert b"Sanitizer" not in done.stderr


def test_a_state_that_is_too_long_is_read_to_the_bound(hook: Path, pid: int) -> None:
    assert asked(hook, {"pid": pid, "annotations": {"a": "x" * (2 << 20)}}).returncode == 0
    assert asked(hook, {"annotations": {"a": "x" * (2 << 20)}, "pid": pid}).returncode == 1


def test_the_hook_needs_nothing_of_its_node() -> None:
    shown = subprocess.run(["readelf", "-l", BUILT], capture_output=True, text=True, check=True)
    assert "INTERP" not in shown.stdout
    assert "GNU_RELRO" in shown.stdout
    assert BUILT.stat().st_size <= 70_000
