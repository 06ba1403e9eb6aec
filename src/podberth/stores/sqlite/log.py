"""The write-ahead log of a database on its way to the disk."""

from __future__ import annotations

import os
from _thread import allocate_lock
from errno import ENOENT

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
        self._descriptor = -1
        self._file = (-1, -1)  # device and inode of what the descriptor is of
        self.failure: OSError | None = None  # of a flush, since the file was opened
        self.commits = 0  # the database's lock is held where it changes

    def ahead(self) -> None:
        """Have a thread of the log's own flush what is committed by now, while the caller does other things.

        It does no more than that: each step of its own would take turns with the caller's at the interpreter.
        """
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

    def open(self) -> None:
        """Take the log of a connection that was opened just now, whose file has been checked if it had to be."""
        with self._turn:
            self._let_go()
            # Before the first write: the kernel tells a descriptor of what fails after it was opened, and once.
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            at = os.fstat(self._descriptor)
            self._file = at.st_dev, at.st_ino
            if self.failure is not None:  # all that was committed has been written once more
                self.failure, self._flushed = None, self.commits

    def close(self) -> None:
        """Let go of the log: its connection is closed."""
        with self._turn:
            self._let_go()

    def flush(self, commit: int) -> None:
        """Return once the commit with that number is on disk. OSError if the disk will not have it.

        After a failure the kernel takes what it could not write for written, and would say so the next time. So each
        flush fails from then on, until the file is opened anew.
        """
        with self._turn:
            if self._flushed >= commit:
                return
            if self.failure is not None:
                raise self.failure
            reached = self.commits
            try:
                os.fdatasync(self._descriptor)
            except OSError as failure:
                self.failure = failure
                from podberth.stores.sqlite.doubt import note

                note(self._path.removesuffix("-wal"))
                raise
            if not self._is_there():  # somebody has taken it away: nothing was lost by the disk
                raise FileNotFoundError(ENOENT, "No such file or directory")
            self._flushed = reached

    def _is_there(self) -> bool:
        """Say whether the file is still the one at its path: in another nobody would find what was written."""
        try:
            at = os.stat(self._path)
        except FileNotFoundError:
            return False
        return (at.st_dev, at.st_ino) == self._file

    def __del__(self) -> None:
        self._let_go()  # nobody has to close a store

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
