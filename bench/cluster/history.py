"""What clients asked of the ledger and what they were told, with the times of both; kept in a file, as a client may be
killed between the two. All times are of one clock that all processes of a machine share (CLOCK_MONOTONIC), in ns."""

from __future__ import annotations

import json
import os
import threading
from itertools import count
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from podberth.cni.value import value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"
NEVER = 1 << 63  # when an operation ended of which nobody knows that it did


@value
class Operation:
    """One call. `kind`: bind, unbind, reserve or release; a move is a bind that may take over from `takeover`.

    `address` is the one that was named. `got`: the addresses of the answer; of a refusal the one it is about.
    `refusal` is the error's class. An `unknown` one may have happened, or may yet. `boot`
    and `place`: of the node that was asked.
    """

    node: str
    kind: str
    began: int
    ended: int = NEVER
    outcome: str = UNKNOWN
    attachment: str = ""
    pod: str = ""
    address: str = ""
    sticky: bool = False
    takeover: tuple[str, ...] = ()
    got: tuple[str, ...] = ()
    refusal: str = ""
    boot: str = ""
    place: str = ""


class Recorder:
    """Writes a history. Each line is in the file once it is written: it survives the process."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._numbers = count()
        self._guard = threading.Lock()
        self._run = f"{os.getpid()}-{monotonic_ns()}"

    def begin(self, **asked: Any) -> str:
        """Record that an operation begins now; return its name."""
        with self._guard:
            name = f"{self._run}-{next(self._numbers)}"
        self._write({"op": name, "began": monotonic_ns(), **asked})
        return name

    def end(self, name: str, outcome: str, *, got: Iterable[str] = (), refusal: str = "") -> None:
        """Record that the operation has ended by now."""
        self._write({"op": name, "ended": monotonic_ns(), "outcome": outcome, "got": [*got], "refusal": refusal})

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")  # one write: lines of threads don't mix


def read(paths: Iterable[Path]) -> tuple[Operation, ...]:
    """Return the operations of the files in the order in which they began."""
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            part = json.loads(line)
            found.setdefault(part.pop("op"), {}).update(part)
    made = (Operation(**{**each, **_tuples(each)}) for each in found.values())
    return tuple(sorted(made, key=lambda operation: operation.began))


def _tuples(parts: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(parts[key]) for key in ("got", "takeover") if key in parts}
