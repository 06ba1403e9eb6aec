"""A loop that brings a store's records up to date: once for each store, when it can be asked.

Records that were lost with a state directory are made anew; what records of an earlier boot speak of is ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.agent.upkeep import WHO, Found
from podberth.cni.errors import CniError
from podberth.process.loop import Loop
from podberth.process.reason import reason
from podberth.verbs.rebooted import WHY, end_of_earlier_boots
from podberth.verbs.recorded_anew import record_anew

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.process.reason import Reason
    from podberth.verbs.node import Node

_TURN = 5.0  # seconds


class Records:
    """`told` gets each attachment that is recorded anew, or ended, `failed` what keeps a store from being looked at."""

    def __init__(
        self, nodes: Callable[[], Iterator[Node]], told: Callable[[Found], None], failed: Callable[[Reason], object]
    ) -> None:
        self._nodes = nodes
        self._told = told
        self._failed = failed
        self._complete: set[object] = set()  # the records of stores that lack none
        self._said = ""
        self._loop = Loop("records", self._turn, failed)

    def start(self) -> None:
        """Begin to look, at once."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """End, after the store that is being looked at, but for at most so long."""
        self._loop.end(seconds)

    def look(self) -> None:
        """Look at each store that was not looked at before."""
        complete: set[object] = set()
        for node in self._nodes():
            if node.attachments in self._complete or self._looked_at(node):
                complete.add(node.attachments)
        self._complete = complete

    def _looked_at(self, node: Node) -> bool:
        try:
            for attachment in record_anew(node) if node.stored() else ():
                self._told(Found(attachment=attachment, outcome="recorded anew"))
            for attachment in end_of_earlier_boots(node, WHO) if node.stored() else ():
                self._told(Found(attachment=attachment, outcome="ended", failure=WHY))
        except CniError as failure:  # a store that is away, a container that somebody is at work on: it is done later
            if failure.message != self._said:
                self._said = failure.message
                self._failed(reason(failure))
            return False
        return True

    def _turn(self) -> float:
        self.look()
        return _TURN
