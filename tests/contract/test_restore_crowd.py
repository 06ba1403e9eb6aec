"""A cluster's store is put back after very many more pods have started: no address of theirs is given again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.ipam.lease import Unannounced, Unheard
from tests.contract.returning import sites
from tests.sizes import size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.returning import Site

PODS = size(1, 34)  # of each of three nodes, that start after the backup, and again after it was put back


@pytest.fixture(params=["memory", "etcd", "kubernetes"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    yield from sites(request.param, tmp_path)


def test_no_address_is_given_twice_after_a_store_was_put_back(site: Site) -> None:
    nodes = [site.node(f"n{number}") for number in (1, 2, 3)]
    for node in nodes:
        node.start(f"before-{node.name}")
    site.save()
    live = {str(lease.address) for node in nodes for leases in node.pods.values() for lease in leases}
    live |= {node.start(f"after-{node.name}-{number}") for number in range(PODS) for node in nodes}
    assert len(live) == 3 + 3 * PODS
    site.put_back()
    with pytest.raises(Unannounced):
        nodes[0].start("new")
    nodes[0].announce()
    with pytest.raises(Unheard, match="node n2 and 1 more has not said yet") as refused:
        nodes[0].start("new")
    assert refused.value.code == 11
    assert "podberth fence n2" in refused.value.details
    for node in nodes[1:]:
        node.epoch()
        node.announce()
    given = {node.start(f"new-{node.name}-{number}") for number in range(PODS) for node in nodes}
    assert len(given | live) == 3 + 6 * PODS
    held = {str(lease.address): lease.attachment.container_id for lease in nodes[2].ledger.leases()}
    assert held == {str(x.address): name for node in nodes for name, leases in node.pods.items() for x in leases}
    events = [e for e in nodes[1].ledger.history() if "epoch" in e.actor.why or e.actor.why == "ADD"]
    assert len({event.seq for event in events}) == len(events)
