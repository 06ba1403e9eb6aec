"""A file beside the store that takes up space, so that a full disk has room for DELs.

It is given up when a DEL finds the disk full, and made again by the first ADD that finds room for it. Until then no ADD
is served: it would take the room that DELs need.
"""

from __future__ import annotations

import os

from podberth.cni.errors import DiskFull

NAME = "reserve"
BYTES = 1 << 20  # a DEL's part of the log is some 100 KiB until that is written back, and 250 bytes for good


class Reserve:
    """The reserve of one state directory. `bytes` is its size."""

    def __init__(self, directory: str, *, size: int = BYTES) -> None:
        self.path = os.path.join(directory, NAME)
        self.size = size

    @property
    def held(self) -> bool:
        """Whether the space is taken up."""
        try:
            return os.stat(self.path).st_size >= self.size
        except OSError:
            return False

    def keep(self) -> None:
        """Take up the space if it is not. DiskFull if there is not as much, StoreFailed if nothing can be written."""
        if self.held:
            return
        try:
            file = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(file, 0, self.size)
            finally:
                os.close(file)
        except OSError as failure:
            from podberth.stores.sqlite.disk import NO_SPACE

            if failure.errno not in NO_SPACE:
                self._require_a_disk()
                return  # there is no directory yet: the store makes it
            self.give_up()
            raise DiskFull(
                f"the disk of {os.path.dirname(self.path)} is full: less than {self.size >> 10} KiB are free",
                "free some space; pods that end are still taken back, and ADD works again by itself",
            ) from None

    def _require_a_disk(self) -> None:
        """Raise what keeps anything from being written there: what can be read there is no ground for an ADD."""
        from podberth.stores.sqlite.disk import of_the_disk

        wrong = of_the_disk(self.path)
        if wrong is not None:
            raise wrong

    def give_up(self) -> bool:
        """Let others have the space; False if it was not taken up."""
        try:
            os.unlink(self.path)
        except OSError:
            return False
        return True
