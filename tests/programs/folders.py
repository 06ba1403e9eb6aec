"""Where the programs of the tests lie: this user's cache, and the folder of ready files that a machine may have."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = "PODBERTH_SHARED"  # names the folder of ready files: kube/*.xz and debs/*.deb


def shared() -> Path:
    """Return the folder of ready files; it need not exist."""
    return Path(os.path.normpath(ROOT / os.environ.get(SHARED, "../shared")))


def cache() -> Path:
    """Return the folder in which programs stay from one test run to the next; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "podberth"


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Keep other processes from doing what this name stands for at the same time; a dead process holds no lock."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another run that holds {file.name}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder that takes the name `folder` when the block ends well, and disappears when it does not.

    The caller holds a lock: what a killed process has left of the same folder is deleted first.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(left)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        partial.chmod(0o755)
        yield partial
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
