"""Every row of hostile requests is refused with the right code, by the right name, and leaves the store as it was."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.unit.hostile import (
    conf_rows,
    environment_rows,
    result_rows,
    runtime_rows,
    settings_rows,
    stdin_rows,
    verb_rows,
)
from tests.unit.hostile.store import Grounds, Witness, furnish, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.hostile.row import Row

THEMES = (conf_rows, environment_rows, result_rows, runtime_rows, settings_rows, stdin_rows, verb_rows)
ROWS: tuple[Row, ...] = tuple(row for theme in THEMES for row in theme.ROWS)


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    state = tmp_path_factory.mktemp("hostile") / "state"
    furnish(state)
    with Witness(state) as made:
        yield made


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_hostile_request_is_refused_by_name_and_changes_nothing(
    row: Row, witness: Witness, capfd: pytest.CaptureFixture[str]
) -> None:
    before, grounds = witness.sees(), Grounds()
    exit_code, stdout = grounds.call(*row.placed(str(witness.state)))
    code, message = refusal(stdout)
    assert (exit_code, code) == (1, row.code), message
    assert not row.at or message.startswith(f"{row.at}: "), message
    assert row.says in message
    assert grounds.host.effects == []
    assert witness.sees() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("row", verb_rows.FORGIVEN, ids=str)
def test_a_del_succeeds_whatever_else_is_wrong_and_changes_nothing(row: Row, witness: Witness) -> None:
    before, grounds = witness.sees(), Grounds()
    assert grounds.call(*row.placed(str(witness.state))) == (0, "")
    assert grounds.host.effects == []
    assert witness.sees() == before


def test_the_table_has_no_row_twice_and_each_row_expects_something_of_the_message() -> None:
    assert len(ROWS) >= 220
    assert [name for name, times in Counter(row.name for row in ROWS).items() if times > 1] == []
    assert len({(tuple(row.env.items()), row.stdin) for row in ROWS}) == len(ROWS)
    assert [row.name for row in ROWS if not row.at and not row.says and row.code != 104] == []
