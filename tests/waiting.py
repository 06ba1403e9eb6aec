"""Waiting for what must happen: by its progress where it shows some, and with a bound that no busy machine meets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PATIENCE = 300.0  # seconds; what takes a second on a quiet machine may take a minute beside the other tiers
PAUSE = 0.02  # seconds between two looks


def until(condition: Callable[[], T], trouble: Callable[[], object] | str = "it never came to be") -> T:
    """Return the condition's value once that is true; fail with `trouble` if it never comes to be."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {PATIENCE:.0f} s: {trouble if isinstance(trouble, str) else trouble()}")
        time.sleep(PAUSE)
    return value
