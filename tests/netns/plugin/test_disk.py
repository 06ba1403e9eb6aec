"""A state directory on a disk that is full or read-only: ADD says so, DEL takes back, nothing is lost."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from podberth.stores.sqlite.reserve import BYTES, NAME
from tests.netns.kubelet import Kubelet, kubelet
from tests.netns.plugin.conftest import DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=700", "none", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def small(disk: Path) -> Iterator[Kubelet]:
    with kubelet(disk / "state", DOCUMENTS) as made:
        yield made


def fill(disk: Path) -> None:
    """Leave no byte free."""
    with (disk / "filling").open("ab") as file:
        for size in (1 << 16, 4096, 1):
            while True:
                try:
                    os.write(file.fileno(), b"x" * size)
                except OSError:
                    break


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


def test_a_full_disk_keeps_room_for_deletes_and_refuses_adds_until_there_is_room(small: Kubelet, disk: Path) -> None:
    pods = [small.pod("mysql-0"), small.pod("mysql-1")]
    for pod in pods:
        assert small.call("ADD", pod).code == 0
    assert (small.state / NAME).stat().st_size == BYTES
    fill(disk)
    assert small.call("DEL", pods[0]).code == 0
    fill(disk)
    late = small.pod("mysql-2")
    refused = small.call("ADD", late)
    assert refused.result["code"] == 11
    assert "is full" in str(refused.result["msg"])
    assert small.call("DEL", late).code == 0
    (disk / "filling").unlink()
    assert small.call("ADD", late).code == 0
    assert (small.state / NAME).stat().st_size == BYTES
    for pod in (late, pods[1]):
        assert small.call("DEL", pod).code == 0
    assert small.rows("SELECT * FROM leases") == []


@pytest.mark.parametrize("how", ["full", "read-only"])
@pytest.mark.parametrize("made", [True, False], ids=["a store", "no store"])
def test_a_delete_of_what_add_refused_succeeds(tmp_path: Path, disk: Path, how: str, made: bool) -> None:
    with kubelet((disk if made else tmp_path) / "state", DOCUMENTS) as node:
        node.state = disk / "state"
        if how == "full":
            fill(disk)
        else:
            remount(disk, "ro")
        pod = node.pod("mysql-0")
        refused = node.call("ADD", pod)
        assert refused.code == 1
        if not made:
            assert "there is no store" in str(refused.result["msg"]), refused
        elif how == "full":
            assert refused.result["code"] == 11, refused
        else:
            assert "read-only" in str(refused.result["msg"]), refused
        for _ in range(2):
            answer = node.call("DEL", pod)
            assert (answer.code, answer.stdout) == (0, ""), answer
        remount(disk, "rw")


def test_a_delete_of_what_is_recorded_waits_for_a_disk_that_is_read_only(small: Kubelet, disk: Path) -> None:
    pod = small.pod("mysql-0")
    assert small.call("ADD", pod).code == 0
    remount(disk, "ro")
    refused = small.call("DEL", pod)
    assert refused.result["code"] == 104
    assert "mounted read-only" in str(refused.result["msg"])
    remount(disk, "rw")
    assert small.call("DEL", pod).code == 0
    assert small.rows("SELECT * FROM leases") == []


def test_no_cause_of_the_disk_is_answered_with_a_backup(small: Kubelet, disk: Path) -> None:
    fill(disk)
    (small.state / NAME).unlink(missing_ok=True)
    fill(disk)
    said = str(small.call("ADD", small.pod("mysql-0")).result)
    assert "backup" not in said
    assert "free some space" in said
