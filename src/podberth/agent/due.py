"""Work that is due at a time, one piece for each key, done one after another by a loop of its own."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from podberth.process.loop import WAIT, Loop

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
W = TypeVar("W")


class Due(Generic[K, W]):
    """A loop that calls `act` with each key and its work, once it is due. Of the work of one key the last counts.

    `act` may ask for another try by `again`. `failed` gets why it raised; it is tried again after a while. `most`: keys
    that wait at once; of more the oldest is given up.
    """

    def __init__(
        self, name: str, act: Callable[[K, W], None], failed: Callable[[str], None], *, most: int | None = None
    ) -> None:
        self._act, self._most = act, most
        self._changed = threading.Condition()
        self._due: dict[K, tuple[float, W]] = {}  # the time is the monotonic clock's
        self._loop = Loop(name, self._turn, failed)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """End, after the work that is being done, but for at most so long."""
        self._loop.stop()
        with self._changed:
            self._changed.notify()
        self._loop.join(seconds)

    def put(self, key: K, work: W) -> None:
        """Have the work done soon, in place of what waits for the key."""
        with self._changed:
            self._due.pop(key, None)
            if self._most is not None and len(self._due) >= self._most:
                del self._due[next(iter(self._due))]
            self._due[key] = (monotonic(), work)
            self._changed.notify()

    def again(self, key: K, work: W, pause: float) -> None:
        """Have the work done after so many seconds, unless other work of the key has come by now."""
        with self._changed:
            self._due.setdefault(key, (monotonic() + pause, work))

    def _turn(self) -> float:
        with self._changed:
            wait = min((at for at, _ in self._due.values()), default=monotonic() + WAIT) - monotonic()
            if wait > 0 and not self._loop.stopping:
                self._changed.wait(min(wait, WAIT))
            now = monotonic()
            ready = next((key for key, (at, _) in self._due.items() if at <= now), None)
            if ready is None:
                return 0.0
            _, work = self._due.pop(ready)
        try:
            self._act(ready, work)
        except BaseException:
            self.again(ready, work, WAIT)
            raise
        return 0.0
