"""Every hostile file of declarations is refused as a whole: by `apply`, and from a `policyDir` at ADD."""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError
from podberth.policy.documents import parse_documents
from podberth.policy.yamlfiles import load
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.unit.hostile import apply_rows, podnetwork_rows, pool_rows
from tests.unit.hostile.row import STATE, conf, env_of
from tests.unit.hostile.store import ACTOR, Grounds, Witness, furnish, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.hostile.declaration import Declaration

FIELDS: tuple[Declaration, ...] = (*pool_rows.ROWS, *podnetwork_rows.ROWS)
ROWS: tuple[Declaration, ...] = (*FIELDS, *apply_rows.CONFLICTS, *apply_rows.FILES)
AT_ADD = (*FIELDS[::5], *apply_rows.CONFLICTS, *apply_rows.FILES)  # fields are read by the same functions there


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    """Watch a furnished store; what was seen of a policy directory may change."""
    state = tmp_path_factory.mktemp("hostile") / "state"
    furnish(state)
    with Witness(state, besides="followed") as made:
        yield made


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_hostile_file_is_not_applied(row: Declaration, witness: Witness) -> None:
    before, database = witness.sees(), Database(str(witness.state))
    with pytest.raises(CniError) as raised:
        SqlitePolicies(database).apply(
            parse_documents(load(BytesIO(row.content), row.file), row.file), ACTOR, source=row.file
        )
    database.close()
    message = raised.value.message
    assert raised.value.code == row.code, message
    assert not row.at or message.startswith(f"{row.file}[{row.index}]: {row.at}: "), message
    assert row.says in message
    assert len(message) < 4096
    assert witness.sees() == before


@pytest.mark.parametrize("row", AT_ADD, ids=str)
def test_an_add_is_refused_while_a_hostile_file_is_in_its_policy_directory(
    row: Declaration, witness: Witness, tmp_path: Path
) -> None:
    (tmp_path / row.file).write_bytes(row.content)
    before, grounds = witness.sees(), Grounds()
    stdin = conf(policyDir=str(tmp_path)).replace(STATE.encode(), str(witness.state).encode())
    exit_code, stdout = grounds.call(env_of("ADD"), stdin)
    code, message = refusal(stdout)
    assert (exit_code, code) == (1, 102), message
    assert message.startswith(f"policyDir: {tmp_path}"), message
    assert row.says in message
    assert not row.at or f"{row.file}[{row.index}]: {row.at}: " in message
    assert grounds.host.effects == []
    assert witness.sees() == before


@pytest.mark.parametrize("place", ["absent", "a-file"])
def test_an_add_is_refused_while_its_policy_directory_is_none(place: str, witness: Witness) -> None:
    before, grounds = witness.sees(), Grounds()
    stdin = conf(policyDir=f"{STATE}/{place}").replace(STATE.encode(), str(witness.state).encode())
    exit_code, stdout = grounds.call(env_of("ADD"), stdin)
    code, message = refusal(stdout)
    assert (exit_code, code) == (1, 102), message
    assert message.startswith(f"policyDir: {witness.state / place}: can't be read: "), message
    assert grounds.host.effects == []
    assert witness.sees() == before


def test_the_table_has_no_row_twice_and_each_row_expects_something_of_the_message() -> None:
    assert len(ROWS) >= 220
    assert [name for name, times in Counter(row.name for row in ROWS).items() if times > 1] == []
    assert len({(row.ending, row.content) for row in ROWS}) == len(ROWS)
    assert [row.name for row in ROWS if not row.at and not row.says] == []
