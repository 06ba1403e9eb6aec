"""Pauses that differ from one process to the next, so that not all come back at once.

The numbers are the kernel's. The `random` module has one state for the whole process: a library that seeds it would
give every node the same pauses.
"""

from __future__ import annotations

from random import SystemRandom

_KERNEL = SystemRandom()  # has no state


def between(least: float, most: float) -> float:
    """Return seconds, evenly distributed from `least` to `most`."""
    return _KERNEL.uniform(least, most)


def below(bound: int) -> int:
    """Return a whole number from 0 to `bound`, without that."""
    return _KERNEL.randrange(bound)
