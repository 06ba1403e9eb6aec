"""The client: what can be asked of etcd, in values. Threads share one; how calls find their way is cluster.py's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.stores.etcd import codec, messages
from podberth.stores.etcd.cluster import Cluster
from podberth.stores.etcd.endpoint import endpoint
from podberth.stores.etcd.failures import Compacted
from podberth.stores.etcd.values import Found, Get, prefix_end
from podberth.stores.etcd.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.stores.etcd.values import Compare, KeyValue, Op, Status, Txn

PAGE = 1000  # keys that one answer carries at most


class Etcd:
    """A client of one cluster; it connects when it is first used, and once closed it connects again.

    `endpoints` are URLs as ``https://etcd-1:2379``; `ca`, `cert` and `key` paths of PEM files, read when connecting;
    `timeout` is how long a call may take in all, in seconds.

    Every call raises TryAgainLater if no endpoint answers in time and StoreFailed if etcd says no. One that writes
    raises `Unknown` (a TryAgainLater) if the answer was lost: nothing here repeats a write that may have been done.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        ca: str | None = None,
        cert: str | None = None,
        key: str | None = None,
        user: str | None = None,
        password: str | None = None,
        timeout: float = 5.0,
    ) -> None:
        parsed = Fields({"endpoints": list(endpoints)}, "etcd").each("endpoints", endpoint)
        if not parsed:
            raise InvalidConfig("etcd.endpoints: expected at least one URL")
        login = None if user is None else (user, password or "")
        self._cluster = Cluster(parsed, files=(ca, cert, key), login=login, timeout=timeout)
        self._watches: set[Watch] = set()

    def txn(self, compares: Sequence[Compare], success: Sequence[Op], failure: Sequence[Op] = ()) -> Txn:
        """Do the ops of `success` if all `compares` hold, else those of `failure`, as one change (KV.Txn)."""
        read = all(isinstance(op, Get) for op in (*success, *failure))
        return codec.txn(self._cluster.ask("txn", codec.txn_request(compares, success, failure), read=read))

    def get(self, key: bytes, *, revision: int = 0) -> KeyValue | None:
        """Return a key as it is, or was at a revision; None if it is not there. Compacted if that is too long ago."""
        kvs = self._found(Get(key=key, revision=revision)).kvs
        return kvs[0] if kvs else None

    def range(self, key: bytes, end: bytes, *, revision: int = 0, limit: int = 0, keys_only: bool = False) -> Found:
        """Return the keys from `key` up to `end`, all of one revision, `limit` of them at most if it isn't 0.

        It is read in pages. Compacted if the revision is, or was before the last page came.
        """
        kvs: list[KeyValue] = []
        page = Found(revision=revision, kvs=(), more=True)
        for page in self.pages(key, end, revision=revision, limit=limit, keys_only=keys_only):
            kvs += page.kvs
        return Found(revision=page.revision, kvs=tuple(kvs), more=page.more)

    def pages(
        self,
        key: bytes,
        end: bytes,
        *,
        revision: int = 0,
        limit: int = 0,
        keys_only: bool = False,
        since: int = 0,
        size: int = PAGE,
    ) -> Iterator[Found]:
        """Yield what `range` returns in pages of at most `size` keys, for ranges that one does not want in memory.

        `since`: only keys that were written at that revision, or later.
        """
        left = limit
        while True:
            most = min(left, size) if limit else size
            page = self._found(Get(key=key, end=end, limit=most, revision=revision, keys_only=keys_only, since=since))
            # Whatever is written from here on is not in it.
            revision = revision or page.revision
            left -= len(page.kvs)
            yield Found(revision=revision, kvs=page.kvs, more=page.more)
            if not page.more or (limit and left <= 0):
                return
            key = page.kvs[-1].key + b"\0"

    def put(self, key: bytes, value: bytes) -> int:
        """Write a key; return the revision this made."""
        answer = self._cluster.ask("put", messages.PutRequest(key=key, value=value), read=False)
        revision: int = answer.header.revision
        return revision

    def delete(self, key: bytes, end: bytes = b"") -> int:
        """Delete a key or a range; return how many keys that were."""
        answer = self._cluster.ask("delete", messages.DeleteRangeRequest(key=key, range_end=end), read=False)
        deleted: int = answer.deleted
        return deleted

    def compact(self, revision: int) -> None:
        """Let etcd forget what keys were before `revision`; nothing is done if it already has. StoreFailed if it is in
        the future.
        """
        try:
            # To compact twice changes nothing: it may be repeated as a read may.
            self._cluster.ask("compact", messages.CompactionRequest(revision=revision), read=True)
        except Compacted:
            return

    def status(self) -> Status:
        """Return what the member says of itself that the next call would go to."""
        return codec.status(self._cluster.ask("status", messages.StatusRequest(), read=True))

    def watch(self, prefix: bytes, start_revision: int) -> Watch:
        """Return a context that yields each change of keys that begin with `prefix`, from `start_revision` on.

        ``range(...).revision + 1`` continues what was read without a gap.
        """
        return Watch(self._cluster, prefix, prefix_end(prefix), start_revision, self._watches)

    def close(self) -> None:
        """End all watches and connections, and the calls of other threads with TryAgainLater or Unknown."""
        for watch in tuple(self._watches):
            watch.close()
        self._cluster.close()

    def _found(self, get: Get) -> Found:
        return codec.found(self._cluster.ask("range", codec.range_request(get), read=True))
