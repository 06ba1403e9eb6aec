"""Every store with many addresses and long histories: the counts go past the ones that a store takes as one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.ipam.lifecycle import fold
from podberth.stores.etcd import history
from podberth.stores.kubernetes import store as kubernetes
from podberth.stores.sqlite import ledger as sqlite
from tests.contract.declarations import POOL, STORES, of_set
from tests.contract.ledgers import (
    CLUSTERS,
    OPERATOR,
    PLUGIN,
    InMemory,
    OnEtcd,
    OnKubernetes,
    SqliteBackend,
    addresses,
    attachment,
    claim,
    ip,
    pod,
    pool,
    subnet,
)
from tests.contract.test_ledger_space import bind, take_all, unbind
from tests.contract.test_ledger_time import ADDRESS
from tests.sizes import size

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.ipam.ledger import Ledger
    from podberth.ipam.pool import Subnet
    from tests.contract.ledgers import Backend, ClusterBackend

# Addresses that are taken one by one; a ledger on SQLite looks at 100 extents of free space for one.
MANY: dict[type[Backend], int] = {SqliteBackend: 126, InMemory: 126, OnEtcd: 32, OnKubernetes: 16}
# Events of one address that a store keeps, or reads, in more than one part.
PARTED: dict[type[Backend], int] = {
    SqliteBackend: sqlite.PAGE + 100,
    InMemory: 100,
    OnEtcd: history.KEPT + history.CHUNK + 20,
    OnKubernetes: 2 * kubernetes.MOST + 4,
}


def test_a_long_history_is_complete_and_nothing_is_locked_while_it_is_read(backend: Backend, ledger: Ledger) -> None:
    times = size(PARTED[type(backend)], 1100)
    for _ in range(times):
        ledger.conflicted(ADDRESS, "02:00:00:00:00:99", attachment("c-b"), PLUGIN)
    events = ledger.history(address=ADDRESS)
    first = next(events)
    ledger.bind(claim("a"), PLUGIN)
    rest = [event.seq for event in events]  # the one of the bind may be among them
    assert rest[: times - 1] == list(range(first.seq + 1, first.seq + times))


def first(count: int) -> Subnet:
    """Return a subnet with so many addresses to give out."""
    return subnet("10.20.0.0/24", ranges=(f"10.20.0.1-10.20.0.{count}",))


@pytest.mark.parametrize("allocation", ["lowest", "leastRecentlyUsed"])
def test_any_number_of_avoided_addresses_does_not_hide_the_one_that_is_left(backend: Backend, allocation: str) -> None:
    many = size(MANY[type(backend)], 254)
    backend.define(pool("db", first(many), allocation=allocation, quarantine=60))
    ledger = backend.open()
    taken = take_all(ledger)
    assert len(taken) == many
    for n in range(many):
        unbind(ledger, f"p{n}")
    backend.clock.tick(60)
    assert addresses(ledger.bind(claim("late", avoid=tuple(taken[:-1])), PLUGIN)) == taken[-1:]


def test_many_rested_addresses_come_back_a_batch_at_a_time(backend: Backend) -> None:
    many = size(MANY[type(backend)], 254)
    backend.define(pool("db", first(many), quarantine=60))
    ledger, rested = backend.open(), many * 4 // 5
    assert len(take_all(ledger)) == many
    for n in range(rested):
        unbind(ledger, f"p{n}")
    backend.clock.tick(60)
    assert ledger.usage()[0].free == rested
    assert sorted(int(ip(bind(ledger, f"q{n}"))) & 255 for n in range(rested)) == list(range(1, rested + 1))


@pytest.mark.parametrize("kind", STORES)
def test_a_large_statefulset_is_reserved_in_full(kind: str, tmp_path: Path) -> None:
    store = STORES[kind](tmp_path / "store")
    wide = {**POOL, "spec": {"subnets": [{"subnet": "10.20.0.0/16"}]}}
    replicas = size(256, 2048)  # of which one transaction of etcd can't take all
    store.apply(wide, of_set("mysql", f"10.20.8.0-{ip('10.20.7.255') + replicas}"))
    assert len(store.ledger.reservations()) == replicas
    store.policies.delete("PodNetwork", "db", "mysql", OPERATOR)
    assert store.ledger.reservations() == ()


@pytest.mark.parametrize("kind", CLUSTERS, ids=lambda kind: kind.__name__)
def test_a_history_of_hundreds_is_archived_and_still_whole(kind: type[ClusterBackend], tmp_path: Path) -> None:
    backend = kind(tmp_path / "store")
    backend.define(pool("db", "10.20.0.0/24"))
    book = backend.open()
    book.reserve("db", ip("10.20.0.9"), pod("a"), "eth0", OPERATOR)
    noon = backend.clock.now
    rounds = size(PARTED[kind] // 2, 100)
    for n in range(rounds):
        backend.clock.tick()
        book.bind(claim("a", container=f"c{n}"), PLUGIN)
        backend.clock.tick()
        book.unbind(attachment(f"c{n}"), PLUGIN)
    backend.cluster.tidy()
    events = list(book.history(address=ip("10.20.0.9")))
    assert [event.kind for event in events] == ["Reserved", *["Bound", "Unbound"] * rounds]
    assert list(book.history(pod=pod("a"))) == list(book.history()) == events
    assert fold(events).bound == {}
    for n in (0, rounds // 2, rounds - 1):
        at = noon + (2 * n + 1) * 10**9
        assert book.who(ip("10.20.0.9"), at).bound_to == attachment(f"c{n}")
