"""The way that a path takes: through which directories, by which names, links and all."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LINKS = 40  # path_resolution(7): more are ELOOP


def walk(path: str, enter: Callable[[str, str], None], base: str = "") -> str | None:
    """Go where the path leads from `base`; return the path without links of what is there, None if nothing is.

    `enter` is told each directory and the name in it, before the name is looked up: who begins to watch the directory
    then misses no change of the way. What it raises ends the walk, FileNotFoundError and NotADirectoryError as a way
    that leads nowhere.
    """
    done, links = base, 0
    ahead = path.split("/")[::-1]
    while ahead:
        name = ahead.pop()
        if name in ("", "."):
            continue
        if name == "..":
            done = done.rpartition("/")[0]  # there are no links in it
            continue
        try:
            enter(done or "/", name)
            target = os.readlink(f"{done}/{name}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as failure:
            if failure.errno != errno.EINVAL:
                raise
            done = f"{done}/{name}"  # it is no link
            continue
        links += 1
        if links > _LINKS:
            return None
        if target.startswith("/"):
            done = ""
        ahead += target.split("/")[::-1]
    return done or "/"
