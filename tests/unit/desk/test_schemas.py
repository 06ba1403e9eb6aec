"""docs/schemas against the answers: each has a schema, and that is of today."""

from __future__ import annotations

from tests.checkout import ROOT
from tools.schemas import answers, files

FOLDER = ROOT / "docs/schemas"


def test_the_schemas_are_those_of_the_answers() -> None:
    found = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert found == files(), "run `.venv/bin/python tools/schemas.py`"


def test_no_two_answers_have_one_schema() -> None:
    names = [kind.SCHEMA for kind in answers()]
    assert len(names) == len(set(names))
    assert {"who/1", "history/1", "leases/1", "pools/1", "reservations/1", "attachments/1"} <= set(names)
    assert {"explain/1", "plan/1", "check/1", "doctor/1", "trace/1", "vfs/1"} <= set(names)
