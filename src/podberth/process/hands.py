"""Threads for the calls that a server of gRPC has taken: an errand each, in the place of a pool of the library's."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from podberth.process.errand import Errand

if TYPE_CHECKING:
    from collections.abc import Callable


class Hands:
    """What a server of gRPC hands its calls to: a thread for each. The server bounds how many there are at once."""

    def submit(self, function: Callable[..., object], *given: object, **named: object) -> _Ended:
        """Begin the call; return what tells of its end."""
        ended = _Ended()
        Errand(lambda: _run(ended, function, given, named))
        return ended

    def shutdown(self, *given: object, **named: object) -> None:
        """Nothing waits here."""


class _Ended:
    """The end of a call, as far as gRPC asks for it (concurrent.futures.Future)."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._over = False
        self._waiting: list[Callable[[Any], object]] = []

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call it at the end; at once if that has come."""
        with self._guard:
            if not self._over:
                self._waiting.append(callback)
                return
        callback(self)

    def end(self) -> None:
        """Call all that wait."""
        with self._guard:
            self._over, waiting = True, self._waiting
        for each in waiting:
            each(self)


def _run(ended: _Ended, function: Callable[..., object], given: tuple[object, ...], named: dict[str, object]) -> None:
    try:
        function(*given, **named)
    finally:
        ended.end()
