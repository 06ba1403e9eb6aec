"""Rows of the table of hostile requests, by exec against a real node: one answer, nothing else, nothing changed."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.netns.kubelet import BUILT
from tests.unit.hostile.store import Witness, refusal
from tests.unit.hostile.test_requests import THEMES
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Kubelet, Pod
    from tests.unit.hostile.row import Row

EVERY = 5  # all rows run in the unit tier; here each costs two processes
ROWS: tuple[Row, ...] = tuple(row for theme in THEMES for row in theme.ROWS[::EVERY] if row.can_be_executed)


@pytest.fixture(scope="module")
def witness(node: Kubelet, victim: Pod) -> Iterator[Witness]:
    """Watch the store row by row, and the whole node from the first row to the last."""
    assert victim.netns in node.namespaces
    node.remember()
    with Witness(node.state) as made:
        yield made
    assert node.left_behind() == []


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_hostile_call_gets_one_error_object_and_changes_nothing(
    row: Row, node: Kubelet, victim: Pod, witness: Witness
) -> None:
    before = witness.sees()
    env, stdin = row.placed(str(node.state), victim.path)
    done = subprocess.run(
        ["ip", "netns", "exec", node.node, str(BUILT / "podberth")],
        env={"PATH": os.environ["PATH"], **env},
        input=stdin,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    code, message = refusal(done.stdout.decode())
    assert (done.returncode, code) == (1, row.code), message
    assert not row.at or message.startswith(f"{row.at}: "), message
    assert row.says in message
    assert done.stderr == b""
    assert witness.sees() == before
