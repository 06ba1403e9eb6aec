"""A file of the host's that a runtime may read or exec at any moment: it is the old one or the new one, never half."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def put(target: Path, content: bytes, mode: int) -> bool:
    """Make the file have that content and mode; return whether it was another before. Raises OSError.

    What is executed goes on with the file that it was started from. A symbolic link gives way to a file.
    """
    if not target.is_symlink() and target.is_file():
        now = target.stat()
        if now.st_mode & 0o7777 == mode and (now.st_uid, now.st_gid) == _owner() and target.read_bytes() == content:
            return False
    fresh = target.with_name(f".{target.name}.podberth-new")
    fresh.unlink(missing_ok=True)  # of one that was killed here
    try:
        with fresh.open("xb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    sync(target.parent)
    return True


def sync(folder: Path) -> None:
    """Have the folder's names on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _owner() -> tuple[int, int]:
    return os.geteuid(), os.getegid()
