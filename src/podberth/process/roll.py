"""The loops that run in this process, and how often each kind of them has failed.

A loop enters itself when it starts, and leaves when it was stopped and has ended. So none is forgotten where the
process's health is told: one that is gone without having been stopped stays on the roll.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Supervised(Protocol):
        """What is on the roll. Times are of the monotonic clock, in seconds."""

        name: str
        family: str
        bound: float
        last: float
        due: float

        @property
        def stopping(self) -> bool:
            """Whether it was told to end."""

        @property
        def alive(self) -> bool:
            """Whether its thread runs."""


# One process has one set of threads, as `threading.enumerate` knows it: this is that set, with those that are gone.
_RUNNING: set[Supervised] = set()
_FAILURES: dict[str, int] = {}


def enter(loop: Supervised) -> None:
    """Have it looked after."""
    _FAILURES.setdefault(loop.family, 0)
    _RUNNING.add(loop)


def leave(loop: Supervised) -> None:
    """Look after it no longer."""
    _RUNNING.discard(loop)


def failed(family: str) -> None:
    """Count a failure of a loop of this family."""
    _FAILURES[family] = _FAILURES.get(family, 0) + 1


def running() -> tuple[Supervised, ...]:
    """Return all that were started and not stopped."""
    return tuple(loop for loop in _RUNNING.copy() if not loop.stopping)


def failures() -> dict[str, int]:
    """Return how many turns have failed, by the loops' family."""
    return dict(_FAILURES)
