"""The thread that puts older events of each store into its archive, so that no call has to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.process.loop import Loop, report
from podberth.process.reason import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.process.reason import Reason
    from podberth.verbs.node import Node

PAUSE = 0.05  # seconds between two steps: others write meanwhile
REST = 30.0  # seconds until it is looked again for something to do


class History:
    """A loop, each turn of which is one step for each store. `failed` is told what keeps a store from it, once."""

    def __init__(self, nodes: Callable[[], Iterator[Node]], failed: Callable[[Reason], object]) -> None:
        self._nodes = nodes
        self._failed = failed
        self._told: dict[int, str] = {}  # by the place of the store in the order of `nodes`
        self._loop = Loop("history", self._turn, failed)

    def start(self) -> None:
        """Begin, after a while: an agent that has just started has calls to serve."""
        self._loop.start(after=REST)

    def stop(self, seconds: float) -> None:
        """End, after the step that is under way, but for at most so long."""
        self._loop.end(seconds)

    def _turn(self) -> float:
        more = False
        for place, node in enumerate(self._nodes()):
            more = self._step(place, node) or more
        return PAUSE if more else REST

    def _step(self, place: int, node: Node) -> bool:
        """Do a step for one store; that one store can't be written keeps no other from it."""
        try:
            more = node.archive is not None and node.archive()
        except CniError as failure:
            if self._told.get(place) != failure.message:
                self._told[place] = failure.message
                report(self._failed, reason(failure))
            return False
        self._told.pop(place, None)
        return more
