"""Files of the driver: there as a whole or not at all, and errors of the disk in podberth's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import StoreFailed
from podberth.process.whole import write_whole

if TYPE_CHECKING:
    from pathlib import Path


def put(path: Path, content: bytes, mode: int, advice: str) -> None:
    """Have the file be there with that content and mode, and its folder. StoreFailed, with the advice."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(str(path), content, mode)
    except OSError as wrong:
        raise StoreFailed(f"{path}: {wrong.strerror}", advice) from wrong


def remove(path: Path) -> None:
    """Take the file away; nothing happens if there is none. StoreFailed."""
    try:
        path.unlink()
    except FileNotFoundError:
        pass
    except OSError as wrong:
        raise StoreFailed(f"{path}: {wrong.strerror}", "is it writable?") from wrong
