"""Resolving and authorising happen at every ADD: what they import is paid for by every pod."""

from __future__ import annotations

import pytest

from tests.unit.test_import_budget import TOO_DEAR, imported_by


@pytest.mark.parametrize(
    "module",
    [
        "podberth.policy.annotations",
        "podberth.policy.authorise",
        "podberth.policy.documents",
        "podberth.policy.precedence",
        "podberth.stores.directory",
        "podberth.stores.sqlite.policies",
    ],
)
def test_looking_declarations_up_imports_nothing_dear(module: str) -> None:
    loaded = imported_by(module)
    assert module in loaded
    assert not loaded & TOO_DEAR
    assert "podberth.policy.admission" not in loaded
