"""How far a test with a long count goes: its smallest size in `make test`, all in `make soak`, a part in CI."""

from __future__ import annotations

import os

SOAK = "PODBERTH_SOAK"  # unset: the smallest size; `1`: the whole; `ci`: a tenth


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
