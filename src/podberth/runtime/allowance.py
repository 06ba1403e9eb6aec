"""How long the next plugin of a container may take, where all its plugins have a time together."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Allowance:
    """Seconds: `each` plugin may take so many, all of one container `together` so many, and each has the `least`.

    The least is for a DEL after many that hung: one that is never called leaves something behind.
    """

    def __init__(self, each: float, together: float, least: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._each, self._together, self._least = each, together, least
        self._clock = clock
        self._ends: dict[str, float] = {}  # by container

    def left(self, container_id: str) -> float:
        """Return the seconds that the container's next plugin may take. The first question begins the time."""
        now = self._clock()
        end = self._ends.setdefault(container_id, now + self._together)
        return max(self._least, min(self._each, end - now))
