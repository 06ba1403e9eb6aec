"""Signals to `podberth run`: before the command they end the run, then they are the command's, at the end nobody's."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import Self

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_OF_A_TERMINAL = (signal.SIGINT, signal.SIGQUIT)


class Ended(Exception):
    """A signal came while nothing ran yet that it could be passed on to."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Signals:
    """While this is in force no signal ends this process: `Ended` is raised at most once, between `open` and `close`.

    Where it is raised can be anywhere in between: `close` belongs into a `finally` inside of what catches it.
    """

    def __init__(self) -> None:
        self._command: subprocess.Popen[bytes] | None = None
        self._open = False
        self._held: list[int] = []
        self._before: list[tuple[signal.Signals, signal._HANDLER]] = []

    def __enter__(self) -> Self:
        for number in _PASSED_ON:
            self._before.append((number, signal.signal(number, self._came)))
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)

    def open(self) -> None:
        """From now on a signal raises `Ended`, at once if one has come already."""
        self._open = True
        if self._held:
            self._open = False
            raise Ended(self._held[0])

    def close(self) -> None:
        """From now on nothing interrupts."""
        self._open = False

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start the command; signals are passed on to it, with those that came meanwhile."""
        self._open = False  # a signal between the fork and its being known here would lose the child
        started = subprocess.Popen(command)  # noqa: S603 - to run it is what was asked for
        self._command = started
        for number in self._held:
            started.send_signal(number)
        return started

    def _came(self, number: int, _: FrameType | None) -> None:
        if self._open:
            self._open = False
            raise Ended(number)
        if self._command is None:
            self._held.append(number)
        elif number not in _OF_A_TERMINAL or not sys.stdin.isatty():  # a terminal has sent its own to the command
            self._command.send_signal(number)
