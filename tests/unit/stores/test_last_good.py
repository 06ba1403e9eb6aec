"""The file of texts of policies that hold while newer ones have mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podberth.stores.last_good import MOST_BYTES, NAME, remember, remembered

ONE: dict[str, Any] = {"metadata": {"name": "a"}, "spec": {"podSelector": {}}}


def test_what_is_remembered_of_a_server_is_exactly_what_was_told_last(tmp_path: Path) -> None:
    folder = str(tmp_path)
    remember(folder, "/k1", [ONE])
    remember(folder, "/k2", [ONE, ONE])
    assert (remembered([folder], "/k1"), remembered([folder], "/k2")) == ((ONE,), (ONE, ONE))
    remember(folder, "/k2", [])
    assert (remembered([folder], "/k1"), remembered([folder], "/k2")) == ((ONE,), ())


def test_without_such_a_text_nothing_is_written(tmp_path: Path) -> None:
    remember(str(tmp_path), "/k1", [])
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_left_out(tmp_path: Path) -> None:
    large = {"metadata": {"name": "x" * MOST_BYTES}}
    remember(str(tmp_path), "/k1", [ONE, large])
    assert remembered([str(tmp_path)], "/k1") == (ONE,)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"/k1": 7}', b'{"/k1": [7, {}, {"metadata": 7}]}', b"[" * 100_000, b"\xff"]
)
def test_a_file_that_somebody_has_written_is_as_none(tmp_path: Path, content: bytes) -> None:
    Path(tmp_path, NAME).write_bytes(content)
    assert remembered([str(tmp_path)], "/k1") == ()
    remember(str(tmp_path), "/k1", [ONE])
    assert remembered([str(tmp_path)], "/k1") == (ONE,)
