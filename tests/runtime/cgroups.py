"""The control groups that a runtime made for a test's containers, under every controller of version 1 or 2."""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path

from tests.waiting import until

CGROUPS = Path("/sys/fs/cgroup")


def remove(pattern: str) -> None:
    """Remove the groups of a pattern and those below them, once the last process in them has ended.

    A killed process leaves its group a little later than it stops being seen: cgroups(7), "Removing cgroups".
    """
    for top in CGROUPS.glob(pattern):
        for folder, _, _ in os.walk(top, topdown=False):
            until(partial(_removed, Path(folder)), f"something is still in {folder}")


def _removed(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:  # the runtime has removed it
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True
