"""A thread that must live: a loop whose turns may fail, and that goes on.

Outside data, a peer or a full disk can make a turn raise anything. The loop catches it, logs it and tries again after a
pause that grows up to a bound. The log can fail as well; that ends nothing either.
"""

from __future__ import annotations

import threading

from podberth.process.jitter import between

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds, at most, after the first failure and after many in a row


def reason(failure: BaseException) -> str:
    """Return an error in words: podberth's own by its message, a bug by its type too."""
    message = getattr(failure, "message", None)
    return message if isinstance(message, str) else f"{type(failure).__name__}: {failure}"


def report(log: Callable[[T], object], message: T) -> None:
    """Log a message, or whatever the log takes; a log that can't take it is no reason to stop."""
    try:
        log(message)
    except Exception:  # noqa: BLE001, S110 - stderr's reader may be gone: nobody is left to tell
        pass


class Loop:
    """Call `turn` again and again in a thread of its own; it returns the seconds to wait until the next call.

    `failed` gets the reason of each failure, in the same thread. `trouble` is the last turn's, '' if it went well.
    """

    def __init__(self, name: str, turn: Callable[[], float], failed: Callable[[str], object]) -> None:
        self._turn = turn
        self._failed = failed
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._failures = 0  # in a row
        self.trouble = ""

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called: a turn that takes long looks at it."""
        return self._stopping.is_set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs, or was not started yet."""
        return self._thread.ident is None or self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
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
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self.stopping:
            self._wake.clear()
            pause = self._once()
            if not self.stopping:
                self._wake.wait(pause)

    def _once(self) -> float:
        try:
            pause = self._turn()
        except Exception as failure:  # noqa: BLE001 - whatever it is, the loop goes on
            self._failures = min(self._failures + 1, 30)
            self.trouble = reason(failure)
            report(self._failed, self.trouble)
            return between(0, min(FIRST_PAUSE * 2 ** (self._failures - 1), LONGEST_PAUSE))
        self._failures, self.trouble = 0, ""
        return pause
