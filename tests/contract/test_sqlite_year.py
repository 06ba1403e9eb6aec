"""A year of a pod that restarts each minute: nothing is deleted, it stays small, and every minute of it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.ipam.lifecycle import Edge
from tests.contract.ledgers import SECOND, ip
from tests.contract.year import POD, RESTARTS, Year
from tests.sizes import seed, size

if TYPE_CHECKING:
    from pathlib import Path

MOST = 64 * 2**20  # bytes, of a whole year
OF_THE_NEWEST = 4 * 2**20  # bytes of the events that are not compressed yet, and of an empty store
ASKED = size(15, 100)  # times
ROUNDS = 300  # restarts at the beginning and at the end that the ledger itself writes


def test_a_year_of_restarts_is_kept_whole_in_64_mib_and_who_is_answered_of_all_of_it(tmp_path: Path) -> None:
    restarts = size(3000, RESTARTS)
    year = Year(tmp_path, seed(1))
    year.run(ROUNDS)
    year.fill(restarts - 2 * ROUNDS)
    year.run(ROUNDS)
    there = year.size()
    assert there <= MOST * restarts // RESTARTS + OF_THE_NEWEST
    assert there <= MOST
    extent = year.ledger.retention.extent()
    assert extent.events == 2 * restarts + 1
    assert extent.archived >= extent.events - 4 * 4096
    address = ip("10.20.0.1")
    for container, began, ended in year.random.sample(year.held[:-1], ASKED):
        held = year.ledger.who(address, (began + ended) // 2)
        assert held.bound_to is not None
        assert held.bound_to.container_id == container
        after = year.ledger.who(address, ended + SECOND)
        assert (after.state, after.bound_to) == ("RESERVED", None)
    assert year.ledger.who(address, year.held[0][1] - 60 * SECOND).state == Edge.UNKNOWN
    seen = [
        event.attachment.container_id
        for event in year.ledger.history(pod=POD)
        if event.kind == "Bound" and event.attachment
    ]
    assert seen == [container for container, _, _ in year.held]
