"""Which directories of documents may have changed: watched with everything that the way to a document leads through.

A change is numbered before the system call that made it returns, so whoever asks afterwards learns of it. What a
directory has in it, and what comes of that, is no business of this module.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from podberth.linux import mounts
from podberth.linux.inotify import CONTENT, NAMES, Inotify
from podberth.linux.trail import walk

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from podberth.linux.inotify import Event

    Identity: TypeAlias = tuple[int, int]  # device, inode

_ANY = ""  # stands for every name in a directory


class Watched:
    """One directory.

    `changes` counts what may have changed it; `remounts` says up to which change of the mounts its places are known.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.changes = 1  # the first look is still to come
        self.remounts = 0
        self.wds: set[int] = set()
        self.places: dict[str, Identity] = {}  # what was there when it was watched


class Watches:
    """All that is watched. Threads share it; one thread at a time may `cover` or `moved` the same directory.

    `changed` is called, with a lock held, when a directory has changed; `overflowed` when the kernel has lost events.
    """

    def __init__(self, changed: Callable[[], None], overflowed: Callable[[], None]) -> None:
        self._changed = changed
        self._overflowed = overflowed
        self._turn = threading.Lock()
        self._all: list[Watched] = []
        self._wanted: dict[int, dict[Watched, set[str]]] = {}  # by watch: who wants to know of which names
        self._mounts = mounts.Mounts()
        self.remounts = 1
        self._inotify: Inotify | None = None
        self._missing: OSError | None = None
        try:
            self._inotify = Inotify()
        except OSError as failure:
            self._missing = failure

    def fileno(self) -> int:
        """Return the descriptor that is readable when `drain` has something to do; -1 without inotify."""
        return self._inotify.fileno() if self._inotify is not None else -1

    def add(self, path: str) -> Watched:
        """Return a directory to be watched; nothing is until `cover`."""
        made = Watched(path)
        with self._turn:
            self._all.append(made)
        return made

    def drain(self) -> None:
        """Take note of everything that has happened by now."""
        with self._turn:
            if self._inotify is not None:
                for event in self._inotify.read():
                    self._note(event)
            if self._mounts.changed():
                self.remounts += 1

    def moved(self, watched: Watched) -> bool:
        """Say whether something else is now at one of the directory's places, because of a mount."""
        return any(_identity(path) != before for path, before in watched.places.items())

    def cover(self, watched: Watched, documents: Callable[[str], list[str]]) -> None:
        """Watch the directory as it is now, and whatever a document in it is a link to; `documents` lists their names.

        OSError if part of it can't be watched: then nothing of it is.
        """
        if self._missing is not None:
            raise OSError(self._missing.errno, self._missing.strerror)
        found = _Cover(self, watched)
        try:
            there = walk(watched.path, found.enter)
            if there is not None:
                found.directory(there, documents)
        except OSError:
            self._settle(watched, {}, {})
            raise
        self._settle(watched, found.names, found.places)

    def watch(self, path: str, mask: int, watched: Watched, names: set[str]) -> int:
        """Watch a path on behalf of a directory, which wants to know of these names; return the watch's number."""
        assert self._inotify is not None
        with self._turn:  # no event of it may be read before it is known whom it is for
            wd = self._inotify.watch(path, mask)
            self._wanted.setdefault(wd, {}).setdefault(watched, set()).update(names)
            watched.wds.add(wd)
        return wd

    def want(self, wd: int, watched: Watched, name: str) -> None:
        """Have a directory be told of one more name."""
        with self._turn:
            self._wanted.get(wd, {}).get(watched, set()).add(name)  # a watch that has ended meanwhile was a change

    def close(self) -> None:
        """End every watch."""
        with self._turn:
            self._mounts.close()
            if self._inotify is not None:
                self._inotify.close()

    def _settle(self, watched: Watched, names: dict[int, set[str]], places: dict[str, Identity]) -> None:
        with self._turn:
            for wd in watched.wds:
                wanted = self._wanted.get(wd)
                if wanted is None:
                    continue
                if wd in names:
                    wanted[watched] = names[wd]
                    continue
                wanted.pop(watched, None)
                if not wanted:
                    del self._wanted[wd]
                    assert self._inotify is not None
                    self._inotify.forget(wd)
            watched.wds = set(names)
        watched.places = places

    def _note(self, event: Event) -> None:
        if event.lost:
            self._overflowed()
            self._mark(self._all)
            return
        wanted = self._wanted.get(event.wd, {})
        self._mark([each for each, names in wanted.items() if not event.name or event.name in names or _ANY in names])
        if event.last:
            self._wanted.pop(event.wd, None)

    def _mark(self, which: list[Watched]) -> None:
        for watched in which:
            watched.changes += 1
        if which:
            self._changed()


class _Cover:
    """The watches of one directory in the making: each thing is watched first, and then looked at."""

    def __init__(self, watches: Watches, watched: Watched) -> None:
        self._watches = watches
        self._watched = watched
        self._known: dict[str, int] = {}  # watches by path
        self._told: set[int] = set()  # devices whose file system tells of every change
        self.names: dict[int, set[str]] = {}
        self.places: dict[str, Identity] = {}

    def enter(self, directory: str, name: str) -> None:
        """Watch for the name in the directory."""
        wd = self._known.get(directory)
        if wd is None:
            wd = self._watch(directory, NAMES, name)
        elif name not in self.names[wd]:
            self.names[wd].add(name)
            self._watches.want(wd, self._watched, name)

    def directory(self, path: str, documents: Callable[[str], list[str]]) -> None:
        """Watch for all names in the directory itself, and for what the documents in it consist of."""
        try:
            self.enter(path, _ANY)
            names = documents(path)
        except (FileNotFoundError, NotADirectoryError):
            return  # it is no directory, or not any more: its name in the one above is watched
        for name in names:
            file = walk(name, self.enter, "" if path == "/" else path)
            if file is not None and file not in self._known:
                try:
                    self._watch(file, CONTENT, _ANY)
                except FileNotFoundError:
                    continue  # so is this one's

    def _watch(self, path: str, mask: int, name: str) -> int:
        place = _identity(path)  # before it is watched: a mount in between is then found later
        if place is not None and place[0] not in self._told:
            if not mounts.told(path):
                raise OSError(0, "its file system does not tell of every change", path)
            self._told.add(place[0])
        wd = self._watches.watch(path, mask, self._watched, {name})
        self._known[path] = wd
        self.names.setdefault(wd, set()).add(name)
        if place is not None:
            self.places[path] = place
        return wd


def _identity(path: str) -> Identity | None:
    try:
        at = os.stat(path)  # noqa: PTH116 - for each path, at ADDs
    except OSError:
        return None
    return at.st_dev, at.st_ino
