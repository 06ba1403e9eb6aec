"""How threads of one process follow one another at a database."""

from __future__ import annotations

from _thread import RLock

from podberth.cni.errors import TryAgainLater

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class Turn:
    """The lock by which threads of one process follow one another at a database. Waiting for it has a bound.

    What has to be done whatever that takes waits for `lock` itself.
    """

    def __init__(self, path: str, seconds: float) -> None:
        self.lock = RLock()
        self._path = path
        self._seconds = seconds

    def acquire(self) -> None:
        """Have the turn. TryAgainLater if another thread has it for too long."""
        if not self.lock.acquire(timeout=self._seconds):
            raise TryAgainLater(
                f"{self._path} has been in use by another call of this process for {self._seconds:g} s",
                "try again in a moment; `podberth top` shows the calls that take long",
            )

    def release(self) -> None:
        """End the turn."""
        self.lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
