"""Locks of a node: between processes and threads, gone with whoever held them, and leaving one file."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed, TryAgainLater
from podberth.linux.locks import Locks
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event
    from pathlib import Path


def _hold(path: str, key: str, held: Event) -> None:
    with Locks(path).hold(key, 5.0):
        held.set()
        signal.pause()


@pytest.fixture
def holder(tmp_path: Path) -> multiprocessing.Process:
    held = multiprocessing.Event()
    process = multiprocessing.Process(target=_hold, args=(str(tmp_path / "locks"), "container:a", held))
    process.start()
    assert held.wait(PATIENCE)
    return process


def test_another_process_waits_and_is_told_what_for(holder: multiprocessing.Process, tmp_path: Path) -> None:
    try:
        with (
            pytest.raises(TryAgainLater, match="container:a has been busy"),
            Locks(f"{tmp_path}/locks").hold("container:a", 0.1),
        ):
            pytest.fail("two hold one lock")
        with Locks(f"{tmp_path}/locks").hold("container:b", 0.1):
            assert [file.name for file in tmp_path.iterdir()] == ["locks"]
    finally:
        holder.kill()
        holder.join()


def test_the_lock_of_a_killed_process_is_free(holder: multiprocessing.Process, tmp_path: Path) -> None:
    holder.kill()
    holder.join()
    with Locks(f"{tmp_path}/locks").hold("container:a", 1.0):
        assert (tmp_path / "locks").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("shared", [True, False])
def test_threads_of_one_process_exclude_each_other(tmp_path: Path, shared: bool) -> None:
    inside, most, count = 0, 0, threading.Lock()
    one = Locks(f"{tmp_path}/locks")

    def enter() -> None:
        nonlocal inside, most
        locks = one if shared else Locks(f"{tmp_path}/locks")
        for _ in range(20):
            with locks.hold("bridge:bank0", 20.0):
                with count:
                    inside += 1
                    most = max(most, inside)
                with count:
                    inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_thread_that_waits_too_long_is_told_what_for_and_the_next_gets_in(tmp_path: Path) -> None:
    locks = Locks(f"{tmp_path}/locks")
    with (
        locks.hold("bridge:bank0", 1.0),
        pytest.raises(TryAgainLater, match="bridge:bank0 has been busy"),
        locks.hold("bridge:bank0", 0.05),
    ):
        pytest.fail("two hold one lock")
    with locks.hold("bridge:bank0", 0.05):
        pass


def test_a_lock_that_can_not_be_taken_leaves_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    locks = Locks(f"{tmp_path}/locks")
    for _ in range(2):
        with pytest.raises(StoreFailed, match="Is a directory"), locks.hold("container:a", 0.05):
            pytest.fail("a directory is no lock")
