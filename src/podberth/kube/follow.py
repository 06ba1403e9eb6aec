"""Following a collection: listed once, then watched; listed again only if the server forgot where we were.

One thread for each collection. What is done with what it hears is the handler's business.

A watch in which nothing happens is told apart from one that is dead by its bookmarks, one each minute. A watch that has
said nothing for longer is given up, and the collection is listed again: so what is known is never older than that.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from podberth.kube.client import Listing
from podberth.kube.errors import Gone, Unavailable
from podberth.kube.watch import BOOKMARK, watch
from podberth.process.jitter import Backoff
from podberth.process.loop import Loop
from podberth.process.reason import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from podberth.kube.client import Client, Object
    from podberth.kube.resources import Resource
    from podberth.kube.watch import Watch

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 15.0  # seconds between tries
SILENT, SLACK = 150.0, 30.0  # seconds without a word: after which a watch is given up; and for the list that follows
BOUND = 1800.0  # seconds: a turn is a watch, which the server ends after ten minutes at most (kube/watch.py)


class Handler(Protocol):
    """What is told of a collection, by one thread. What it raises over is told again after a pause."""

    def replace(self, items: Sequence[Object], resource_version: str) -> None:
        """Take `items` as all there is at `resource_version`: what is not among them is gone."""

    def change(self, kind: str, item: Object) -> None:
        """Take one change: 'ADDED', 'MODIFIED' (both: `item` as it is now), 'DELETED' (as it was last)."""

    def reached(self, resource_version: str) -> None:
        """Take note that everything up to `resource_version` was told; `Follower(start=...)` can go on from there."""


class Follower:
    """A thread that keeps `handler` up to date.

    `start`: the version that the handler is at already, from an earlier life; without it the collection is listed.
    `kept` takes of the listed objects what the handler needs: the rest of a long list is never there at once.
    `longest`: seconds between tries at most. `silent`: seconds without a word that a watch is believed to be alive.
    """

    def __init__(
        self, client: Client, resource: Resource, handler: Handler, *, namespace: str = "", labels: str = "",
        fields: str = "", start: str = "", longest: float = LONGEST_PAUSE, silent: float = SILENT,
        kept: Callable[[Iterable[Object]], Sequence[Object]] | None = None,
    ) -> None:  # fmt: skip
        self._client = client
        self._resource = resource
        self._handler = handler
        self._namespace, self._labels, self._fields = namespace, labels, fields
        self._kept = kept
        self._watch: Watch | None = None
        self._lock = threading.Lock()
        self._backoff = Backoff(FIRST_PAUSE, longest, least=0.5)
        self._brief = 1  # watches in a row that ended at once, this one too
        self._loop = Loop(
            f"follow {resource.plural}", self._turn, lambda _: None, bound=BOUND, family="follow",
            first=FIRST_PAUSE, longest=longest,
        )  # fmt: skip
        self.resource_version = start
        self.synced = threading.Event()  # set while the server is heard; what it has to say may still be on its way
        self.plural = resource.plural
        self._silent = silent
        self._heard = monotonic()  # when the server last said anything about the collection
        self._trouble = ""

    @property
    def silence(self) -> float:
        """For how long (seconds) the server has said nothing about the collection, not even a bookmark."""
        return monotonic() - self._heard

    @property
    def trouble(self) -> str:
        """Why it is not being heard; '' if it is."""
        if not self._trouble and self.silence > self._silent + SLACK:
            return f"Kubernetes API: the watch of {self.plural} has said nothing for {int(self.silence)} s"
        return self._trouble

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def close(self) -> None:
        """End now, in the middle of a wait too; the handler is told nothing any more once this returns."""
        self._loop.stop()
        with self._lock:
            if self._watch is not None:
                self._watch.close()
        self._loop.join()

    def _turn(self) -> float:
        began = monotonic()
        try:
            self._once()
        except Exception as failure:  # also of an object that is like none before: it goes on
            self.synced.clear()
            self._trouble = reason(failure)
            if isinstance(failure, Gone):
                self.resource_version = ""  # the list that comes next tells what was missed
            raise
        # After what went well for a while the shortest pause; after what ends at once a longer one each time.
        brief = monotonic() - began <= 2 * self._backoff.bound(self._brief)
        self._brief = self._brief + 1 if brief else 1
        return self._backoff.pause(self._brief)

    def _once(self) -> None:
        """List if need be, then watch until the watch ends."""
        if not self.resource_version:
            listing = self._listed()
            if self._loop.stopping:
                return
            self._heard = monotonic()
            self._handler.replace(listing.items, listing.resource_version)
            self.resource_version = listing.resource_version
        watching = watch(
            self._client,
            self._resource,
            self.resource_version,
            self._namespace,
            labels=self._labels,
            fields=self._fields,
            silent=self._silent,
        )
        with self._lock:
            self._watch = watching
            if self._loop.stopping:
                watching.close()
        self.synced.set()
        self._trouble = ""
        try:
            self._hear(watching)
        except Unavailable:
            if self.silence < self._silent:
                raise
            self.resource_version = ""  # it has said nothing: a list tells whether there was something to say

    def _listed(self) -> Listing:
        """Return the collection; of each object what is needed."""
        where, labels, fields = self._namespace, self._labels, self._fields
        if self._kept is None:
            return self._client.list(self._resource, where, labels=labels, fields=fields)
        version = ""

        def listed() -> Iterator[Object]:
            nonlocal version
            for page in self._client.pages(self._resource, where, labels=labels, fields=fields):
                version = page.resource_version
                yield from page.items

        items = self._kept(listed())
        return Listing(items=list(items), resource_version=version)

    def _hear(self, watching: Watch) -> None:
        for kind, item in watching:
            self._heard = monotonic()
            version = item["metadata"]["resourceVersion"]
            if kind == BOOKMARK:
                self._handler.reached(version)
            else:
                self._handler.change(kind, item)
            self.resource_version = version
