"""Each type plans what its golden cases say; the JSON of a plan is the same through a file."""

from __future__ import annotations

import json
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import pytest

from podberth import plugins
from podberth.plugins import standard
from tests.unit.plugins.golden import CASES, cases, outcome

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.parent.name}-{case.name}")
def test_a_type_plans_what_the_case_says(case: Path) -> None:
    assert json.loads(json.dumps(outcome(case))) == json.loads((case / "plan.json").read_text())


def test_each_type_that_plans_has_cases() -> None:
    modules = [*iter_modules(plugins.__path__), *iter_modules(standard.__path__)]
    types = {module.name.replace("_", "-") for module in modules if not module.ispkg}
    assert {path.name for path in CASES.iterdir()} == types
