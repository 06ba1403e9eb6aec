"""How messages say that a cluster's store is away."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import podberth
from podberth.ipam.outlook import PREFIX, sentence

PACKAGE = Path(podberth.__file__).parent


@pytest.mark.parametrize("why", ["no endpoint answers", f"{PREFIX}no endpoint answers"])
def test_that_the_store_is_away_is_said_once(why: str) -> None:
    assert sentence(why) == "the cluster's store is away: no endpoint answers"


def test_the_words_are_in_one_place() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(PREFIX):
                assert path == PACKAGE / "ipam/outlook.py", f"{path}:{node.lineno}"
