"""The write-ahead log of a database on its way to the disk."""

from __future__ import annotations

import os
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.stores.sqlite.ahead import Ahead


class Log:
    """The write-ahead log on its way to the disk. While a connection is open the file stays the same one.

    Commits are counted as they are made. Whoever wants his on disk waits for the flush under way, and then flushes
    all that were made by then, unless the one before had his among them.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._turn = allocate_lock()
        self._flushed = 0
        self._guard = allocate_lock()
        self._ahead: Ahead | None = None
        self.commits = 0  # the database's lock is held where it changes

    def ahead(self) -> None:
        """Have a thread of the log's own bring to disk what is committed by now, while the caller does other things."""
        with self._guard:
            if self._ahead is None:
                from podberth.stores.sqlite.ahead import Ahead

                self._ahead = Ahead(self.flush)
            self._ahead.put(self.commits)

    def rest(self) -> None:
        """End the log's own thread, if there is one; the next `ahead` begins another."""
        with self._guard:
            ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.end()

    @property
    def flushed(self) -> int:
        """The number of the last commit that the disk is known to have."""
        return self._flushed

    @property
    def pending(self) -> int:
        """How many commits the disk may not have yet."""
        return self.commits - self._flushed

    def flush(self, commit: int) -> None:
        """Return once the commit with that number is on disk. OSError if the disk will not have it."""
        with self._turn:
            if self._flushed >= commit:
                return
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)  # not kept: nobody has to close a store
            try:
                reached = self.commits
                os.fdatasync(descriptor)
                self._flushed = reached
            finally:
                os.close(descriptor)
