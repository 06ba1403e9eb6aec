"""The networks in which peers' own word counts, as an agent that starts finds them."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from podberth.agent.said_networks import MOST, NAME, known, remember

if TYPE_CHECKING:
    from pathlib import Path

ONE, SIX = ip_network("10.0.0.0/8"), ip_network("fd00::/64")


def test_what_was_said_last_of_each_server_is_known(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert known(folder) == {}
    remember(folder, "/a", (ONE, SIX))
    remember(folder, "/b", ())
    remember(folder, "/a", (SIX,))
    assert known(folder) == {"/a": (SIX,), "/b": ()}


def test_of_many_servers_the_newest_are_known(tmp_path: Path) -> None:
    for n in range(MOST + 3):
        remember(str(tmp_path), f"/{n}", (ONE,))
    assert list(known(str(tmp_path))) == [f"/{n}" for n in range(3, MOST + 3)]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", '{"byStatus": 7}', '{"byStatus": {"/a": 7}}', '{"byStatus": {"/a": ["x"]}}', "{}",
     '{"byStatus": {"/a": [7]}}', "\xff", '{"byStatus": {"/a": null}}'],
)  # fmt: skip
def test_what_somebody_wrote_into_the_file_is_not_known_and_can_be_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_bytes(text.encode("latin-1"))
    assert known(str(tmp_path)) == {}
    remember(str(tmp_path), "/a", (ONE,))
    assert known(str(tmp_path)) == {"/a": (ONE,)}
