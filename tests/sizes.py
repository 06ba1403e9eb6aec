"""How far a test with a long count goes: its smallest size in `make test`, all of it in `make soak`, a part in CI.

A soak runs just the modules that import `size`: a test with a long count is in a module of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

SOAK = "PODBERTH_SOAK"  # unset: the smallest size; `1`: the whole; `ci`: a tenth
SEED = "PODBERTH_SEED"  # a number that takes the place of each test's own seed


def size(least: int, soak: int) -> int:
    """Return how many cases, operations or seconds a test has in this run."""
    match os.environ.get(SOAK):
        case None | "":
            return least
        case "1":
            return soak
        case "ci":
            return max(least, soak // 10)
        case other:
            raise AssertionError(f"{SOAK}: expected 1 or ci, got {other!r}")


def seed(default: int) -> int:
    """Return what a test's random numbers begin with in this run."""
    return int(os.environ.get(SEED) or default)


def has_long_counts(item: pytest.Item) -> bool:
    """Say whether the test's module asks for a size."""
    return getattr(getattr(item, "module", None), "size", None) is size
