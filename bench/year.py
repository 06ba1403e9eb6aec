"""A year of a pod that restarts each minute: what it takes on the disk, and what it costs those that come after."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import show, timed
from bench.scale import in_turn
from tests.contract.ledgers import ip
from tests.contract.year import ADD, DEL, RESTARTS, Year

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 1000


def bind(year: Year) -> float:
    """Bind once, on the disk; what it got is given back, untimed."""
    claim = year.claim()
    year.tick(30, 31)
    took = timed(partial(year.ledger.bind, claim, ADD))
    year.ledger.unbind(claim.attachment, DEL)
    return took


def who(year: Year, restarts: int) -> float:
    """Ask who had the address at any time, in milliseconds."""
    _, began, _ = year.held[year.random.randrange(restarts)]
    return timed(partial(year.ledger.who, ip("10.20.0.1"), began))


def run(restarts: int = RESTARTS, told: Callable[[str], object] = print) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="podberth-bench-") as scratch:
        full, empty = Year(Path(scratch, "full")), Year(Path(scratch, "empty"))
        full.run(10)
        full.fill(restarts - 10)
        empty.run(1)
        size = full.size()
        told(f"{restarts} restarts: {size / 2**20:.1f} MiB with the archive, {size / restarts:.0f} bytes for each")
        binds = {"an empty store": partial(bind, empty), "one with the year": partial(bind, full)}
        show("Bind in", in_turn(binds, ROUNDS), against="an empty store")
        asked = {"1 restart": partial(who, empty, 1), "the year": partial(who, full, restarts)}
        show("Who had the address at a time, in a ledger of", in_turn(asked, ROUNDS // 10), against="1 restart")
