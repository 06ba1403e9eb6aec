"""Which executables of a CNI folder are podberth's: what one of them would answer, this process can answer itself."""

from __future__ import annotations

import os

SIGN = b"podberth: a CNI plugin, called by a container runtime"  # in the shim, and in each that ever was
MOST = 4 << 20  # bytes of a shim; most CNI plugins are no larger, and an old one with glibc has 1 MB

_seen: dict[tuple[int, int, int, int], bool] = {}  # by what tells a file from another in its place


def is_own(path: str) -> bool:
    """Say whether the executable is podberth's shim; False also if it can't be read."""
    try:
        at = os.stat(path)
        key = at.st_dev, at.st_ino, at.st_mtime_ns, at.st_size
        if key not in _seen:
            _seen[key] = at.st_size <= MOST and _has_sign(path)
    except OSError:
        return False
    return _seen[key]


def _has_sign(path: str) -> bool:
    with open(path, "rb") as file:
        return SIGN in file.read(MOST)
