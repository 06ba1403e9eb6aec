"""What is read of the file in which Multus has remembered a pod's networks."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.net.ops import AdoptCalls
from podberth.outside import Calls

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = base64.b64encode(b'{"cniVersion": "1.0.0", "name": "storage", "type": "bridge"}').decode()


def remembered(folder: Path, *entries: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return network, label and interface of each call that can be read."""
    file = folder / "c1"
    file.write_text(json.dumps([{"Bytes": CONFIG, **each} for each in entries]))
    op = AdoptCalls(
        netns="/run/netns/pod", ifname="eth0", container_id="c1", path=str(file), search=(), cache=str(folder)
    )

    def nobody(*_: object) -> Any:
        raise AssertionError

    return [(one.network, one.label, one.ifname) for one in Calls(nobody, nobody, nobody).remembered(op)]


def test_interfaces_have_the_names_that_the_pod_gave_or_those_of_their_place(tmp_path: Path) -> None:
    found = remembered(tmp_path, {"Name": "cluster"}, {"ifnameRequest": "data0"}, {"ifnameRequest": ""})
    assert found == [("storage", "cluster", "eth0"), ("storage", "storage", "data0"), ("storage", "storage", "net2")]


@pytest.mark.parametrize(
    "odd", [{"Bytes": "!"}, {"Bytes": 7}, {"ifnameRequest": "../x"}, {"ifnameRequest": ["net1"]}, {"Name": {}}], ids=str
)
def test_a_call_that_can_not_be_read_is_passed_over_and_the_others_are_there(
    tmp_path: Path, odd: dict[str, Any]
) -> None:
    assert remembered(tmp_path, {"Name": "cluster"}, odd) == [("storage", "cluster", "eth0")]
