"""A file of the host's that a runtime may read or exec at any moment: it is the old one or the new one, never half."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from podberth.process.whole import write_whole

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
    return write_whole(str(target), content, mode)


def _owner() -> tuple[int, int]:
    return os.geteuid(), os.getegid()
