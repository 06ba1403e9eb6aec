"""Small runs of the cluster's simulation (bench/cluster), on every store; the judge must have no complaint."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from bench.cluster import crowds, faults, servers
from tests.sizes import size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.cluster.nodes import Store

MANY, SOME = size(8, 120), size(6, 60)  # pods


@contextmanager
def running(kind: str) -> Iterator[tuple[Store, int]]:
    """Run a store; yield it, and how many processes its nodes may be in."""
    with servers.server(kind) as server:
        yield server.store, 2


@pytest.mark.parametrize("kind", servers.KINDS)
def test_as_many_pods_as_addresses_get_one_each_and_again_once_all_have_ended(kind: str, tmp_path: Path) -> None:
    with running(kind) as (store, processes):
        run = crowds.full_pool(store, tmp_path, count=MANY, nodes=6, processes=processes)
    assert not run.wrong, "\n".join(run.wrong)
    assert [len(phase.berths) for phase in run.phases] == [MANY, 0, MANY, 0]
    assert (run.verdict.addresses, run.verdict.leases, run.verdict.unknown) == (MANY, 0, 0)


@pytest.mark.parametrize("kind", servers.KINDS)
def test_pods_that_are_recreated_at_once_on_other_nodes_have_the_addresses_they_had(kind: str, tmp_path: Path) -> None:
    with running(kind) as (store, processes):
        run = crowds.coming_back(store, tmp_path, count=SOME, nodes=size(3, 12), processes=processes)
    assert not run.wrong, "\n".join(run.wrong)
    assert (run.verdict.leases, run.verdict.reservations) == (0, SOME)


@pytest.mark.parametrize("kind", servers.KINDS)
def test_restarts_drains_and_lost_nodes_leave_every_pod_its_address(kind: str, tmp_path: Path) -> None:
    with running(kind) as (store, processes):
        run = crowds.storms(store, tmp_path, count=SOME, nodes=size(3, 8), processes=processes)
    assert not run.wrong, "\n".join(run.wrong)
    assert run.verdict.reservations == SOME
    assert (run.verdict.moves > 0) == (processes > 0)


@pytest.mark.parametrize("kind", servers.KINDS)
def test_whatever_is_killed_cut_or_compacted_the_history_is_linearizable(kind: str, tmp_path: Path) -> None:
    with servers.server(kind, proxied=True) as server:
        seconds, gap = size(2, 60), size(1, 3) / 2
        run, done = faults.under_faults(server, tmp_path, seconds=seconds, nodes=4, processes=2, gap=gap)
    assert not run.wrong, "\n".join(run.wrong)
    assert min(done.values()) > 0
    assert run.verdict.leases == 0
