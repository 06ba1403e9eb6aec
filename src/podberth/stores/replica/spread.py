"""Where nodes that take from one pool at the same time begin to look, so that they do not all want the same address.

A node that is alone takes the lowest, as a node with a store of its own does. While others take from the pool too, each
first takes those whose number is its own turn among the nodes that have been seen at it; it begins at a place found by
chance, as it does with what is left of the others' once its own are used up.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from podberth.ipam.lifecycle import Kind
from podberth.process.jitter import below
from podberth.stores.sqlite import space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from sqlite3 import Connection

    from podberth.ipam.address_record import AddressRecord

CROWDED = 30.0  # seconds for which a pool counts as others' too after one of them has taken from it


class Spread:
    """One node's places. `node` is its name: what others do in a pool has another."""

    def __init__(self, node: str) -> None:
        self.node = node
        self._crowded: dict[str, float] = {}
        self._others: dict[str, dict[str, float]] = {}  # which nodes take from a pool, and when each did so last
        self._next: dict[tuple[str, int], int] = {}

    def noticed(self, news: Iterable[AddressRecord]) -> None:
        """Notice who takes from which pool."""
        for record in news:
            lease, kept = record.lease, record.reservation
            if lease is None or lease.node == self.node:
                continue
            if kept is None or kept.since == lease.since:  # or it had been the pod's before
                now = self._crowded[record.pool] = monotonic()
                self._others.setdefault(record.pool, {})[lease.node] = now

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
            turn, nodes = self._turn(pool)
            place = self._next.get((pool, family), 0) or space.some_free(connection, pool, family, below)
            place = (
                space.free_in_turn(connection, pool, family, place, turn, nodes)
                or space.free_in_turn(connection, pool, family, 0, turn, nodes)
                or space.some_free(connection, pool, family, below)
            )
            self._next[pool, family] = place + 1
            return place

        return start

    def _turn(self, pool: str) -> tuple[int, int]:
        """Return this node's turn, from 0, among so many that take from the pool just now."""
        past = monotonic() - CROWDED
        others = self._others[pool] = {n: at for n, at in self._others.get(pool, {}).items() if at > past}
        return sum(name < self.node for name in others), len(others) + 1


def moved_elsewhere(record: AddressRecord, node: str) -> bool:
    """Say whether the address is leased on another node than this one now, to which it has moved."""
    lease, last = record.lease, record.last
    return lease is not None and lease.node != node and last is not None and last.kind == Kind.MOVED
