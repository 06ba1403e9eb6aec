"""A test that kills its worker fails once; all others still run, wherever in the run it is."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.checkout import ROOT
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

CONFTEST = """
from {module} import Scheduling

def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)
"""
MODULE = """
import os, signal, pytest

@pytest.mark.parametrize("number", range(8))
def test_it(number):
    if number == {fatal}:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("scheduler", ["tests.contract.scheduling", "tests.netns.conftest"])
@pytest.mark.parametrize("fatal", [0, 3, 7])
def test_a_test_that_kills_its_worker_costs_itself_alone(tmp_path: Path, fatal: int, scheduler: str) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.format(module=scheduler))
    (tmp_path / "test_module.py").write_text(MODULE.format(fatal=fatal))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert "1 failed, 7 passed" in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"crashed while running 'test_module.py::test_it[{fatal}]'" in done.stdout
