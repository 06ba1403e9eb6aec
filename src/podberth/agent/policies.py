"""The directories of documents that networks follow, kept in force as they change: by a thread, and by each ADD.

An ADD looks at a directory only if something may have changed since it was looked at last; then it waits until the
change is in force. What a directory holds, and whether it is in force, `stores.directory` decides.
"""

from __future__ import annotations

import os
import select
import threading
from time import monotonic, sleep
from typing import TYPE_CHECKING

from podberth.agent.watches import Watched, Watches
from podberth.cni.value import value
from podberth.ipam.lease import Actor
from podberth.linux.mounts import Mounts
from podberth.process.loop import WAIT, Loop
from podberth.process.reason import Reason, reason
from podberth.stores.directory import bring, names

if TYPE_CHECKING:
    from podberth.policy.changes import Followed
    from podberth.process.journal import Journal
    from podberth.verbs.node import Node

MOST = 256  # directories that are watched; each can be a label of a metric
QUIET, LONGEST = 0.1, 0.5  # seconds: changes are taken up when none has come for a while, or the first is that old
AGAIN = 10.0  # seconds until what is not watched, or is in conflict with something else, is looked at again
_WHY = "policyDir"
_CORRECT = "correct that file: what was in force stays in force, and a file that changes is read at once"
_LIMITS = "raise fs.inotify.max_user_watches or max_user_instances if that is what was reached: ADDs are faster then"
_OVERFLOWED = Reason(
    "the kernel has lost events: every directory is looked at again",
    "nothing is lost by it; if it comes often, raise fs.inotify.max_queued_events",
)


@value
class Standing:
    """How a directory stands. `message` says why it is not in force, `unwatched` why the kernel is not asked."""

    directory: str
    store: str
    state: str
    message: str
    unwatched: str

    def form(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "directory": self.directory,
            "store": self.store,
            "state": self.state,
            "message": self.message,
            "watched": not self.unwatched,
            "unwatched": self.unwatched,
        }


IN_FORCE, FAILED, UNREAD = "in force", "failed", "unread"


class _Directory:
    """One directory as one store follows it."""

    def __init__(self, node: Node, store: str, watched: Watched) -> None:
        self.policies = node.policies
        self.node = node.name
        self.store = store
        self.watched = watched
        self.turn = threading.Lock()  # whoever brings it into force
        self.looked = 0  # the number of the change that was looked at last
        self.seen: Followed | None = None
        self.unwatched = ""
        self.trouble = ""  # of the store

    @property
    def settled(self) -> bool:
        """Whether it needs no other look until it changes."""
        return bool(self.seen is not None and self.seen.fingerprint and not self.unwatched and not self.trouble)

    def standing(self) -> Standing:
        """Return how it stands."""
        message = self.trouble or (self.seen.failure if self.seen is not None else "")
        state = FAILED if message else IN_FORCE if self.seen is not None else UNREAD
        return Standing(
            directory=self.watched.path, store=self.store, state=state, message=message, unwatched=self.unwatched
        )


class PolicyDirectories:
    """All directories that calls have named, or that a store remembers. Threads share it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._guard = threading.Lock()
        self._all: dict[tuple[str, str], _Directory] = {}  # by store and path
        self._stores: set[str] = set()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._watches = Watches(lambda: os.eventfd_write(self._wake, 1), self._overflowed)
        self._sight: _Sight | None = None
        self._again: float | None = 0.0  # seconds until the next round, if no change comes before; None: then alone
        self._loop = Loop("policies", self._turn, lambda why: journal.complain("warning", "policies", why))
        self.looks = 0  # how often a directory's files were compared with what is in force

    def start(self) -> None:
        """Begin to follow changes."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """End, after what is being brought into force, for at most so long."""
        self._loop.stop()
        os.eventfd_write(self._wake, 1)
        if self._loop.join(seconds):
            self._watches.close()
            if self._sight is not None:
                self._sight.close()

    def standings(self) -> list[Standing]:
        """Return how each directory stands, in order."""
        with self._guard:
            known = sorted(self._all)
            return [self._all[key].standing() for key in known]

    def remember(self, node: Node, store: str) -> None:
        """Follow the directories that the store remembers, if that was not done before."""
        with self._guard:
            if store in self._stores:
                return
        remembered = node.policies.directories()
        with self._guard:
            self._stores.add(store)
            for path in remembered:
                self._known(node, store, path)

    def follow(self, node: Node, store: str, path: str) -> str:
        """Return why the directory is not in force, '' if it is; every change that was made by now is.

        Raises StoreFailed, TryAgainLater.
        """
        directory = self._all.get((store, path))
        if directory is None:
            self.remember(node, store)
            with self._guard:
                directory = self._known(node, store, path)
            if directory is None:
                return node.follow(path)
        self._watches.drain()
        if not self._current(directory):
            with directory.turn:
                self._bring(directory, "plugin")
        assert directory.seen is not None
        return directory.seen.failure

    def _known(self, node: Node, store: str, path: str) -> _Directory | None:
        found = self._all.get((store, path))
        if found is None and len(self._all) < MOST:
            found = self._all[store, path] = _Directory(node, store, self._watches.add(path))
            os.eventfd_write(self._wake, 1)
        return found

    def _current(self, directory: _Directory) -> bool:
        watched = directory.watched
        if not directory.settled or directory.looked != watched.changes:
            return False
        return watched.remounts == self._watches.remounts

    def _bring(self, directory: _Directory, who: str) -> None:
        """Look at the directory if that is needed; its turn is held."""
        self._watches.drain()  # another may have looked meanwhile
        if self._current(directory):
            return
        watched, remounts = directory.watched, self._watches.remounts
        number = watched.changes  # what comes after this is for the next look
        if directory.settled and directory.looked == number and not self._watches.moved(watched):
            watched.remounts = remounts
            return
        self._cover(directory)
        with self._guard:
            self.looks += 1
        before = directory.seen
        seen = bring(directory.policies, watched.path, Actor(who=who, why=_WHY, node=directory.node))
        directory.seen, directory.trouble = seen, ""
        directory.looked, watched.remounts = number, remounts
        if seen != before:
            about = {"directory": watched.path, "state": FAILED if seen.failure else IN_FORCE}
            if seen.failure:
                self._journal.complain("warning", "policies", Reason(seen.failure, _CORRECT), about)
            else:
                self._journal.write("info", "policies", about)

    def _cover(self, directory: _Directory) -> None:
        why = ""
        try:
            self._watches.cover(directory.watched, names)
        except OSError as failure:
            why = f"{failure.filename or directory.watched.path}: {failure.strerror}"
        if why and not directory.unwatched:
            told = Reason(f"{why}; each ADD compares its files", _LIMITS)
            self._journal.complain("warning", "policies not watched", told, {"directory": directory.watched.path})
        directory.unwatched = why

    def _overflowed(self) -> None:
        self._journal.complain("warning", "policies", _OVERFLOWED)

    def _turn(self) -> float:
        """Wait for a change, for a while, and look at whatever needs it then."""
        try:
            if self._sight is None:
                self._sight = _Sight(self._wake, self._watches.fileno())
            if not self._sight.wait(WAIT if self._again is None else min(self._again, WAIT)) and self._again is None:
                return 0.0
            self._gather()
            self._again = self._round()
        except BaseException:
            sight, self._sight, self._again = self._sight, None, 0.0  # whatever was wrong with it, the next is new
            if sight is not None:
                sight.close()
            raise
        return 0.0

    def _gather(self) -> None:
        end, before = monotonic() + LONGEST, -1
        while True:
            try:
                os.eventfd_read(self._wake)
            except BlockingIOError:
                pass
            self._watches.drain()
            with self._guard:
                now = sum(directory.watched.changes for directory in self._all.values())
            if now == before or self._loop.stopping or monotonic() > end:
                return
            before = now
            sleep(QUIET)

    def _round(self) -> float | None:
        """Look at whatever needs it; return after how many seconds something needs it again, None if nothing does."""
        with self._guard:
            directories = list(self._all.values())
        for directory in directories:
            if self._loop.stopping:
                return 0.0
            with directory.turn:
                self._try(directory)
        return None if all(directory.settled for directory in directories) else AGAIN

    def _try(self, directory: _Directory) -> None:
        try:
            self._bring(directory, "agent")
        except Exception as failure:  # noqa: BLE001 - a store that is away is asked again, and so is a bug
            why = reason(failure)
            if why != directory.trouble:
                self._journal.complain("warning", "policies", why, {"directory": directory.watched.path})
            directory.trouble = why


class _Sight:
    """Where the kernel says that something has changed: files, mounts, or `wake` for this agent's own doing."""

    def __init__(self, wake: int, watches: int) -> None:
        self._mounts = Mounts()  # its own: whoever polls a change of the mounts first takes it away
        self._poll = select.poll()
        self._poll.register(wake, select.POLLIN)
        self._poll.register(self._mounts.fileno(), select.POLLPRI)
        if watches >= 0:
            self._poll.register(watches, select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """Return whether something has changed, within so many seconds."""
        return bool(self._poll.poll(seconds * 1000))

    def close(self) -> None:
        """End."""
        self._mounts.close()
