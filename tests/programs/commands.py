"""Run the commands that fetch and build, and tell the person who waits how far that is."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

EVERY = 60  # seconds between two signs of life of a long step


def run(command: Sequence[str], *, cwd: Path = Path("/"), env: Mapping[str, str] | None = None) -> str:
    """Return what a command prints; it must succeed."""
    try:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise AssertionError(f"there is no program {command[0]} here: install it") from None
    assert done.returncode == 0, f"{' '.join(command)[:400]}: {(done.stderr or done.stdout).strip()[-4000:]}"
    return done.stdout


@contextmanager
def step(what: str) -> Iterator[None]:
    """Print what is being done, a line every minute while it lasts, and how long it took."""
    began = time.monotonic()
    over = threading.Event()

    def report() -> None:
        while not over.wait(EVERY):
            print(f"    {time.monotonic() - began:.0f} s so far", flush=True)

    print(f"  {what}", flush=True)
    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
        print(f"    done in {time.monotonic() - began:.0f} s", flush=True)
    finally:
        over.set()
        reporter.join()


def sha256(file: Path) -> str:
    """Return the file's SHA-256 in hexadecimal digits."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
