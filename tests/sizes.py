"""How far a test with a long count goes: its smallest size in `make test`, all of it in `make soak`, a part in CI.

A soak runs just the modules that import `size`: a test with a long count is in a module of its own. CI leaves out those
whose part is no more than the smallest size, unless their random numbers are others there: `make test` has run them.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")

SOAK = "PODBERTH_SOAK"  # unset: the smallest size; `1`: the whole; `ci`: a tenth
SEED = "PODBERTH_SEED"  # a number that takes the place of each test's own seed


_asked: dict[str, bool] = {}  # by module that has asked for a size: whether one was more than the smallest


def size(least: int, soak: int) -> int:
    """Return how many cases, operations or seconds a test has in this run."""
    return _counted(least, soak)


def spread(cases: Mapping[str, T], least: int) -> dict[str, T]:
    """Return so many of the cases, from the first to the last; all of them in a soak."""
    return dict(evenly(tuple(cases.items()), _counted(least, len(cases))))


def evenly(cases: Sequence[T], count: int) -> list[T]:
    """Return at most so many of the cases: the first, and from there on to the last."""
    if len(cases) <= count:
        return list(cases)
    return [cases[(len(cases) - 1) * number // max(1, count - 1)] for number in range(count)]


def _counted(least: int, soak: int) -> int:
    match os.environ.get(SOAK):
        case None | "":
            found = least
        case "1":
            found = soak
        case "ci":
            found = max(least, soak // 10)
        case other:
            raise AssertionError(f"{SOAK}: expected 1 or ci, got {other!r}")
    module = sys._getframe(2).f_globals["__name__"]
    _asked[module] = _asked.get(module, False) or found > least
    return found


def seed(default: int) -> int:
    """Return what a test's random numbers begin with in this run."""
    return int(os.environ.get(SEED) or default)


def has_long_counts(item: pytest.Item) -> bool:
    """Say whether the test's module asks for a size, and this run has more of it than `make test`."""
    names = vars(item.module) if isinstance(item, pytest.Function) else {}
    if names.get("size") is not size and names.get("spread") is not spread:
        return False
    # A module that asks for none until its tests run may ask for any.
    return os.environ.get(SOAK) != "ci" or names.get("seed") is seed or _asked.get(names["__name__"], True)
