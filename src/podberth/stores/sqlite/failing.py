"""How a database fails: what a disk did not take, and what can be read and not written."""

from __future__ import annotations

from podberth.cni.errors import StoreFailed

DOUBT = "-doubt"  # behind the file's name: a file that says that a disk did not take what was written (doubt.py)


class CannotWrite(StoreFailed):
    """Code 104: the file can't be written by this process, for as long as nobody changes that."""
