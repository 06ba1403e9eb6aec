"""A ledger that was put back to an earlier state is told what this node's pods have, as soon as that is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.process.loop import Loop
from podberth.process.reason import reason
from podberth.verbs.announce import announce, clear
from podberth.verbs.departed import awaiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.ipam.epoch import Announcement, Epoch
    from podberth.process.reason import Reason
    from podberth.verbs.node import Node

_TURN = 2.0  # seconds
_CLEARING = 15  # turns between two looks for pods that are gone, and of which no record speaks


class Announcements:
    """A loop that announces. `told` gets the epoch and what came of it, `failed` what kept it from that."""

    def __init__(
        self,
        nodes: Callable[[], Iterator[Node]],
        told: Callable[[Epoch, Announcement], None],
        failed: Callable[[Reason], object],
    ) -> None:
        self._nodes = nodes
        self._told = told
        self._failed = failed
        self._turns = 0
        self._loop = Loop("announcements", self._turn, failed)

    def start(self) -> None:
        """Begin to look, at once."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """End, after what is under way, but for at most so long."""
        self._loop.end(seconds)

    def begin(self) -> None:
        """Look at each store as an ADD would, which notices one that was put back; announce what is awaited."""
        for node in self._nodes():
            if node.stored():
                node.attachments.probe()
        self.look()

    def look(self) -> None:
        """Announce what is awaited."""
        for node in self._nodes():
            epoch = awaiting(node)
            if epoch is not None:
                self._told(epoch, announce(node))

    def _turn(self) -> float:
        try:
            self.look()
            self._turns += 1
            if self._turns % _CLEARING == 0:
                self._clear()
        except CniError as failure:  # a store that is away: it is looked at again
            self._failed(reason(failure))
        return _TURN

    def _clear(self) -> None:
        for node in self._nodes():
            if node.ledger.epoch() is not None:
                clear(node)
