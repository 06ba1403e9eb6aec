"""Waiting for what must happen: by its progress where it shows some, and with a bound that no busy machine meets."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

PATIENCE = 300.0  # seconds; what takes a second on a quiet machine may take a minute beside the other tiers
PAUSE = 0.02  # seconds between two looks at least
REST = 3  # times as long as a look took, up to a second: one that starts a program would have a processor for itself
LONGEST = 1.0
QUIET = 0.5  # seconds without a change after which a thing is at rest


def ended(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program that shows its progress to its end; fail once it has said nothing for three times PATIENCE."""
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(argv, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None
        parts: list[bytes] = []
        while select.select([process.stdout], [], [], 3 * PATIENCE)[0]:
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                break
            parts.append(part)
        else:
            process.kill()
            raise AssertionError(f"{argv} says nothing more: {b''.join(parts)[-2000:].decode()}")
        status = process.wait(PATIENCE)
        errors.seek(0)
        return subprocess.CompletedProcess(list(argv), status, b"".join(parts).decode(), errors.read().decode())


def until(condition: Callable[[], T], trouble: Callable[[], object] | str = "it never came to be") -> T:
    """Return the condition's value once that is true; fail with `trouble` if it never comes to be.

    A condition may look at what is not there yet, a link or a document's key: one that raises is not yet true, and
    fails at last with what it raises then.
    """
    began = time.monotonic()
    end = began + PATIENCE
    while not (value := _seen(condition)):
        now = time.monotonic()
        if now > end:
            condition()
            raise AssertionError(f"not within {PATIENCE:.0f} s: {trouble if isinstance(trouble, str) else trouble()}")
        time.sleep(max(PAUSE, min(REST * (now - began), LONGEST)))
        began = time.monotonic()
    return value


def at_rest(look: Callable[[], T]) -> T:
    """Return a value that has stayed the same in every look for half a second: from there on others are counted."""
    last, since = look(), time.monotonic()

    def rests() -> bool:
        nonlocal last, since
        now = look()
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > QUIET

    until(rests, lambda: f"it never came to rest: {last}")
    return last


def _seen(condition: Callable[[], T]) -> T | None:
    try:
        return condition()
    except Exception:  # noqa: BLE001 - whatever it is, it may pass
        return None
