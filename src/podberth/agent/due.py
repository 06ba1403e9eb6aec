"""Work that is due at a time, one piece for each key, done by loops of its own."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from podberth.process.loop import WAIT, Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.process.reason import Reason

K = TypeVar("K")
W = TypeVar("W")


class Due(Generic[K, W]):
    """Loops that call `act` with each key and its work, once it is due. Of the work of one key the last counts.

    `act` may ask for another try by `again`. `failed` gets why it raised; it is tried again after a while. `most`: keys
    that wait at once; of more the oldest is given up. `loops`: how many keys are worked on at once, each by one loop.
    `whose`: of the keys of one owner one is worked on at a time, so that what hangs takes no other owner's place.
    """

    def __init__(
        self, name: str, act: Callable[[K, W], None], failed: Callable[[Reason], object], *, most: int | None = None,
        loops: int = 1, whose: Callable[[K], object] = lambda key: key,
    ) -> None:  # fmt: skip
        self._act, self._most, self._whose = act, most, whose
        self._changed = threading.Condition()
        self._due: dict[K, tuple[float, W]] = {}  # the time is the monotonic clock's
        self._busy: set[object] = set()  # owners
        self._stopping = False
        names = [name] if loops == 1 else [f"{name}-{number}" for number in range(loops)]
        self._loops = [Loop(each, self._turn, failed, family=name) for each in names]

    def start(self) -> None:
        """Begin."""
        for loop in self._loops:
            loop.start()

    def stop(self, seconds: float) -> None:
        """End, after the work that is being done, but for at most so long."""
        end = monotonic() + seconds
        for loop in self._loops:
            loop.stop()
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for loop in self._loops:
            loop.join(max(0.0, end - monotonic()))

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
            self._changed.notify()

    def _turn(self) -> float:
        with self._changed:
            wait = min((at for _, at in self._free()), default=monotonic() + WAIT) - monotonic()
            if wait > 0 and not self._stopping:
                self._changed.wait(min(wait, WAIT))
            now = monotonic()
            ready = next((key for key, at in self._free() if at <= now), None)
            if ready is None:
                return 0.0
            _, work = self._due.pop(ready)
            self._busy.add(self._whose(ready))
        try:
            self._act(ready, work)
        except BaseException:
            self.again(ready, work, WAIT)
            raise
        finally:
            with self._changed:
                self._busy.discard(self._whose(ready))
                self._changed.notify()  # other work of the owner may wait
        return 0.0

    def _free(self) -> Iterator[tuple[K, float]]:
        """Yield the keys of whose owner no loop works on any, with the time when their work is due."""
        return ((key, at) for key, (at, _) in self._due.items() if self._whose(key) not in self._busy)
