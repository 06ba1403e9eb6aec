"""An export is checked as a whole before any of it is brought in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed
from podberth.stores.transfer.form import Export, lines
from tests.contract.ledgers import NOON
from tests.contract.transfers import Node, filled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows[:-1], "cut short"),
        (lambda rows: rows[:3], "cut short"),
        (lambda rows: rows[1:], "is no export of podberth's"),
        (lambda rows: [*rows, rows[1]], "nothing behind the line that ends"),
        (lambda rows: [*rows[:-2], rows[-1]], "by the lines before"),
        (lambda rows: [rows[0], *reversed(rows[1:-1]), rows[-1]], "export"),
        (lambda rows: [*rows[:-1], rows[-2], rows[-1]], "after the one before"),
        (lambda rows: [rows[0].replace('"version":1', '"version":2'), *rows[1:]], "version"),
        (lambda rows: [rows[0].replace('"version":1', '"version":true'), *rows[1:]], "version"),
        (lambda rows: ["[" * 100_000, *rows[1:]], "nesting"),
        (lambda rows: [*rows[:2], "{}", *rows[2:]], "expected a document"),
        (lambda rows: [row.replace('"Pool"', '"PodNetwork"', 1) for row in rows], "export"),
        (lambda rows: [row.replace('"Bound"', '"Unbound"', 1) for row in rows], "can't take"),
        (lambda rows: [row.replace('"containerID":"both"', '"containerID":"none"', 1) for row in rows], "bound to"),
        (lambda rows: [row.replace('"sequence":', '"sequence":"x",  "s":', 1) for row in rows], "can't be read"),
        (lambda rows: [row.replace('"address":"10.20.0.2"', '"address":"999.1"') for row in rows], "can't be read"),
        (lambda rows: [row.replace('"kind":"Bound"', '"kind":"Bond"', 1) for row in rows], "unknown kind"),
        (lambda rows: [row.replace('"events":[', '"events":[null,', 1) for row in rows], "can't be read"),
    ],
)
def test_an_export_that_was_changed_is_refused_before_anything_is_brought_in(
    tmp_path: Path, change: Callable[[list[str]], list[str]], told: str
) -> None:
    rows = list(lines(filled(Node(tmp_path / "source")).side(readonly=True), NOON))
    file = tmp_path / "export"
    file.write_text("\n".join(row.rstrip("\n") for row in change(rows)) + "\n")
    with pytest.raises((StoreFailed, Exception), match=told) as refused:
        Export(str(file))
    assert type(refused.value).__module__ == "podberth.cni.errors"
    assert str(file) in str(refused.value)


def test_an_export_is_one_json_object_a_line(tmp_path: Path) -> None:
    rows = list(lines(filled(Node(tmp_path / "source")).side(readonly=True), NOON))
    found = [json.loads(row) for row in rows]
    assert found[0] == {"podberth": "export", "version": 1, "of": str(tmp_path / "source/podberth.db"), "time": NOON}
    assert [next(iter(each)) for each in found[1:6]] == ["document"] * 5
    assert found[-1]["end"]["addresses"] == len(rows) - 7
