"""A watch: what changes of a resource, as the server tells it, line by line (API concepts, "Efficient detection")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from podberth.cni.value import value
from podberth.kube import errors
from podberth.kube.wire import Lost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from podberth.kube.wire import Stream


@value
class Change:
    """`kind` is ADDED, MODIFIED, DELETED, or BOOKMARK: all changes up to the object's resource version were told."""

    kind: str
    object: dict[str, Any]

    @property
    def version(self) -> str:
        """The resource version that a watch can go on from."""
        return str(self.object["metadata"]["resourceVersion"])


class Watch:
    """An iterator over batches of changes, for one thread: those that have come by now. Any other may `close` it.

    It ends when the server ends it, as it does every few minutes, and when the connection breaks: the next goes on from
    the last change's version. Raises Gone, and whatever else the server says.
    """

    def __init__(self, stream: Stream, what: str) -> None:
        self._stream = stream
        self._what = what
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[tuple[Change, ...]]:
        while True:
            try:
                read = self._stream.read()
            except Lost:
                return
            if not read:
                return
            *lines, self._rest = (self._rest + read).split(b"\n")
            changes = tuple(self._change(line) for line in lines if line)
            if changes:
                yield changes

    def close(self) -> None:
        """End the iteration now, from whatever thread."""
        self._stream.hang_up()

    def _change(self, line: bytes) -> Change:
        said = json.loads(line)
        if said["type"] == "ERROR":
            status = said["object"]
            raise errors.answered(self._what, int(status.get("code", 500)), json.dumps(status).encode(), create=False)
        return Change(kind=said["type"], object=said["object"])
