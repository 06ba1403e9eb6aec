"""What a node that was taken for dead must not keep: interfaces whose addresses are other nodes' by now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from podberth.agent.upkeep import WHO, Found
from podberth.cni.errors import CniError
from podberth.process.loop import WAIT, Loop
from podberth.process.reason import reason
from podberth.verbs.departed import addresses_of, cut_off, why

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from podberth.net.ops import Address
    from podberth.process.reason import Reason
    from podberth.verbs.node import Node


def depart(node: Node, addresses: AbstractSet[Address] | None = None) -> Iterator[Found]:
    """Cut off every attachment of which an address has moved away: any, or one of these."""
    for record in node.attachments.all():
        if addresses is not None and addresses.isdisjoint(addresses_of(record)):
            continue
        try:
            taken = cut_off(node, record.attachment, WHO)
        except CniError as failure:
            yield Found(attachment=record.attachment, outcome="failed", failure=reason(failure))
        else:
            if taken is not None:
                yield Found(attachment=record.attachment, outcome="cut off", failure=why(taken))


class Departures:
    """A thread that cuts off what has moved away, as soon as the cluster's store says so."""

    def __init__(
        self,
        nodes: Callable[[], Iterator[Node]],
        told: Callable[[Found], None],
        failed: Callable[[Reason], object],
    ) -> None:
        self._nodes = nodes
        self._told = told
        self._guard = threading.Lock()
        self._moved: set[Address] = set()
        self._loop = Loop("departures", self._turn, failed)

    def noticed(self, addresses: AbstractSet[Address]) -> None:
        """Have the thread look at what has these addresses here; whoever follows the store tells it, and goes on."""
        with self._guard:
            self._moved |= addresses
        self._loop.wake()

    def look(self, addresses: AbstractSet[Address] | None = None) -> None:
        """Cut off what has moved away, of these addresses or of all."""
        for node in self._nodes():
            for found in depart(node, addresses):
                self._told(found)

    def start(self) -> None:
        """Begin to wait for news."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """End, after what is under way, but for at most so long."""
        self._loop.end(seconds)

    def _turn(self) -> float:
        with self._guard:
            moved, self._moved = self._moved, set()
        if moved:
            try:
                self.look(moved)
            except BaseException:
                with self._guard:
                    self._moved |= moved  # for the next turn
                raise
        return WAIT
