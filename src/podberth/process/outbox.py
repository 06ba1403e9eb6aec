"""Things to be sent that nobody waits for: a loop sends them, and is there only while there is something to send."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from podberth.process.loop import Loop, report
from podberth.process.reason import reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.process.reason import Reason

T = TypeVar("T")


class Outbox(Generic[T]):
    """`send` is called for each thing, in order; one that it raises for is lost, with all that wait behind it.

    `lost` is told why, and how many there were. `most`: how many wait; what comes then is lost.
    """

    def __init__(
        self, name: str, send: Callable[[T], object], lost: Callable[[Reason, int], object], most: int
    ) -> None:
        self._name = name
        self._send = send
        self._lost = lost
        self._most = most
        self._guard = threading.Lock()
        self._waiting: deque[T] = deque()
        self._loop: Loop | None = None

    def put(self, thing: T) -> bool:
        """Have it sent; False if there is no room."""
        with self._guard:
            if len(self._waiting) >= self._most:
                return False
            self._waiting.append(thing)
            if self._loop is None:
                self._loop = Loop(self._name, self._turn, lambda _: None, daemon=False)
                self._loop.start()
            return True

    def settle(self) -> None:
        """Wait until what was put here so far is sent, or lost."""
        loop = self._loop
        if loop is not None:
            loop.join()

    def _turn(self) -> float:
        with self._guard:
            if not self._waiting:
                if self._loop is not None:
                    self._loop.stop()
                self._loop = None
                return 0.0
            thing = self._waiting.popleft()
        try:
            self._send(thing)
        except BaseException as failure:
            why = reason(failure)
            with self._guard:  # the others would fail as this one did, and late they are worth little
                dropped = 1 + len(self._waiting)
                self._waiting.clear()
            report(lambda count: self._lost(why, count), dropped)  # the loop tells a reason once, this each loss
            raise
        return 0.0
