"""The log of a process that stays: a line of JSON for each event on stderr, for journald or the container's runtime.

What stderr does not take at once is lost, and counted (process/log.py).
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Literal, Self, TextIO

from podberth.process.log import have_noticed, say
from podberth.process.loop import report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.process.reason import Reason

LEVELS = ("error", "warning", "info", "debug")


class Journal:
    """Writes lines of the levels that are wanted. Threads share it; none waits for it, and none ends by it."""

    def __init__(self, level: str = "info", to: TextIO | None = None) -> None:
        self._wanted = LEVELS.index(level)
        self._say = say if to is None else lambda line: to.write(f"{line}\n")

    def with_notices(self) -> Self:
        """Have what is noticed anywhere in this process be lines of this log, which a collector can read; return it."""
        have_noticed(lambda why: self.complain("warning", "notice", why))
        return self

    def wants(self, level: str) -> bool:
        """Say whether events of that level are written."""
        return LEVELS.index(level) <= self._wanted

    def write(self, level: Literal["info", "debug"], event: str, about: Mapping[str, object] | None = None) -> None:
        """Write one event; what has no value is left out."""
        self._put(level, event, about or {})

    def complain(
        self, level: Literal["error", "warning"], event: str, why: Reason, about: Mapping[str, object] | None = None
    ) -> None:
        """Write one event that somebody has to look at: what is wrong, as `message`, and what to do, as `details`."""
        self._put(level, event, {**(about or {}), "message": str(why), "details": why.todo})

    def _put(self, level: str, event: str, about: Mapping[str, object]) -> None:
        if not self.wants(level):
            return
        report(lambda said: self._say(_line(level, said, about)), event)


def _line(level: str, event: str, about: Mapping[str, object]) -> str:
    now = time.time()  # noqa: TID251 - a line of a log
    stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03}Z"
    said = {key: told for key, told in about.items() if told not in (None, "")}
    return json.dumps({"time": stamp, "level": level, "event": event, **said}, default=str)
