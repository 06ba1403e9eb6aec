"""Whether a process has to be restarted: if a loop is stuck or gone, and for no other reason. Pure but for the roll."""

from __future__ import annotations

from time import monotonic

from podberth.process import roll

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.process.roll import Supervised


def problem() -> str:
    """Return which loops of this process are stuck or gone; '' if none is."""
    return complaint(roll.running(), monotonic())


def complaint(loops: Iterable[Supervised], now: float) -> str:
    """Return which of these loops are stuck or gone at the time `now`; '' if none is."""
    return "; ".join(sorted(filter(None, (_said(loop, now) for loop in loops))))


def _said(loop: Supervised, now: float) -> str:
    if not loop.alive:
        return f"{loop.name} is gone: its thread has ended"
    if now > loop.due:
        return (
            f"{loop.name} is stuck: no turn has ended for {now - loop.last:.0f} s, and {loop.bound:.0f} s are allowed"
        )
    return ""
