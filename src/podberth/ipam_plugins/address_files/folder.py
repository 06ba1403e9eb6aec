"""The folder of a network: a file for each address that is given, as host-local keeps them (plugins/ipam/host-local).

The file's name is the address. In it is the container's ID and, on the next line, the interface; older ones have the ID
alone. Making the file is what gives the address: nothing else does, and an existing one is nobody else's to take. The
file `last_reserved_ip.N` has the last address of the set N, where the next search begins. `lock` is the lock of all
that write there, of host-local and of this.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from _socket import AF_INET, AF_INET6, inet_pton
from ipaddress import IPv4Address, IPv6Address

from podberth.cni import parsers
from podberth.cni.errors import CniError, DiskFull, StoreFailed, TryAgainLater
from podberth.ipam_plugins.address_files.index import Index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from podberth.cni.parsers import Address

INDEXES = ".podberth"  # beside the networks' folders: host-local reads each file that is in one of those
LINE = "\r\n"
_LAST, _LOCK = "last_reserved_ip.", "lock"
_MOST = 1024  # bytes of a file: an ID and an interface
_SECONDS = 30.0  # for the lock
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05  # s, between two attempts at the lock
_GUESSES = 32  # addresses that are tried before the folder is read


class Folder:
    """A network's folder, which is this process's alone inside a `with`. OSErrors come out as errors for the runtime.

    `there` is whether there is a folder: only one that is to be made (`make`) is made.
    """

    def __init__(self, directory: str, network: str, *, make: bool = False) -> None:
        self.path = os.path.join(directory, network)
        self._make = make
        self._index: Index | None = Index(os.path.join(directory, INDEXES, f"{network}.index"))
        self._known = self._changed = False  # whether the index is right; whether it is to be sealed again
        self._lock = -1

    @property
    def there(self) -> bool:
        """Whether there is a folder."""
        return self._lock >= 0

    def __enter__(self) -> Folder:  # noqa: PYI034 - `typing` is not loaded for an ADD
        try:
            if self._make:
                os.makedirs(self.path, mode=0o755, exist_ok=True)
            self._lock = os.open(os.path.join(self.path, _LOCK), os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o750)
        except OSError as wrong:
            if not self._make and wrong.errno == errno.ENOENT:
                return self
            raise failure(wrong, self.path) from wrong
        try:
            self._wait()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._with_index(lambda index: index.seal(self.path) if self._changed and self._known else None)
            if self._index is not None:
                self._index.close()
        finally:
            if self._lock >= 0:
                os.close(self._lock)
        if isinstance(raised, OSError):
            raise failure(raised, self.path) from raised

    def held(self, container: str, ifname: str) -> list[tuple[Address, str]]:
        """Return the addresses that are given to the owner, or to the container without an interface, and to which."""
        owners = (owner_text(container, ifname), container)
        if not self._is_known():
            every = list(self.every())
            self._build(every)
            return [(address, owner) for address, owner in every if owner in owners]
        found: list[tuple[Address, str]] = []
        for owner in owners:
            found += [(address, owner) for address in self._proposed(owner) if self.owner(address) == owner]
        return found

    def owner(self, address: Address) -> str | None:
        """Return what the address's file says: "" if nothing; None if there is no such file."""
        return self._content(str(address))

    def every(self) -> Iterator[tuple[Address, str]]:
        """Yield every address that is given, and to whom; "" where the file is empty."""
        for name in os.listdir(self.path):
            try:
                address = parsers.ip_address(name)
            except ValueError:
                continue
            content = self._content(name) if str(address) == name else None
            if content is not None:
                yield address, content

    def claim(self, address: Address, owner: str) -> bool:
        """Give the address to the owner; False if it is given already."""
        path = self._file(str(address))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError:
            return False
        try:
            _write(descriptor, owner)
        except BaseException:
            os.unlink(path)
            raise
        self._note(owner, address)
        return True

    def reclaim(self, address: Address, owner: str) -> bool:
        """Give an address whose file is empty: its writer, who had the lock, died. False if it is not empty."""
        path = self._file(str(address))
        at = os.lstat(path)
        if not stat.S_ISREG(at.st_mode) or at.st_size:
            return False
        os.unlink(path)
        return self.claim(address, owner)

    def free(self, address: Address, owner: str) -> None:
        """Take an address back from its owner, if it is still there."""
        self._remove(address)
        self._changed = True
        self._with_index(lambda index: index.remove(owner, _packed(address)))

    def sweep(self, stays: Callable[[str], bool]) -> None:
        """Take back each address of an owner who does not stay, and each whose file is empty."""
        every = list(self.every())
        kept = [(address, owner) for address, owner in every if owner and stays(owner)]
        for address, _ in set(every).difference(kept):
            self._remove(address)
        if len(kept) < len(every):
            self._build(kept)

    def claim_first(self, candidates: Iterator[int], version: int, owner: str) -> Address | None:
        """Give the first of the addresses, in their order, that nobody has; None if each is given.

        An address whose file is empty is taken only when there is no other.
        """
        kind = IPv4Address if version == 4 else IPv6Address
        passed: list[int] = []
        for number in candidates:
            if self.claim(kind(number), owner):
                return kind(number)
            passed.append(number)
            if len(passed) >= _GUESSES:
                break
        taken = self._taken(version)
        for number in candidates:
            if number in taken:
                passed.append(number)
            elif self.claim(kind(number), owner):
                return kind(number)
        empty = self._empty(version)
        first = next((number for number in passed if number in empty), None)
        if first is not None and self.reclaim(kind(first), owner):
            return kind(first)
        return None

    def last(self, index: int) -> Address | None:
        """Return the last address of the set; None if that is not known."""
        try:
            return parsers.ip_address((self._content(f"{_LAST}{index}") or "").strip())
        except ValueError:
            return None

    def remember(self, index: int, address: Address) -> None:
        """Write down the last address of the set."""
        said, flags = str(address), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._file(f"{_LAST}{index}"), flags, 0o600)
        # A file that was cut off when it was opened is brought to the disk as it is closed: ext4(5), auto_da_alloc.
        if os.fstat(descriptor).st_size > len(said):
            os.ftruncate(descriptor, len(said))
        _write(descriptor, said)

    def _remove(self, address: Address) -> None:
        try:
            os.unlink(self._file(str(address)))
        except FileNotFoundError:
            pass

    def _proposed(self, owner: str) -> list[Address]:
        found: list[Address] = []
        self._with_index(lambda index: found.extend(map(_unpacked, index.find(owner))))
        return found

    def _file(self, name: str) -> str:
        return f"{self.path}/{name}"

    def _content(self, name: str) -> str | None:
        """Return what a file says; None if it is none, or not one of these. Neither links nor pipes are followed."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self._file(name), flags)
        except OSError as wrong:
            if wrong.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
                return None
            raise
        try:
            said = os.read(descriptor, _MOST)
            if not said and not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
        except (IsADirectoryError, BlockingIOError):
            return None
        finally:
            os.close(descriptor)
        return said.decode("utf-8", "replace").strip()

    def _taken(self, version: int) -> set[int]:
        """Return the numbers of the addresses that have a file. Reading one takes a third of what `ipaddress` takes."""
        family = AF_INET if version == 4 else AF_INET6
        found: set[int] = set()
        for name in os.listdir(self.path):
            try:
                found.add(int.from_bytes(inet_pton(family, name), "big"))
            except OSError:
                continue
        return found

    def _empty(self, version: int) -> set[int]:
        """Return the numbers of those whose file is empty. Where the index has as many as there are files, none is."""
        names = [name for name in os.listdir(self.path) if not name.startswith((_LOCK, _LAST))]
        if self._index is not None and self._known and self._index.live == len(names):
            return set()
        return {int(address) for address, owner in self.every() if not owner and address.version == version}

    def _note(self, owner: str, address: Address) -> None:
        self._changed = True
        try:
            self._with_index(lambda index: index.add(owner, _packed(address)))
        except ValueError:
            self._build(list(self.every()))

    def _is_known(self) -> bool:
        if not self._known:
            self._known = bool(self._with_index(lambda index: index.is_of(self.path)))
        return self._known and self._index is not None

    def _build(self, every: list[tuple[Address, str]]) -> None:
        pairs = [(owner, _packed(address)) for address, owner in every if owner]
        self._with_index(lambda index: index.build(pairs))
        self._known = self._changed = True

    def _with_index(self, act: Callable[[Index], object]) -> object:
        """Do something with the index; one that can't be used is done without."""
        try:
            return act(self._index) if self._index is not None else None
        except OSError:
            self._index = None
            return None

    def _wait(self) -> None:
        end, pause = time.monotonic() + _SECONDS, _FIRST_PAUSE
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise TryAgainLater(
                        f"{self.path}/lock has been busy for {_SECONDS:.0f} s", "another plugin gives addresses there"
                    ) from None
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return


def owner_text(container: str, ifname: str) -> str:
    """Return what the file of an address says."""
    return f"{container}{LINE}{ifname}"


def failure(wrong: OSError, path: str) -> CniError:
    """Return the error for the runtime."""
    where = wrong.filename or path
    if wrong.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"{where}: {wrong.strerror}", "no address was given: make room on that disk")
    return StoreFailed(
        f"{where}: {wrong.strerror}",
        "ipam.dataDir has to be a folder of the node that can be written to: an agent in a container needs it mounted",
    )


def _write(descriptor: int, content: str) -> None:
    data = content.encode()
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)


def _packed(address: Address) -> bytes:
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def _unpacked(packed: bytes) -> Address:
    address = IPv6Address(packed)
    return address.ipv4_mapped or address
