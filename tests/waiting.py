"""Waiting in tests for what comes about at once on a quiet machine, and much later on a busy one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# Seconds, far more than it takes at a load of ten on one core: reached only by what never comes.
PATIENCE = 120.0
PAUSE = 0.02


def until(holds: Callable[[], T], trouble: Callable[[], str] | str, pause: float = PAUSE) -> T:
    """Return what `holds()` returns as soon as that is true; AssertionError with `trouble` if it never is."""
    end = time.monotonic() + PATIENCE
    while not (outcome := holds()):
        if time.monotonic() > end:
            raise AssertionError(f"not in {PATIENCE:.0f} s: {trouble if isinstance(trouble, str) else trouble()}")
        time.sleep(pause)
    return outcome
