"""`podberth conformance` without a plugin: what it lists, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from podberth.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


def test_the_list_names_sections(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", "--list", "--only", "gc-*", "--json"]) == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert {"gc-succeeds", "gc-null-list"} <= {check["name"] for check in checks}
    assert all(check["section"] and check["says"] for check in checks)
    assert main(["conformance", "--list"]) == 0
    assert "del-twice" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["--only", "nonsense-*", "--list"], "no check is named nonsense-*"),
        ([], "--plugin and --conf are required"),
    ],
)
def test_a_wrong_command_line_is_refused(argv: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", *argv]) == 2
    assert word in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("[]", "object"),
        ('{"name": "x"}', "cniVersion, type"),
        ('{"cniVersion": "9.0.0", "name": "x", "type": "y"}', "cniVersion"),
    ],
)
def test_a_configuration_that_is_none_is_refused(
    tmp_path: Path, body: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = tmp_path / "x.json"
    conf.write_text(body)
    assert main(["conformance", "--plugin", "/bin/true", "--conf", str(conf)]) == 1
    assert word in capsys.readouterr().err
