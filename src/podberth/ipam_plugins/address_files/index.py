"""An index of a folder of addresses: which ones an owner may have. It only proposes, for the files are what counts.

It is a table of hashes in a file. It is right as long as its seal is: what the folder was known by when the index was
written last (`seal_of`). Whoever makes or removes a file there breaks the seal, and then the index is made anew.
"""

from __future__ import annotations

import os
import time
from _blake2 import blake2b  # `hashlib` loads OpenSSL
from struct import Struct

from podberth.process import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAGIC = b"pbaddr02"
_HEADER = Struct("<8sIIIQQQQ40s")  # magic; slots, used and live ones; the folder's times, inode and device; the boot
_SLOT = Struct("<Q16s")
_FREE, _GONE = 0, 1  # numbers of no owner
_CHUNK = 128  # slots that are read at once
_LEAST = 256
_BACK = 10_000_000_000  # ns


class Index:
    """The table in the file at `path`. Methods raise OSError: then there is no index. One process has it at a time.

    `live` is how many addresses it has.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1
        self._slots = self._used = self.live = 0

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def is_of(self, folder: str) -> bool:
        """Say whether the index knows the folder as it is now."""
        self.close()
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        said = os.pread(self._descriptor, _HEADER.size, 0)
        if len(said) != _HEADER.size:
            return False
        magic, self._slots, self._used, self.live, *seal = _HEADER.unpack(said)
        size = _HEADER.size + self._slots * _SLOT.size
        return magic == _MAGIC and tuple(seal) == seal_of(folder) and os.fstat(self._descriptor).st_size == size

    def build(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        """Make it anew of owners and their addresses; it has no seal yet."""
        self.close()
        every = [(_number(owner), address) for owner, address in pairs]
        slots = _LEAST
        while slots < 4 * len(every):
            slots *= 2
        table = bytearray(slots * _SLOT.size)
        for number, address in every:
            at = number % slots * _SLOT.size
            while table[at : at + 8] != bytes(8):
                at = (at + _SLOT.size) % len(table)
            _SLOT.pack_into(table, at, number, address)
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self._path, flags, 0o600)
        self._slots, self._used, self.live = slots, len(every), len(every)
        content = bytes(_HEADER.size) + table
        if os.write(self._descriptor, content) != len(content):
            raise OSError(f"{self._path}: not written as a whole")

    def find(self, owner: str) -> list[bytes]:
        """Return the addresses that the owner may have."""
        number = _number(owner)
        return [address for _, found, address in self._from(number) if found == number]

    def add(self, owner: str, address: bytes) -> None:
        """Take up an owner's address. ValueError if the table is too full: build it anew."""
        if 2 * self._used > self._slots:
            raise ValueError("too full")
        number = _number(owner)
        slot, found = next((slot, found) for slot, found, _ in self._from(number) if found in (_FREE, _GONE))
        self._put(slot, number, address)
        self._used += found == _FREE
        self.live += 1

    def remove(self, owner: str, address: bytes) -> None:
        """Take an owner's address out."""
        number = _number(owner)
        for slot, found, there in self._from(number):
            if (found, there) == (number, address):
                self._put(slot, _GONE, address)
                self.live -= 1
                return

    def seal(self, folder: str) -> None:
        """Note that the index knows the folder as it is now.

        The folder's time is set back to one that no change of it could have: the kernel's clock for files stands still
        for milliseconds, so without that a change right after this one might go unseen.
        """
        back = time.time_ns() - _BACK  # noqa: TID251 - a mark that no change can have, and no decision
        os.utime(folder, ns=(back, back))
        os.pwrite(self._descriptor, _HEADER.pack(_MAGIC, self._slots, self._used, self.live, *seal_of(folder)), 0)

    def _from(self, number: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield slots from the first where the number may be to the first that is free: place, number, address."""
        at, seen = number % self._slots, 0
        while seen < self._slots:
            many = min(_CHUNK, self._slots - at)
            chunk = os.pread(self._descriptor, many * _SLOT.size, _HEADER.size + at * _SLOT.size)
            for offset, (found, address) in enumerate(_SLOT.iter_unpack(chunk)):
                yield at + offset, found, address
                if found == _FREE:
                    return
            at, seen = (at + many) % self._slots, seen + many

    def _put(self, slot: int, number: int, address: bytes) -> None:
        os.pwrite(self._descriptor, _SLOT.pack(number, address), _HEADER.size + slot * _SLOT.size)


def seal_of(folder: str) -> tuple[int, int, int, int, bytes]:
    """Return what the folder is known by: its times, what it is, and this boot."""
    at = os.stat(folder)
    return at.st_mtime_ns, at.st_ctime_ns, at.st_ino, at.st_dev, machine.boot_id().encode()[:40].ljust(40, b"\0")


def _number(owner: str) -> int:
    """Return the owner's number. IDs that are counted up have to spread over the table as random ones do."""
    return max(2, int.from_bytes(blake2b(owner.encode(), digest_size=8).digest(), "little"))
