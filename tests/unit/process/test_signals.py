"""A process that replaces itself loses no signal, and none kills it, whenever it comes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.sizes import size
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

# Writes a line for each life. A life begins slowly, as an agent's does, and ends with a signal.
SCRIPT = """
import os, sys, time
from podberth.process.signals import ENDING, REPLACE, Signals
time.sleep(float(sys.argv[2]))
signals = Signals((REPLACE, *ENDING))
with open(sys.argv[1], "a") as lives:
    lives.write(f"{os.getpid()}\\n")
if signals.wait() == REPLACE:
    time.sleep(float(sys.argv[2]))
    if not signals.ending():
        signals.replace()
sys.exit(7)
"""


class Process:
    """One that writes down its lives."""

    def __init__(self, folder: Path, pause: float) -> None:
        self.file = folder / "lives"
        self.file.touch()
        self.process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(self.file), str(pause)])

    def lives(self) -> int:
        return len(self.file.read_text().split())

    def reached(self, lives: int) -> None:
        until(lambda: self.lives() >= lives or self.process.poll() is not None, f"no life {lives}")
        assert self.process.poll() is None, f"it died in life {self.lives()}: {self.process.returncode}"

    def send(self, number: int) -> None:
        self.process.send_signal(number)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    made = Process(tmp_path, 0.2)
    made.reached(1)
    yield made
    made.process.kill()
    made.process.wait(PATIENCE)


def test_signals_that_come_while_the_next_one_starts_are_one_more_replacement_at_most(process: Process) -> None:
    for turn in range(size(2, 50)):
        before = process.lives()
        for _ in range(12):
            process.send(signal.SIGHUP)
        process.reached(before + 1)
        assert process.lives() <= before + 2, turn


def test_many_signals_over_many_lives_kill_none(process: Process) -> None:
    while process.lives() < size(5, 100):
        process.send(signal.SIGHUP)
        assert process.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_that_ends_it_is_heeded_whenever_it_comes(process: Process, number: signal.Signals) -> None:
    process.send(signal.SIGHUP)
    process.send(number)
    assert process.process.wait(PATIENCE) == 7


def test_one_that_ends_it_is_heeded_by_the_next_if_it_comes_while_that_starts(process: Process) -> None:
    process.send(signal.SIGHUP)
    until(lambda: blocked(process.process.pid) & 1 << signal.SIGTERM - 1, "it was not replaced")
    process.send(signal.SIGTERM)
    assert process.process.wait(PATIENCE) == 7


def blocked(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk"))
