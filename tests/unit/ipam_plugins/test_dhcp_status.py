"""STATUS of `dhcp`: a wrong configuration is refused, a daemon that is away is not the node's fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.entry import handle

if TYPE_CHECKING:
    from pathlib import Path


def status(**ipam: object) -> dict[str, Any]:
    conf = {"cniVersion": "1.1.0", "name": "net", "type": "bridge", "ipam": {"type": "dhcp", **ipam}}
    _, said = handle({"CNI_COMMAND": "STATUS"}, json.dumps(conf).encode(), "dhcp")
    found: dict[str, Any] = json.loads(said) if said else {}
    return found


@pytest.mark.parametrize(
    ("ipam", "field"),
    [
        ({"daemonSocketPath": "here"}, "ipam.daemonSocketPath"),
        ({"request": [{"option": "no-such-option"}]}, "ipam.request[0].option"),
    ],
)
def test_a_wrong_configuration_is_refused(ipam: dict[str, object], field: str) -> None:
    refused = status(**ipam)
    assert refused["code"] == 7
    assert field in refused["msg"]


def test_a_daemon_that_is_away_is_told_of_and_succeeds(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert status(daemonSocketPath=str(tmp_path / "none.sock")) == {}
    assert "none.sock" in capfd.readouterr().err
