"""Waiting for what must happen: by its progress where it shows some, and with a bound that no busy machine meets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 300.0  # seconds; what takes a second on a quiet machine may take a minute beside the other tiers
PAUSE = 0.02  # seconds between two looks


def until(condition: Callable[[], object], trouble: Callable[[], object]) -> None:
    """Return once the condition holds; fail with `trouble` if it does not come to hold."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE:.0f} s: {trouble()}"
        time.sleep(PAUSE)
