"""A thread that must live: a loop whose turns may fail, and that goes on.

Outside data, a peer or a full disk can make a turn raise anything. The loop catches it, logs it and tries again after a
pause that grows up to a bound. The log can fail as well; that ends nothing either.

A loop's heartbeat is its turns, and nothing else. So a turn is short: it waits for a bounded time, and then it is over.
A turn that fails is a turn. One that lasts longer than its bound makes the loop stuck (process/health.py).
"""

from __future__ import annotations

import threading
from time import monotonic

from podberth.process import roll
from podberth.process.jitter import Backoff
from podberth.process.reason import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from podberth.process.reason import Reason

    T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds, at most, after the first failure and after many in a row
BOUND = 300.0  # seconds that a turn may last
WAIT = 30.0  # seconds that a turn waits for something to do, at most


def report(log: Callable[[T], object], message: T) -> None:
    """Log a message, or whatever the log takes; a log that can't take it is no reason to stop."""
    try:
        log(message)
    except BaseException:  # noqa: BLE001, S110 - stderr's reader may be gone: nobody is left to tell
        pass


class Loop:
    """Call `turn` again and again in a thread of its own; it returns the seconds to wait until the next call.

    `failed` gets the reason of a failure, in the same thread, once for each time it is another than the one before.
    `trouble` is the last turn's, '' if it went well. `bound`: seconds that a turn may last. `family` is the name of all
    loops that do the same, for metrics. `first` and `longest`: seconds to wait after failures. A process ends without
    its loops; only for one that is no `daemon` it waits.
    """

    def __init__(
        self, name: str, turn: Callable[[], float], failed: Callable[[Reason], object], *, bound: float = BOUND,
        family: str = "", first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE, daemon: bool = True,
    ) -> None:  # fmt: skip
        self.name, self.family, self.bound = name, family or name, bound
        self._turn = turn
        self._failed = failed
        self._backoff = Backoff(first, longest)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=daemon)
        self._failures = 0  # in a row
        self.trouble = ""
        self.last = self.due = monotonic()  # when the last turn was over, and by when the next one has to be

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called: a turn that takes long looks at it."""
        return self._stopping.is_set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs, or was not started yet."""
        return self._thread.ident is None or self._thread.is_alive()

    def start(self, after: float = 0.0) -> None:
        """Begin, with the first turn after so many seconds."""
        self._rest(after)
        roll.enter(self)
        self._thread.start()

    def wake(self) -> None:
        """Begin the next turn now, if the loop waits for it."""
        self._wake.set()

    def stop(self) -> None:
        """Have this turn be the last one."""
        self._stopping.set()
        self._wake.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for the end, at most so long; say whether it has come. One that was never started has ended."""
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def end(self, seconds: float | None = None) -> bool:
        """Have this turn be the last one, and wait for its end as `join` does."""
        self.stop()
        return self.join(seconds)

    def _run(self) -> None:
        pause = self.due - self.bound - monotonic()
        while not self.stopping:
            try:
                if pause > 0.0:
                    self._wake.wait(pause)
                pause = self._once()
            except BaseException:  # noqa: BLE001 - out of memory while a failure was told: nothing ends a loop
                pause = self._backoff.longest
        roll.leave(self)

    def _once(self) -> float:
        if self._wake.is_set():
            self._wake.clear()
        if self.stopping:
            return 0.0
        began = monotonic()
        self.due = began + self.bound
        try:
            pause = self._turn()
        except BaseException as failure:  # noqa: BLE001 - whatever it is, the loop goes on
            pause = self._next_pause(monotonic() - began)
            self._tell(failure)
        else:
            if self.trouble:
                self._failures, self.trouble = 0, ""
        self._rest(pause)
        return pause

    def _rest(self, pause: float) -> None:
        self.last = monotonic()
        self.due = self.last + pause + self.bound

    def _next_pause(self, lasted: float) -> float:
        """Return the pause after a failure; one that came after a long while is the first of its row again."""
        self._failures = 1 if lasted > self._backoff.longest else self._failures + 1
        roll.failed(self.family)
        return self._backoff.pause(self._failures)

    def _tell(self, failure: BaseException) -> None:
        why = reason(failure)
        if why != self.trouble:
            self.trouble = why
            report(self._failed, why)
