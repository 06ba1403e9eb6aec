"""A replica is of one store, survives what happens to its file, and is never put back by older news."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import pytest

from podberth.cni.errors import PoolExhausted, TryAgainLater
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.position import furthest
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.replica.schema import SCHEMA
from podberth.stores.replica.shared import Seen, Unknown
from tests.contract.ledgers import CLUSTERS, OPERATOR, PLUGIN, addresses, attachment, claim, ip, pod, pool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.stores.replica.shared import Cluster, Proposal
    from tests.contract.ledgers import ClusterBackend


@pytest.fixture(params=CLUSTERS, ids=lambda kind: kind.__name__)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> ClusterBackend:
    kind: type[ClusterBackend] = request.param
    made = kind(tmp_path / "store")
    made.define(pool("db", "10.20.0.0/24"))
    return made


def proposer(backend: ClusterBackend, folder: Path, *, current: bool = True) -> Proposer:
    folder.mkdir(exist_ok=True)
    return Proposer(Replica(str(folder)), backend.cluster, "node1", current=current)


def ledger(backend: ClusterBackend, folder: Path) -> ClusterLedger:
    return ClusterLedger(proposer(backend, folder), clock=backend.clock)


def test_a_replica_goes_on_where_it_was(backend: ClusterBackend, tmp_path: Path) -> None:
    ledger(backend, tmp_path / "a").bind(claim("a"), PLUGIN)
    before = Replica(str(tmp_path / "a")).position
    ledger(backend, tmp_path / "b").bind(claim("b"), PLUGIN)
    again = ledger(backend, tmp_path / "a")
    assert [lease.attachment for lease in again.leases()] == [attachment("c-a"), attachment("c-b")]
    assert before != ""


def test_a_replica_of_another_store_is_worth_nothing(backend: ClusterBackend, tmp_path: Path) -> None:
    ledger(backend, tmp_path / "a").bind(claim("a"), PLUGIN)
    replica = Replica(str(tmp_path / "a"))
    replica.confirm("another cluster")
    assert replica.position == ""
    assert len(ledger(backend, tmp_path / "a").leases()) == 1


@pytest.mark.parametrize("damage", [b"", b"this is no database at all, whatever the name may say" * 100])
def test_a_damaged_replica_is_made_anew(backend: ClusterBackend, tmp_path: Path, damage: bytes) -> None:
    ledger(backend, tmp_path / "a").bind(claim("a"), PLUGIN)
    for file in (tmp_path / "a").iterdir():
        if file.name != SCHEMA.file:
            file.unlink()
    (tmp_path / "a" / SCHEMA.file).write_bytes(damage)
    assert len(ledger(backend, tmp_path / "a").leases()) == 1


def test_a_replica_that_was_never_complete_is_made_anew(backend: ClusterBackend, tmp_path: Path) -> None:
    ledger(backend, tmp_path / "a").bind(claim("a"), PLUGIN)
    with closing(sqlite3.connect(tmp_path / "a" / SCHEMA.file)) as connection, connection:
        connection.execute("UPDATE position SET position = ''")
    assert len(ledger(backend, tmp_path / "a").leases()) == 1


def test_older_news_changes_nothing(backend: ClusterBackend, tmp_path: Path) -> None:
    mine = proposer(backend, tmp_path / "a")
    book = ClusterLedger(mine, clock=backend.clock)
    book.bind(claim("a"), PLUGIN)
    old = backend.cluster.read((ip("10.20.0.1"),), ())
    book.unbind(attachment("c-a"), PLUGIN)
    mine.replica.take(old)
    assert ClusterLedger(mine, clock=backend.clock).leases() == ()
    assert mine.replica.take(Seen(records=old.records)) == ()


def test_what_came_while_the_whole_state_was_read_is_not_forgotten(backend: ClusterBackend, tmp_path: Path) -> None:
    mine = proposer(backend, tmp_path / "a")
    mine.catch_up()
    parts = list(backend.cluster.load())
    loading = mine.replica.load(iter(parts))
    for _ in parts[:-1]:
        next(loading)
    ledger(backend, tmp_path / "b").bind(claim("x"), PLUGIN)
    mine.replica.take(backend.cluster.read((ip("10.20.0.1"),), ()))
    assert [*loading]
    assert [str(lease.address) for lease in ClusterLedger(mine, clock=backend.clock).leases()] == ["10.20.0.1"]


class Deaf:
    """A cluster's store of which one answer, and all that is asked after it, is lost until it is heard again."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.hears = True

    def __getattr__(self, name: str) -> object:
        return getattr(self._cluster, name)

    def commit(self, proposal: Proposal) -> Seen:
        made = self._cluster.commit(proposal)
        if not self.hears:
            raise Unknown("the answer was lost")
        return made

    def read(self, *asked: Any) -> Seen:
        if not self.hears:
            raise TryAgainLater("it is away")
        return self._cluster.read(*asked)


def test_a_bind_of_unknown_end_is_ended_by_the_del_that_follows_it(backend: ClusterBackend, tmp_path: Path) -> None:
    mine = proposer(backend, tmp_path / "a", current=False)
    mine.asking = (0.0,)
    mine.catch_up()
    deaf = Deaf(backend.cluster)
    mine.cluster = cast("Cluster", deaf)
    book = ClusterLedger(mine, clock=backend.clock)
    deaf.hears = False
    with pytest.raises(TryAgainLater):
        book.bind(claim("a"), PLUGIN)
    with pytest.raises(TryAgainLater):
        book.unbind(attachment("c-a"), PLUGIN)
    deaf.hears = True
    assert addresses(book.unbind(attachment("c-a"), PLUGIN)) == ["10.20.0.1"]


class Late(Deaf):
    """A cluster's store that loses the answer to a change, and lets others go on before it is asked again."""

    def __init__(self, cluster: Cluster, meanwhile: Callable[[], object]) -> None:
        super().__init__(cluster)
        self._meanwhile = meanwhile

    def commit(self, proposal: Proposal) -> Seen:
        self._cluster.commit(proposal)
        self._meanwhile()
        raise Unknown("the answer was lost")


class Slow(Deaf):
    """A cluster's store that makes the first change only when the next is asked for, and has answered neither."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._held: list[Proposal] = []

    def commit(self, proposal: Proposal) -> Seen:
        if not self._held:
            self._held.append(proposal)
            raise Unknown("the answer was lost")
        self._cluster.commit(self._held[0])
        return self._cluster.commit(proposal)


def test_a_del_says_what_it_ended_also_if_that_happens_after_it_was_asked_for_again(
    backend: ClusterBackend, tmp_path: Path
) -> None:
    mine = proposer(backend, tmp_path / "a", current=False)
    book = ClusterLedger(mine, clock=backend.clock)
    book.bind(claim("a"), PLUGIN)
    mine.cluster = cast("Cluster", Slow(backend.cluster))
    assert addresses(book.unbind(attachment("c-a"), PLUGIN)) == ["10.20.0.1"]
    assert [event.kind for event in book.history()] == ["Bound", "Unbound"]


def test_a_del_says_what_it_ended_also_if_another_pod_has_it_by_the_time_that_is_known(
    backend: ClusterBackend, tmp_path: Path
) -> None:
    mine, others = proposer(backend, tmp_path / "a", current=False), ledger(backend, tmp_path / "b")
    book = ClusterLedger(mine, clock=backend.clock)
    book.bind(claim("a"), PLUGIN)
    mine.cluster = cast("Cluster", Late(backend.cluster, lambda: others.bind(claim("b", "10.20.0.1"), PLUGIN)))
    assert addresses(book.unbind(attachment("c-a"), PLUGIN)) == ["10.20.0.1"]
    assert [lease.attachment for lease in others.leases()] == [attachment("c-b")]


@pytest.mark.parametrize(
    ("one", "other", "behind"),
    [("", "", ""), ("7", "", "7"), ("7", "12", "12"), ("leases=9,pools=3", "leases=8,pools=4", "leases=9,pools=4")],
)
def test_a_position_only_grows(one: str, other: str, behind: str) -> None:
    assert furthest(one, other) == furthest(other, one) == behind


def test_a_client_that_knows_nothing_new_is_told_by_the_store(backend: ClusterBackend, tmp_path: Path) -> None:
    stale = proposer(backend, tmp_path / "a", current=False)
    stale.catch_up()
    others = ledger(backend, tmp_path / "b")
    others.bind(claim("x"), PLUGIN)
    others.reserve("db", ip("10.20.0.2"), pod("y"), "eth0", OPERATOR)
    book = ClusterLedger(stale, clock=backend.clock)
    (lease,) = book.bind(claim("a"), PLUGIN)
    assert str(lease.address) not in ("10.20.0.1", "10.20.0.2")
    assert len({lease.address for lease in ledger(backend, tmp_path / "b").leases()}) == 2
    assert stale.attempts > stale.steps == 1


def test_what_seems_exhausted_is_asked_for_once_more(backend: ClusterBackend, tmp_path: Path) -> None:
    backend.define(pool("db", "10.20.0.8/31"))
    stale = proposer(backend, tmp_path / "a", current=False)
    others = ledger(backend, tmp_path / "b")
    for name in ("x", "y"):
        others.bind(claim(name), PLUGIN)
    stale.catch_up()
    others.unbind(attachment("c-x"), PLUGIN)
    book = ClusterLedger(stale, clock=backend.clock)
    assert addresses(book.bind(claim("a"), PLUGIN)) == ["10.20.0.8"]
    with pytest.raises(PoolExhausted):
        book.bind(claim("b"), PLUGIN)


def test_a_node_that_has_not_heard_of_a_pods_first_address_gives_it_no_second(
    backend: ClusterBackend, tmp_path: Path
) -> None:
    late = proposer(backend, tmp_path / "a", current=False)
    late.catch_up()
    others = ledger(backend, tmp_path / "b")
    (first,) = others.bind(claim("a", container="old", sticky=True), PLUGIN)
    others.unbind(attachment("old"), PLUGIN)
    others.bind(claim("x"), PLUGIN)
    (again,) = ClusterLedger(late, clock=backend.clock).bind(claim("a", container="new", sticky=True), PLUGIN)
    assert again.address == first.address
    assert len(others.reservations()) == 1


def test_a_release_ends_what_another_node_has_reserved_just_now(backend: ClusterBackend, tmp_path: Path) -> None:
    late = proposer(backend, tmp_path / "a", current=False)
    late.catch_up()
    ledger(backend, tmp_path / "b").reserve("db", ip("10.20.0.7"), pod("a"), "eth0", OPERATOR)
    ended = ClusterLedger(late, clock=backend.clock).release(ip("10.20.0.7"), OPERATOR)
    assert ended is not None
    assert str(ended.pod) == "db/a"
