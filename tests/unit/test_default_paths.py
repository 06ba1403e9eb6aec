"""A unit test that would touch a real node's files fails, and so does one that would call its agent."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podberth.cli.main import main
from tests.default_paths import ENVIRONMENT, FOLDERS, NOWHERE, below_default

if TYPE_CHECKING:
    from collections.abc import Callable


def connect(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(path)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(
    "use",
    [
        lambda path: Path(path).read_bytes(),
        lambda path: Path(path).write_bytes(b""),
        os.listdir,
        os.mkdir,
        os.unlink,
        sqlite3.connect,
        connect,
        lambda path: os.open(os.fsencode(path), os.O_RDONLY),
    ],
    ids=["read", "write", "list", "make a folder", "remove", "open a store", "connect", "a path as bytes"],
)
def test_a_default_path_is_refused(folder: str, use: Callable[[str], object]) -> None:
    with pytest.raises(PermissionError, match=f"a test used b?'{folder}/x'"):
        use(f"{folder}/x")


def test_paths_of_a_similar_name_are_free() -> None:
    assert not below_default("/run/podberths")
    assert not below_default("/tmp/x/run/podberth/agent.sock")
    assert not below_default(3)
    assert below_default("/run/../run//podberth/agent.sock")


def test_commands_without_options_look_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leases"]) != 0
    assert NOWHERE in capsys.readouterr().err


def test_a_process_of_a_test_inherits_the_way_to_nowhere() -> None:
    code = f"import os; print([os.environ[name] for name in {list(ENVIRONMENT)}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(list(ENVIRONMENT.values()))
