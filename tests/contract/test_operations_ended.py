"""What a replica knows of operations that are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.policy.operation import Operation
from podberth.stores.replica.marks import ENDED
from tests.contract.ledgers import CLUSTERS, OPERATOR
from tests.contract.test_operations_marked import MANY, Site, keeping

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=CLUSTERS, ids=lambda kind: kind.__name__)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(request.param, tmp_path)


def test_what_is_known_of_operations_is_bounded_by_what_is_left_of_them(site: Site) -> None:
    """A replica needs to know of an operation as long as somebody may come upon its name."""
    _, other, watcher = site.client("watcher")
    one = Operation(keep=keeping().keep[:2])
    gone = Operation(release=tuple(kept.address for kept in one.keep))
    rounds = ENDED // 2 + 4
    for _ in range(rounds):
        site.policies.operate(one, OPERATOR, source="test")
        site.policies.operate(gone, OPERATOR, source="test")
        watcher.catch_up()
    for proposer in (site.proposer, watcher):
        known = proposer.dry_run(
            lambda connection, _: connection.execute("SELECT count(*) FROM committed").fetchone()[0]
        )
        assert known <= ENDED
    assert other.pools() == site.policies.pools()
    site.policies.operate(keeping(), OPERATOR, source="test")
    watcher.catch_up()
    query = "SELECT count(*) FROM reservations"
    assert watcher.dry_run(lambda connection, _: connection.execute(query).fetchone()[0]) == MANY
