"""Where nodes that take from one pool at the same time begin to look, so that they do not all want the same address.

A node that is alone takes the lowest, as a node with a store of its own does. While others take from the pool too, each
goes on from a place of its own, found by chance, and looks for another where it meets one that was taken.
"""

from __future__ import annotations

import random
from time import monotonic
from typing import TYPE_CHECKING

from podberth.stores.sqlite import space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from sqlite3 import Connection

    from podberth.ipam.address_record import AddressRecord

CROWDED = 3.0  # seconds for which a pool counts as others' too after one of them has taken from it


class Spread:
    """One node's places. `node` is its name: what others do in a pool has another."""

    def __init__(self, node: str) -> None:
        self.node = node
        self._crowded: dict[str, float] = {}
        self._next: dict[tuple[str, int], int] = {}

    def noticed(self, news: Iterable[AddressRecord]) -> None:
        """Notice who takes from which pool."""
        for record in news:
            # Nobody else wants what is reserved.
            if record.lease is not None and record.reservation is None and record.lease.node != self.node:
                self._crowded[record.pool] = monotonic()

    def lost(self, pools: Iterable[str]) -> None:
        """Notice that others were faster; the places in these pools are no good any more."""
        for pool in pools:
            self._crowded[pool] = monotonic()
            for family in (4, 6):
                self._next.pop((pool, family), None)

    def start_in(self, connection: Connection) -> Callable[[str, int], int]:
        """Return what says from which number on to look in a pool, for a family; 0: from the lowest."""

        def start(pool: str, family: int) -> int:
            if monotonic() - self._crowded.get(pool, -CROWDED) >= CROWDED:
                return 0
            place = self._next.get((pool, family), 0)
            if not place or not space.is_free(connection, pool, family, place):
                place = space.some_free(connection, pool, family, random.randrange)
            self._next[pool, family] = place + 1
            return place

        return start
