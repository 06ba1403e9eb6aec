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


class Backoff:
    """Pauses after failures in a row, by chance, up to a bound that doubles.

    The bound is `first` seconds after the first failure, and never more than `longest`. `least`: the part of the bound,
    from 0 to 1, that a pause lasts at the least.
    """

    __slots__ = ("first", "least", "longest")

    def __init__(self, first: float, longest: float, *, least: float = 0.0) -> None:
        self.first, self.longest, self.least = first, longest, least

    def bound(self, failures: int) -> float:
        """Return the most seconds of the pause after so many failures; 0 after none."""
        return min(self.first * 2 ** min(failures - 1, 30), self.longest) if failures > 0 else 0.0

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after so many failures; 0 after none."""
        bound = self.bound(failures)
        return between(self.least * bound, bound)
