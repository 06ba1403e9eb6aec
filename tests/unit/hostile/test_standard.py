"""Every row of hostile keys of the standard types is refused by the key's name, and leaves all as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.hostile.standard_rows import ROWS
from tests.unit.hostile.store import Grounds, Witness, furnish, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.hostile.row import Row


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    state = tmp_path_factory.mktemp("hostile") / "state"
    furnish(state)
    with Witness(state) as made:
        yield made


@pytest.mark.parametrize(("plugin_type", "row"), ROWS, ids=str)
def test_a_hostile_key_is_refused_by_name_and_changes_nothing(plugin_type: str, row: Row, witness: Witness) -> None:
    before, grounds = witness.sees(), Grounds()
    exit_code, stdout = grounds.call(*row.placed(str(witness.state)), plugin_type)
    code, message = refusal(stdout)
    assert (exit_code, code) == (1, row.code), message
    assert message.startswith((f"{row.at}: ", f"{row.at}[")), message
    assert len(message) < 1000
    assert grounds.host.effects == []
    assert witness.sees() == before
