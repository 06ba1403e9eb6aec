"""Two threads that keep a replica up to date, in a process that stays: one reads, the other writes what there is then.

A change that comes alone is written at once. Where they come faster than they are written, many are so together.
"""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.stores.replica.replica import furthest
from podberth.stores.replica.shared import Outdated, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.stores.replica.settler import Settler

_PAUSE = 0.2  # seconds, at most, before the store is looked for again; each later pause may be twice as long
_LONGEST = 10.0  # seconds
_AGAIN = 0.1  # seconds


class Feed:
    """`told` is given what went wrong, once each time the cluster's store goes away."""

    def __init__(self, settler: Settler, told: Callable[[str], None]) -> None:
        self._away = "nothing was heard from it yet"
        self._settler = settler
        self._told = told
        self._stop = threading.Event()
        self._following = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    @property
    def away(self) -> str:
        """Why the cluster's store can't be followed just now; '' while it is."""
        return self._away or self._settler.cluster.trouble()

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End, whatever is being waited for."""
        self._stop.set()
        while self._thread.is_alive():
            self._settler.cluster.interrupt()  # again, if it was just about to follow
            self._thread.join(_AGAIN)

    def ready(self, seconds: float) -> bool:
        """Wait until the replica has been up to date once, at most for so long; say whether it has."""
        return self._following.wait(seconds)

    def _run(self) -> None:
        failed = 0
        while not self._stop.is_set():
            try:
                self._follow()
                failed = 0
            except CniError as failure:
                if not self._away or not failed:
                    self._told(failure.message)
                self._away = failure.message
                failed += 1
                self._stop.wait(random.uniform(0, min(_PAUSE * 2**failed, _LONGEST)))  # noqa: S311 - jitter

    def _follow(self) -> None:
        self._settler.catch_up()
        self._away = ""
        self._following.set()
        pile = _Pile(self._settler)
        position, outdated = self._settler.replica.position, False
        try:
            self._settler.cluster.follow(position, pile.put, self._stop.is_set)
        except Outdated:
            outdated = True
        finally:
            pile.end()
        if pile.failure is not None:
            raise pile.failure
        if outdated:
            self._settler.load()


class _Pile:
    """What was read and is not written yet, and the thread that writes it."""

    def __init__(self, settler: Settler) -> None:
        self.failure: CniError | None = None
        self._settler = settler
        self._read: list[Seen] = []
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write, name="feed's writer", daemon=True)
        self._thread.start()

    def put(self, seen: Seen) -> None:
        """Let this be written."""
        with self._changed:
            self._read.append(seen)
            self._changed.notify()

    def end(self) -> None:
        """Return once all is written."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()

    def _write(self) -> None:
        while found := self._next():
            try:
                self._settler.take(together(found))
            except CniError as failure:
                self.failure = failure
                self._settler.cluster.interrupt()
                return

    def _next(self) -> list[Seen]:
        """Return all that there is; nothing if it is over."""
        with self._changed:
            while not self._read and not self._ended:
                self._changed.wait()
            found, self._read = self._read, []
        return found


def together(found: Sequence[Seen]) -> Seen:
    """Return parts of the state, as they were seen one after another, as one."""
    records = {record.address: (record, revision) for seen in found for record, revision in seen.records}
    documents = {text.key: (text, revision) for seen in found for text, revision in seen.documents}
    position = ""
    for seen in found:
        position = furthest(position, seen.position)
    return Seen(records=tuple(records.values()), documents=tuple(documents.values()), position=position)
