"""Waits for the kernel: what it does a moment later, or refuses only for a moment, is asked for again."""

from __future__ import annotations

from time import monotonic, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container


def awaited(done: Callable[[], bool], seconds: float, pause: float) -> bool:
    """Ask, with pauses, until it is done, for so many seconds at most; return whether it is."""
    end = monotonic() + seconds
    while not done():
        if monotonic() >= end:
            return False
        sleep(pause)
    return True


def again(act: Callable[[], object], busy: Container[int | None], seconds: float, pause: float) -> None:
    """Act, and once more after each OSError whose errno is `busy`, for so many seconds at most; then raise it."""
    end = monotonic() + seconds
    while True:
        try:
            act()
        except OSError as refused:
            if refused.errno not in busy or monotonic() >= end:
                raise
        else:
            return
        sleep(pause)
