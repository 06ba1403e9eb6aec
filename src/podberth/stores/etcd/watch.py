"""A watch: every change below a prefix once, in order, whatever happens to connections and servers meanwhile."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event as Flag
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

import grpc

from podberth.cni.errors import CniError, TryAgainLater
from podberth.process.jitter import Backoff
from podberth.stores.etcd import codec, failures, messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from podberth.stores.etcd.cluster import Cluster, Metadata
    from podberth.stores.etcd.endpoint import Connection
    from podberth.stores.etcd.values import Batch

# Between two attempts to connect, after the first that failed since etcd said something.
_BACKOFF = Backoff(0.1, 2.0, least=0.5)
# The member must have a leader: one that was cut off from the others would tell nothing new, and not say so.
_WITH_LEADER = (("hasleader", "true"),)


class Watch:
    """An iterator over `Batch`es, for one thread; any other may `close` it, which ends the iteration at once.

    It connects when it is first asked for a batch, and again, to whichever endpoint answers, for as long as it is not
    closed: `trouble` says what keeps it from doing so. Raises Compacted if changes it has not seen yet are gone, or
    those that it has seen (etcd was put back to an older state, or this member is behind), and
    StoreFailed if etcd will not let this user watch; after that it is closed.
    """

    def __init__(self, cluster: Cluster, key: bytes, end: bytes, start_revision: int, open_watches: set[Watch]) -> None:
        if start_revision < 1:
            raise ValueError(f"start_revision: expected at least 1, got {start_revision}")
        self.seen = start_revision - 1  # the revision up to which all changes were yielded
        self.trouble: CniError | None = None
        self._cluster = cluster
        self._range = (key, end)
        self._open_watches = open_watches
        self._lock = Lock()
        self._closed = Flag()
        self._stream: Stream | None = None
        self._failures = 0  # since etcd last said something
        self._stale: Metadata | None = None  # the token under which it was turned away
        open_watches.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        while not self.closed:
            found = self.turn()
            if found is not None:
                return found
        raise StopIteration

    @property
    def closed(self) -> bool:
        """Whether there comes nothing more."""
        return self._closed.is_set()

    def turn(self) -> Batch | None:
        """Return what comes next. None if the stream broke meanwhile: the next turn tries again.

        etcd says something every ten minutes, if only how far it is (--experimental-watch-progress-notify-interval).
        """
        try:
            found = self._next()
        except CniError:
            self.close()
            raise
        if found is not None:
            self.seen = found.revision
        return found

    def ask_progress(self) -> bool:
        """Ask etcd to say how far it is: a batch, as a rule without events, whose revision is at least today's.

        An etcd that is behind with sending may leave this unanswered: then ask again. False if it can't be asked now:
        there is no connection, or the server would answer before it has sent all events up to the revision it names
        (etcd before 3.4.25, 3.5.8).
        """
        stream = self._stream
        return stream is not None and stream.ask_progress(self._cluster.timeout)

    def close(self) -> None:
        """End the iteration, from whatever thread; it does no harm to do so twice."""
        self._closed.set()
        self._drop()
        self._open_watches.discard(self)

    def _next(self) -> Batch | None:
        """Return what comes next on the stream; None if that is no batch, or there is none because the stream broke."""
        stream = self._stream
        index = self._cluster.preferred if stream is None else stream.index
        connection = self._cluster.connection(index)
        try:
            if stream is None:
                stream = self._opened(index, connection)
            return self._read(stream, next(stream.answers))
        except StopIteration:
            self._lost(connection, "the stream has ended")
        except ValueError:  # gRPC's word for a channel that another thread has closed
            self._lost(connection, "the client was closed")
        except grpc.RpcError as failure:
            if self._closed.is_set():
                return None
            if failures.lost(failure):
                self._cluster.failed(index, failure)
                self._lost(connection, failures.why(failure))
            elif stream is None or not failures.stale_token(failure):
                raise failures.translated(connection.url, failure) from failure
            else:
                self._turned_away(stream, failures.why(failure))
        return None

    def _opened(self, index: int, connection: Connection) -> Stream:
        """Return a stream on which the watch is asked for. RpcError if there is no token to be had."""
        key, end = self._range
        token = self._cluster.token(connection, instead_of=self._stale)
        stream = Stream(index, connection, token, codec.watch_request(key, end, self.seen + 1))
        with self._lock:
            self._stream = stream
        if self._closed.is_set():  # meanwhile: whoever did it found no stream to end
            self._drop()
        return stream

    def _read(self, stream: Stream, answer: Any) -> Batch | None:
        if answer.compact_revision:
            raise failures.Compacted(
                f"etcd at {stream.connection.url} has compacted up to revision {answer.compact_revision}, "
                f"which this watch has seen up to {self.seen}",
                answer.compact_revision,
            )
        if answer.created and 0 < answer.header.revision < self.seen:
            raise failures.Compacted(
                f"etcd at {stream.connection.url} is at revision {answer.header.revision}, and this watch has seen "
                f"{self.seen}",
                answer.header.revision,
            )
        if answer.canceled:
            if failures.permission_denied(answer.cancel_reason):
                self._turned_away(stream, answer.cancel_reason)
            else:
                self._lost(stream.connection, answer.cancel_reason)
            return None
        self.trouble, self._failures, self._stale = None, 0, None
        return None if answer.created else codec.batch(answer, self.seen)

    def _turned_away(self, stream: Stream, said: str) -> None:
        """Begin again under a new token; StoreFailed if there is none, or it has been done already.

        etcd 3.4 has the same words for a token that is no longer good and for a user who may not read there.
        """
        if stream.token is None or self._stale is not None:
            raise failures.refused(stream.connection.url, said)
        self._stale = stream.token
        self._drop()

    def _lost(self, connection: Connection, said: str) -> None:
        """Drop the stream, and pause before the next unless this is the first that broke since etcd said something."""
        self._drop()
        self.trouble = TryAgainLater(f"etcd at {connection.url}: the watch broke: {said}", "it is being begun again")
        if self._failures:
            self._closed.wait(_BACKOFF.pause(self._failures))
        self._failures += 1

    def _drop(self) -> None:
        with self._lock:
            stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


class Stream:
    """One attempt at a watch, on one connection."""

    def __init__(self, index: int, connection: Connection, token: Metadata | None, request: Any) -> None:
        self.index = index
        self.connection = connection
        self.token = token
        self._requests: SimpleQueue[Any] = SimpleQueue()
        self._requests.put(request)
        self.answers = connection.watch(iter(self._requests.get, None), metadata=(*_WITH_LEADER, *(token or ())))
        self._orderly: bool | None = None

    def ask_progress(self, seconds: float) -> bool:
        """Ask, if the server is of a version that answers in order."""
        if self._orderly is None:
            try:
                status = self.connection.status(messages.StatusRequest(), seconds, self.token)
            except (grpc.RpcError, ValueError):  # whatever it is, the watch will come upon it
                return False
            self._orderly = progress_in_order(status.version)
        if self._orderly:
            self._requests.put(messages.WatchRequest(progress=messages.WatchProgressRequest()))
        return self._orderly

    def close(self) -> None:
        """End it; whoever waits for an answer has an RpcError."""
        self._requests.put(None)
        self.answers.cancel()


def progress_in_order(version: str) -> bool:
    """Return whether an etcd of this version says how far it is only once it has sent all changes up to there.

    Others could say so too early (github.com/etcd-io/etcd/pull/15237), and changes would be lost on reconnecting.
    """
    numbers = [int(part) if part.isdecimal() else 0 for part in version.partition("-")[0].split(".")]
    return numbers >= ([3, 4, 25] if numbers[:2] == [3, 4] else [3, 5, 8])
