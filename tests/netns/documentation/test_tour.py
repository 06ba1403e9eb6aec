"""README's commands run in order on a private machine and print what README shows; a broken one is noticed."""

from __future__ import annotations

import pytest

from tests.documents.pages import Mutant, mutants, scenes
from tests.documents.performance import fault, page
from tests.sizes import size

README = page("README.md")
MUTANTS = mutants(README)
# Evenly spread; the first is an early one, which is quick.
CHOSEN = MUTANTS[1 :: max(1, (len(MUTANTS) - 1) // size(1, len(MUTANTS)))][: size(1, len(MUTANTS))]
# Seconds. A command that is broken in the background is noticed by the loop that waits for it, which has no end.
PATIENCE = 120.0


def test_the_tour_prints_what_readme_shows() -> None:
    assert fault(scenes(README)) is None


@pytest.mark.parametrize("mutant", CHOSEN, ids=lambda mutant: f"{mutant.scene}-{mutant.line.split()[0]}")
def test_a_broken_command_is_noticed(mutant: Mutant) -> None:
    broken = scenes(mutant.page)
    noticed = fault(broken[: mutant.scene + 2], patience=PATIENCE)
    assert noticed is not None
    assert noticed.scene == mutant.scene, noticed.why


def test_a_wrong_output_is_noticed() -> None:
    shown = scenes(README.replace("10.77.0.13  payments/mysql-2", "10.77.0.14  payments/mysql-2"))
    noticed = fault(shown[:2])
    assert noticed is not None
    assert "10.77.0.14" in noticed.why
