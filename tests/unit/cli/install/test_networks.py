"""The networks of a ConfigMap in a host's folder: as they are, all or none, and nothing taken away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.node import Operator

if TYPE_CHECKING:
    from pathlib import Path

BANK = json.dumps({"cniVersion": "1.0.0", "name": "bank", "plugins": [{"type": "podberth", "device": "bridge"}]})


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    (tmp_path / "net.d").mkdir()
    mounted = tmp_path / "networks"  # as kubelet mounts a ConfigMap
    (mounted / "..2026").mkdir(parents=True)
    (mounted / "..2026" / "10-bank.conflist").write_text(BANK)
    (mounted / "..data").symlink_to("..2026")
    (mounted / "10-bank.conflist").symlink_to("..data/10-bank.conflist")
    return Operator(tmp_path / "state")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def given(operator: Operator) -> tuple[str, str, str]:
    root = operator.state.parent
    return "install-networks", str(root / "networks"), str(root / "net.d")


def test_each_is_copied_once(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "net.d" / "20-other.conflist").write_text("{}")
    assert operator(*given(operator), "--json").json == {"installed": ["10-bank.conflist"], "unchanged": []}
    assert (tmp_path / "net.d" / "10-bank.conflist").read_text() == BANK
    assert operator(*given(operator), "--json").json == {"installed": [], "unchanged": ["10-bank.conflist"]}
    assert names(tmp_path / "net.d") == ["10-bank.conflist", "20-other.conflist"]


def test_one_that_is_no_network_keeps_all_away(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "networks" / "20-wrong.conflist").write_text('{"name": "wrong", "plugins": [{}]}')
    ended = operator(*given(operator))
    assert ended.code == 1
    assert f"{tmp_path}/networks/20-wrong.conflist: plugins[0].type" in ended.err
    assert not names(tmp_path / "net.d")


def test_an_optional_config_map_that_is_not_there_is_no_failure(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()  # as a runtime mounts it
    ended = operator("install-networks", str(tmp_path / "empty"), str(tmp_path / "net.d"))
    assert (ended.code, ended.out) == (0, f"no network in {tmp_path}/empty\n")


@pytest.mark.parametrize(("source", "folder"), [("none", "net.d"), ("networks", "none"), ("file", "net.d")])
def test_a_folder_that_is_not_there_is_named(operator: Operator, tmp_path: Path, source: str, folder: str) -> None:
    (tmp_path / "file").write_text("")
    ended = operator("install-networks", str(tmp_path / source), str(tmp_path / folder))
    wrong = source if source != "networks" else folder
    assert (ended.code, f"error: there is no folder {tmp_path}/{wrong}" in ended.err) == (3, True)
    assert "hint: " in ended.err
