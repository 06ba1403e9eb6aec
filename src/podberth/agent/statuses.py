"""What objects of an API server are to say: written after the answer to a call, and tried again while it is away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from podberth.agent.due import Due
from podberth.cni.errors import CniError
from podberth.kube.errors import Conflict, Invalid, NotFound
from podberth.process.jitter import Backoff
from podberth.process.reason import reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.process.reason import Reason

K = TypeVar("K")
S = TypeVar("S")

MOST = 4096  # objects whose status waits; of more the oldest is given up
TRIES = 2000  # of one status, most of a day; the next status of the object begins anew
_BACKOFF = Backoff(0.2, 30.0)


class Statuses(Generic[K, S]):
    """Writes each status by `write`, which raises a CniError; of what waits for one object the last counts.

    An object that is gone, or another one by now, has none. A status that is refused would be refused again: it is
    given up. `called` is how an object is called where `failed` is told why.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[K, S], None],
        called: Callable[[K, S], str],
        failed: Callable[[Reason], object],
    ) -> None:
        self._status, self._called, self._failed = write, called, failed
        self._due: Due[K, tuple[S, int]] = Due(name, self._write, failed, most=MOST)
        self.start, self.stop = self._due.start, self._due.stop

    def put(self, key: K, status: S) -> None:
        """Have the object's status written."""
        self._due.put(key, (status, 0))

    def _write(self, key: K, work: tuple[S, int]) -> None:
        status, tries = work
        try:
            self._status(key, status)
        except (NotFound, Conflict):
            pass  # the object is gone
        except CniError as failure:
            if tries == 0:
                self._failed(reason(failure).within(self._called(key, status)))
            if tries < TRIES and not isinstance(failure, Invalid):
                self._due.again(key, (status, tries + 1), _BACKOFF.pause(tries + 1))
