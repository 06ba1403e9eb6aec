"""docs/migrate.md: its commands are run as they stand."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from tests.checkout import ROOT
from tests.unit.cli.test_foreign import ippool, pools

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.unit.cli.node import Operator

PAGE = (ROOT / "docs" / "migrate.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def test_every_command_of_the_page_does_what_it_is_shown_for(
    podberth: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PODBERTH_SOCKET", "/nonexistent/agent.sock")
    network = tmp_path / "networks" / "banknet"
    network.mkdir(parents=True)
    (network / "10.20.0.120").write_bytes(b"c120\r\neth0")
    podberth.file(
        "pools.json", pools(ippool({"7": {"id": "c7", "podref": "bank/web"}}, cidr="10.50.0.0/24", name="range"))
    )
    assert len(COMMANDS) == 10
    for line in COMMANDS:
        command, *words = shlex.split(line)
        assert command == "podberth"
        ended = podberth(*words)
        assert ended.code == 0, (line, ended)
    kept = podberth("leases").out
    assert "10.20.0.120" in kept
    assert "10.50.0.7" in kept
