"""For whom this node's ledgers have the addresses that peers of policies say.

An answer that agrees with a pod's word is good for a while: most peers are asked about once in that time. One that does
not is asked for again at each look, so that an address that moves from pod to pod is never missing.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

from podberth.verbs.holders import holders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from podberth.net.ops import Address
    from podberth.netpolicy.believed import PodKey, Said
    from podberth.verbs.node import Node

FRESH = 30.0  # seconds for which an answer is good
KEPT = 120.0  # seconds for which it is there for an ADD, which asks nobody


class Holders:
    """`ledgers` opens each store of addresses for one use. Threads share it."""

    def __init__(self, ledgers: Callable[[], Iterator[AbstractContextManager[Node]]]) -> None:
        self._ledgers = ledgers
        self._guard = threading.Lock()
        self._known: dict[Address, tuple[float, frozenset[PodKey]]] = {}  # since when, by the monotonic clock

    def of(self, said: Iterable[Said]) -> Mapping[Address, frozenset[PodKey]]:
        """Return for whom ledgers have each address. Raises what keeps a ledger from being asked."""
        now = monotonic()
        found: dict[Address, frozenset[PodKey]] = {}
        missing: dict[Address, None] = {}
        for one in said:
            at, has = self._known.get(one.address, (now - KEPT, frozenset()))
            if one.pod not in has or now - at > FRESH:
                missing[one.address] = None
            else:
                found[one.address] = has
        return {**found, **(self._asked(tuple(missing), now) if missing else {})}

    def known(self, said: Iterable[Said]) -> Mapping[Address, frozenset[PodKey]] | None:
        """Return the last that was answered, and ask nobody; None if of an address nothing was."""
        found: dict[Address, frozenset[PodKey]] = {}
        for one in said:
            answer = self._known.get(one.address)
            if answer is None:
                return None
            found[one.address] = answer[1]
        return found

    def _asked(self, addresses: tuple[Address, ...], now: float) -> dict[Address, frozenset[PodKey]]:
        found: dict[Address, set[PodKey]] = {address: set() for address in addresses}
        for opened in self._ledgers():
            with opened as node:
                for address, pod in holders(node, addresses).items():
                    found[address].add(pod)
        made = {address: frozenset(pods) for address, pods in found.items()}
        with self._guard:
            kept = {address: known for address, known in self._known.items() if now - known[0] <= KEPT}
            self._known = {**kept, **{address: (now, pods) for address, pods in made.items()}}
        return made
