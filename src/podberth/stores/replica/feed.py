"""Two threads that keep a replica up to date, in a process that stays: one reads, the other writes what there is then.

A change that comes alone is written at once. Where they come faster than they are written, many are so together.
Nothing that is read, and no log, ends either: what goes wrong is logged, and the feed begins anew after a pause.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

from podberth.process.errand import Errand
from podberth.process.loop import Loop, report
from podberth.process.reason import reason
from podberth.stores.replica.position import furthest
from podberth.stores.replica.shared import Outdated, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.process.reason import Reason
    from podberth.stores.replica.proposer import Proposer

_AGAIN, _ENDING = 0.1, 60.0  # seconds
# Seconds: a turn ends with the first that is heard after TURN, and a store says something every ten minutes.
TURN, BOUND = 300.0, 1800.0


class Feed:
    """`log` is given what went wrong, once each time the cluster's store goes away. `turn`: seconds."""

    def __init__(self, proposer: Proposer, log: Callable[[Reason], object], *, turn: float = TURN) -> None:
        self._lasting = turn
        self._away = "nothing was heard from it yet"
        self._silent = False  # whether it is logged already that the store is away
        self._proposer = proposer
        self._log = log
        self._following = threading.Event()
        self._loop = Loop("feed", self._turn, lambda _: None, bound=BOUND)

    @property
    def away(self) -> str:
        """Why the cluster's store can't be followed just now; '' while it is."""
        return self._away or self._proposer.cluster.trouble()

    def start(self) -> None:
        """Begin to follow."""
        self._loop.start()

    def stop(self) -> None:
        """End, whatever is being waited for; a thread that hangs for longer than that is left to itself."""
        self._loop.stop()
        end = monotonic() + _ENDING
        while not self._loop.join(0) and monotonic() < end:
            self._proposer.cluster.interrupt()  # again, if it was just about to follow
            self._loop.join(_AGAIN)

    def ready(self, seconds: float) -> bool:
        """Wait until the replica has been up to date once, at most for so long; say whether it has."""
        return self._following.wait(seconds)

    def _turn(self) -> float:
        try:
            self._follow()
        except BaseException as failure:
            self._away = reason(failure)
            if not self._silent:
                self._silent = True
                report(self._log, self._away)
            raise
        return 0.0

    def _follow(self) -> None:
        if self._away:  # otherwise the turn before has followed up to its position
            self._proposer.doubt()
            self._proposer.catch_up()
        self._proposer.take(Seen(minimum=self._proposer.cluster.minimum()))  # what is followed need not say it
        self._away, self._silent = "", False
        self._following.set()
        over = monotonic() + self._lasting
        pile = _Pile(self._proposer)
        position, outdated = self._proposer.replica.position, False
        try:
            self._proposer.cluster.follow(position, pile.put, lambda: self._loop.stopping or monotonic() > over)
        except Outdated:
            outdated = True
        finally:
            pile.end()
        if pile.failure is not None:
            raise pile.failure
        if outdated:
            self._proposer.doubt()
            self._proposer.catch_up()


class _Pile:
    """What was read and is not written yet, and the thread that writes it: it ends with the first failure."""

    def __init__(self, proposer: Proposer) -> None:
        self.failure: Exception | None = None
        self._proposer = proposer
        self._read: list[Seen] = []
        self._ended = False
        self._changed = threading.Condition()
        self._errand = Errand(self._write)

    def put(self, seen: Seen) -> None:
        """Let this be written. Raises what the writer has failed of."""
        if self.failure is not None:
            raise self.failure
        with self._changed:
            self._read.append(seen)
            self._changed.notify()

    def end(self) -> None:
        """Return once all is written."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._errand.wait()

    def _write(self) -> None:
        while news := self._next():
            try:
                self._proposer.take(together(news))
            except Exception as failure:  # noqa: BLE001 - whatever it is, the feed raises it and begins anew
                self.failure = failure
                self._proposer.cluster.interrupt()
                return

    def _next(self) -> list[Seen]:
        """Return all that there is; nothing if it is over."""
        with self._changed:
            while not self._read and not self._ended:
                self._changed.wait()
            news, self._read = self._read, []
        return news


def together(news: Sequence[Seen]) -> Seen:
    """Return parts of the state, as they were seen one after another, as one."""
    records = {record.address: (record, revision) for seen in news for record, revision in seen.records}
    documents = {text.key: (text, revision) for seen in news for text, revision in seen.documents}
    bundles = {bundle.name: bundle for seen in news for bundle in seen.bundles}
    approved = {one.text.key: (one, revision) for seen in news for one, revision in seen.approved}
    position, minimum = "", None
    for seen in news:
        minimum = seen.minimum or minimum
        position = furthest(position, seen.position)
    return Seen(
        records=tuple(records.values()),
        documents=tuple(documents.values()),
        bundles=tuple(bundles.values()),
        approved=tuple(approved.values()),
        left=tuple(text for seen in news for text in seen.left),
        complaints=tuple(complaint for seen in news for complaint in seen.complaints),
        position=position,
        minimum=minimum,
    )
