"""An operator at a node with a store of its own, in a fixed time zone."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.node import MYSQL, NS, POOL, START, Operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone with two offsets, without asking for the machine's zone data (POSIX.1-2017, TZ)."""
    with monkeypatch.context() as here:
        here.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        here.delenv("SUDO_USER", raising=False)
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def bare(tmp_path: Path) -> Operator:
    """Return an operator without a store."""
    return Operator(tmp_path / "state")


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state directory with a pool and a StatefulSet; tests copy it, which is quicker than to apply."""
    operator = Operator(tmp_path_factory.mktemp("applied") / "state", now=START - 30 * 86_400 * NS)
    operator.apply(POOL, MYSQL)
    return operator.state


@pytest.fixture
def podberth(applied: Path, tmp_path: Path) -> Operator:
    """Return an operator whose store has a pool and a StatefulSet."""
    return Operator(shutil.copytree(applied, tmp_path / "state"))
