"""Threads that end: what one does, another waits for and answers for. A plugin's own process loads this too."""

from __future__ import annotations

import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    T = TypeVar("T")


class Errand:
    """A function that runs in a thread of its own, once. Whoever began it waits for its end.

    `failed` is called in that thread if the function raises, so that others are told who wait for something else.
    """

    def __init__(self, function: Callable[[], object], failed: Callable[[], object] | None = None) -> None:
        self._function = function
        self._failed = failed
        self._ended = _thread.allocate_lock()
        self._ended.acquire()
        self.failure: BaseException | None = None
        _thread.start_new_thread(self._run, ())

    def wait(self, seconds: float = -1) -> bool:
        """Wait for its end, at most so long if a time is given; say whether it has ended. Raise what it raised."""
        if not self._ended.acquire(timeout=seconds):
            return False
        self._ended.release()
        if self.failure is not None:
            raise self.failure
        return True

    def _run(self) -> None:
        try:
            self._function()
        except BaseException as failure:  # noqa: BLE001 - it is raised again by the thread that waits
            self.failure = failure
            if self._failed is not None:
                self._failed()
        finally:
            self._ended.release()


def call(function: Callable[[], T]) -> T:
    """Return what the function returns in a thread of its own, or raise what it raises."""
    return together([function])[0]


def together(functions: Sequence[Callable[[], T]]) -> list[T]:
    """Run all of them at the same time; return what they return, or raise the first failure once all have ended."""
    returned: dict[int, T] = {}
    errands: list[Errand] = []
    try:
        for number, function in enumerate(functions):
            errands.append(Errand(lambda number=number, function=function: returned.update({number: function()})))  # type: ignore[misc]
    finally:
        failures = [failure for errand in errands if (failure := _failure(errand)) is not None]
    if failures:
        raise failures[0]
    return [returned[number] for number in range(len(functions))]


def _failure(errand: Errand) -> BaseException | None:
    try:
        errand.wait()
    except BaseException as failure:  # noqa: BLE001 - the others end first
        return failure
    return None


class Submitted:
    """A function that runs as an errand; who wants to know of its end says so."""

    def __init__(self) -> None:
        self._guard = _thread.allocate_lock()
        self._ended = False
        self._after: list[Callable[[Submitted], object]] = []

    def add_done_callback(self, act: Callable[[Submitted], object]) -> None:
        """Have `act` be called once the function has ended, in its thread; now, if it has."""
        with self._guard:
            if not self._ended:
                self._after.append(act)
                return
        act(self)

    def end(self) -> None:
        """Call those who want to know."""
        with self._guard:
            self._ended = True
            after, self._after = self._after, []
        for act in after:
            act(self)


class Errands:
    """A pool without threads that wait: each function is an errand. A server of gRPC takes it, and bounds its calls."""

    def submit(self, function: Callable[..., object], *args: object, **more: object) -> Submitted:
        """Run the function in a thread of its own."""
        made = Submitted()

        def run() -> None:
            try:
                function(*args, **more)
            finally:
                made.end()

        Errand(run)
        return made
