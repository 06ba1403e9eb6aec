"""Until when pods were told of an address is said by the clock that their leases are written by, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.ipam.moment import Moment, Uptime
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.contract.declarations import Store
from tests.contract.ledgers import CLUSTERS
from tests.contract.test_told import pool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.ipam.moment import Clock


def never() -> Store:
    raise AssertionError("one client is enough")


def in_sqlite(directory: Path, clock: Clock) -> Store:
    database = Database(str(directory))
    return Store(SqlitePolicies(database, clock), SqliteLedger(database, clock=clock), never)


def in_cluster(directory: Path, clock: Clock) -> Store:
    proposer = CLUSTERS[0](directory).client()
    return Store(ClusterPolicies(proposer), ClusterLedger(proposer, clock=clock), never)


@pytest.mark.parametrize("made", [in_sqlite, in_cluster])
@pytest.mark.parametrize("ahead", [0, 3600])
def test_a_pod_that_came_after_the_change_was_not_told_whatever_the_machines_clock_says(
    made: Callable[[Path, Clock], Store], tmp_path: Path, ahead: int
) -> None:
    seconds = iter(range(1000, 2000))

    def clock() -> Moment:
        second = next(seconds)
        time = (second + ahead) * 10**9
        return Moment(time=time, uptime=Uptime(boot="b", ns=second * 10**9), ahead=ahead * 10**9, proven=True)

    store = made(tmp_path, clock)
    store.apply(pool("10.20.0.1"))
    store.bind("db/a")
    store.apply(pool("10.20.0.6"))
    store.bind("db/b")
    store.unbind("db/a")
    assert str(store.bind("db/c", "10.20.0.1").address) == "10.20.0.1"
