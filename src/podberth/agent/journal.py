"""The agent's log: a line of JSON for each event on stderr, where the journal or the container's runtime takes it."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("error", "warning", "info", "debug")


class Journal:
    """Writes lines of the levels that are wanted. Threads share it."""

    def __init__(self, level: str = "info", to: TextIO | None = None) -> None:
        self._wanted = LEVELS.index(level)
        self._to = to if to is not None else sys.stderr
        self._turn = threading.Lock()

    def wants(self, level: str) -> bool:
        """Say whether events of that level are written."""
        return LEVELS.index(level) <= self._wanted

    def write(self, level: str, event: str, about: Mapping[str, object] | None = None) -> None:
        """Write one event; what has no value is left out."""
        if not self.wants(level):
            return
        now = time.time()
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03}Z"
        said = {key: told for key, told in (about or {}).items() if told not in (None, "")}
        line = json.dumps({"time": stamp, "level": level, "event": event, **said}, default=str)
        with self._turn:
            self._to.write(line + "\n")
            self._to.flush()
