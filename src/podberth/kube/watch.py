"""A watch: what changes in a collection from a version on, as it comes (Kubernetes API concepts, "Efficient detection
of changes", "Watch bookmarks").
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from podberth.cni.errors import StoreFailed
from podberth.kube import errors
from podberth.kube.client import Call, refusal
from podberth.kube.wire import Lost
from podberth.process.jitter import between

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.kube.client import Client, Object
    from podberth.kube.resources import Resource
    from podberth.kube.wire import Stream

ADDED, MODIFIED, DELETED, BOOKMARK = "ADDED", "MODIFIED", "DELETED", "BOOKMARK"
SECONDS = 300  # that the server keeps a watch, to twice that
_SLACK = 30  # seconds after which silence means that the server is gone


class Watch:
    """An open watch: iterate over it for (type, object), once. The object of a BOOKMARK has only a resourceVersion.

    It ends when the server's time for it is over, or by `close` from any thread. Raises Gone if the server does not
    remember the version, Unavailable if the connection breaks; what came before either has been handed out.
    """

    def __init__(self, call: Call, stream: Stream) -> None:
        self._call = call
        self._stream = stream
        self._closed = False

    def __iter__(self) -> Iterator[tuple[str, Object]]:
        for batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[Sequence[tuple[str, Object]]]:
        """Yield the same, together what has come by now: whoever writes it down can do so at once."""
        begun = b""  # a line whose end has not come yet
        try:
            while True:
                received = self._stream.read()
                if not received or self._closed:
                    return
                *lines, begun = (begun + received).split(b"\n")
                if lines:
                    yield [self._event(line) for line in lines]
        except Lost as failure:
            if not self._closed:
                raise errors.Unavailable(f"Kubernetes API: {self._call}: {failure}") from None
        finally:
            self._stream.close()

    def close(self) -> None:
        """End the watch now, also while another thread waits for its next event."""
        self._closed = True
        self._stream.hang_up()

    def _event(self, line: bytes) -> tuple[str, Object]:
        try:
            event = json.loads(line)
            kind, found = event["type"], event["object"]
        except (ValueError, KeyError, TypeError) as wrong:
            raise StoreFailed(
                f"Kubernetes API: {self._call}: not an event: {wrong}", "see what answers for the server: a proxy?"
            ) from None
        if kind == "ERROR":
            raise refusal(self._call, int(found.get("code", 500)), found)
        return kind, found


def watch(
    client: Client, resource: Resource, resource_version: str, namespace: str = "", *, labels: str = "",
    fields: str = "", seconds: int = 0, silent: float = 0.0,
) -> Watch:  # fmt: skip
    """Watch a collection from `resource_version` on, for `seconds` (0: for some minutes).

    `silent`: seconds without a word after which the watch is over, 0 for all that it lasts. A server says something
    each minute, if only how far it is (a bookmark).

    Raises as a `get` does; Gone may come here or with the first event.
    """
    lasting = seconds or int(SECONDS * between(1, 2))  # so that not all watches end at once
    query = (
        ("watch", "1"),
        ("allowWatchBookmarks", "true"),
        ("resourceVersion", resource_version),
        ("timeoutSeconds", str(lasting)),
        ("labelSelector", labels),
        ("fieldSelector", fields),
    )
    call = Call(verb="watch", resource=resource, namespace=namespace, query=query)
    return Watch(call, client.open(call, silent or lasting + _SLACK))
