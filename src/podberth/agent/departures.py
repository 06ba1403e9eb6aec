"""What a node that was taken for dead must not keep: interfaces whose addresses are other nodes' by now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from podberth.agent.upkeep import WHO, Found
from podberth.cni.errors import CniError
from podberth.verbs.departed import addresses_of, cut_off, why

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from podberth.net.ops import Address
    from podberth.verbs.node import Node


def depart(node: Node, addresses: AbstractSet[Address] | None = None) -> Iterator[Found]:
    """Cut off every attachment of which an address has moved away: any, or one of these."""
    for record in node.attachments.all():
        if addresses is not None and addresses.isdisjoint(addresses_of(record)):
            continue
        try:
            taken = cut_off(node, record.attachment, WHO)
        except CniError as failure:
            yield Found(attachment=record.attachment, outcome="failed", failure=failure.message)
        else:
            if taken is not None:
                yield Found(attachment=record.attachment, outcome="cut off", failure=why(taken))


class Departures:
    """A thread that cuts off what has moved away, as soon as the cluster's store says so."""

    def __init__(
        self,
        nodes: Callable[[], Iterator[Node]],
        told: Callable[[Found], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._nodes = nodes
        self._told = told
        self._failed = failed
        self._changed = threading.Condition()
        self._moved: set[Address] = set()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="departures")

    def noticed(self, addresses: AbstractSet[Address]) -> None:
        """Have the thread look at what has these addresses here; whoever follows the store tells it, and goes on."""
        with self._changed:
            self._moved |= addresses
            self._changed.notify()

    def look(self, addresses: AbstractSet[Address] | None = None) -> None:
        """Cut off what has moved away, of these addresses or of all."""
        for node in self._nodes():
            for found in depart(node, addresses):
                self._told(found)

    def start(self) -> None:
        """Begin to wait for news."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what is under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._moved)
                if self._stopping:
                    return
                moved, self._moved = self._moved, set()
            try:
                self.look(moved)
            except Exception as failure:  # noqa: BLE001 - the next look of the upkeep finds what is left
                self._failed(failure)
