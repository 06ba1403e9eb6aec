"""One rule for what a command is given to read and that is not there: exit code 3, the path, and a hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.node import Operator

COMMANDS = (
    ("apply", "-f", "FILE"),
    ("apply", "-f", "FILE", "--dry-run"),
    ("delete", "-f", "FILE"),
    ("store", "restore", "FILE", "--why", "x"),
    ("import", "store", "FILE"),
    ("import", "csv", "FILE"),
    ("import", "host-local", "--dir", "FILE"),
    ("import", "whereabouts", "-f", "FILE", "--network", "macnet"),
    ("release", "--csv", "FILE"),
    ("gc", "--network", "banknet", "--keep-file", "FILE", "--dry-run"),
    ("plan", "bank/mysql-0", "--config", "FILE"),
    ("explain", "bank/mysql-0", "--config", "FILE"),
    ("conformance", "--plugin", "FILE", "--conf", "FILE"),
    ("install-networks", "FILE", "/"),
    ("install-shim", "/", "--shim", "FILE"),
)


@pytest.mark.parametrize("below", ["none", "file/none"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_that_is_not_there_is_not_found(
    podberth: Operator, tmp_path: Path, command: tuple[str, ...], below: str
) -> None:
    (tmp_path / "file").write_text("")
    path = str(tmp_path / below)
    ended = podberth(*(path if word == "FILE" else word for word in command))
    assert (ended.code, ended.out) == (3, "")
    assert path in ended.err
    assert "\nhint: " in ended.err


def test_one_that_can_not_be_read_is_a_failure(podberth: Operator, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert podberth("apply", "-f", str(tmp_path / "loop")).code == 1
