"""An operation that a store takes in many steps: what it has marked counts for nobody until it is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import AddressTaken, CniError, Refused, TryAgainLater
from podberth.cni.value import replace
from podberth.ipam.lease import Keeping
from podberth.policy.documents import document_of, parse_document
from podberth.policy.operation import Operation
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.marks import SILENCE
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.replica.undelivered import JournalledLedger, Undelivered
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.clusters import in_etcd, in_kubernetes
from tests.contract.ledgers import (
    CLUSTERS,
    OPERATOR,
    PLUGIN,
    Clock,
    InMemory,
    OnEtcd,
    attachment,
    claim,
    ip,
    pod,
    pool,
    subnet,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.policy.documents import Document
    from podberth.stores.replica.shared import Cluster, Proposal, Seen
    from tests.contract.ledgers import ClusterBackend

BANK = pool("bank", subnet("10.60.0.0/24", gateway="10.60.0.1"))
MANY = 40  # more than any store takes at once


class Killed(BaseException):
    """What ends a command: no handler of errors goes on after it."""


class Stopping:
    """A cluster's store whose user is killed before its n-th change from now on."""

    def __init__(self, cluster: Cluster, left: int) -> None:
        self._cluster = cluster
        self.left = left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def commit(self, proposal: Proposal) -> Seen:
        if self.left == 0:
            raise Killed
        self.left -= 1
        return self._cluster.commit(proposal)


class Site:
    """A store with the pool, and clients of it."""

    def __init__(self, kind: type[ClusterBackend], folder: Path) -> None:
        self.backend = kind(folder / "backend")
        self._folder = folder
        self.ledger, self.policies, self.proposer = self.client("one")
        self.policies.apply([document_of(BANK, "test")], OPERATOR, source="test")

    def client(
        self, name: str, *, kill_at: int = -1, through: Any = None
    ) -> tuple[ClusterLedger, ClusterPolicies, Proposer]:
        cluster: Any = Stopping(self.backend.cluster, kill_at) if kill_at >= 0 else through or self.backend.cluster
        proposer = Proposer(Replica(str(self._folder / name)), cluster, "node1", current=True)
        return ClusterLedger(proposer, clock=self.backend.clock), ClusterPolicies(proposer), proposer

    def end_what_is_left(self) -> None:
        """Do as an agent does when nothing was heard of an operation for a while."""
        self.proposer.catch_up()
        for mark in self.proposer.replica.operations():
            self.proposer.tending.end(mark)

    def left_half_way(self, operation: Operation, steps: int) -> None:
        """Have an operation's command be killed after so many steps."""
        _, policies, _ = self.client("killed", kill_at=steps)
        with pytest.raises(Killed):
            policies.operate(operation, OPERATOR, source="import csv")


@pytest.fixture(params=CLUSTERS, ids=lambda kind: kind.__name__)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(request.param, tmp_path)


def keeping(first: int = 100, many: int = MANY, name: str = "kept") -> Operation:
    return Operation(
        keep=tuple(
            Keeping(address=ip(f"10.60.0.{first + n}"), pool="bank", pod=pod(f"{name}-{n}"), ifname="eth0")
            for n in range(many)
        )
    )


def test_what_is_marked_and_not_committed_counts_for_nobody(site: Site) -> None:
    site.left_half_way(keeping(), 2)
    assert site.ledger.reservations() == ()
    assert tuple(site.ledger.history()) == ()
    assert tuple(site.ledger.history(address=ip("10.60.0.101"))) == ()
    assert tuple(site.ledger.history(pod=pod("kept-1"))) == ()
    fresh, _, _ = site.client("fresh")
    assert fresh.reservations() == ()


def test_a_bind_of_a_marked_address_is_refused_and_names_the_operation(site: Site) -> None:
    site.left_half_way(keeping(), 2)
    site.proposer.catch_up()
    (mark,) = site.proposer.replica.operations()
    with pytest.raises(TryAgainLater, match=rf"10\.60\.0\.101 .*operation {mark.operation} \(") as refused:
        site.ledger.bind(claim("other", "10.60.0.101", pool="bank"), PLUGIN)
    assert "store operations" in refused.value.details
    with pytest.raises(TryAgainLater, match=mark.operation):
        site.ledger.bind(claim("kept-1", pool="bank"), PLUGIN)
    (lease,) = site.ledger.bind(claim("free", pool="bank"), PLUGIN)
    assert lease.address == ip("10.60.0.2")


def test_a_pod_that_takes_any_address_gets_none_that_is_marked(site: Site) -> None:
    site.left_half_way(keeping(first=2), 2)
    site.proposer.catch_up()
    with site.proposer.replica.database.read() as connection:
        marked = {packed for (packed,) in connection.execute("SELECT address FROM marks").fetchall()}
    assert marked
    got = [site.ledger.bind(claim(f"any-{n}", pool="bank"), PLUGIN)[0].address for n in range(5)]
    assert not {address.packed for address in got} & marked


def test_what_was_left_is_undone_once_nothing_was_heard_of_it_for_a_while(site: Site) -> None:
    site.left_half_way(keeping(), 2)
    site.proposer.catch_up()
    assert site.proposer.tending.tend() == ()
    site.backend.clock.tick(SILENCE / 10**9 + 1)
    (said,) = site.proposer.tending.tend()
    assert "was undone" in said
    assert site.proposer.replica.operations() == ()
    (lease,) = site.ledger.bind(claim("other", "10.60.0.101", pool="bank"), PLUGIN)
    assert [event.kind for event in site.ledger.history(address=lease.address)] == ["Bound"]


def test_who_needs_an_address_ends_what_was_left_there_itself(site: Site) -> None:
    site.left_half_way(keeping(), 2)
    site.proposer.catch_up()
    site.backend.clock.tick(SILENCE / 10**9 + 1)
    done = site.policies.operate(keeping(), OPERATOR, source="import csv")
    assert len(done.kept) == MANY
    assert len(site.ledger.reservations()) == MANY


def test_a_command_that_is_killed_anywhere_has_done_all_or_nothing(site: Site) -> None:
    outcomes: list[int] = []
    for steps in range(1000):
        _, policies, _ = site.client(f"killed-{steps}", kill_at=steps)
        try:
            policies.operate(keeping(), OPERATOR, source="test")
        except Killed:
            pass
        else:
            break
        site.end_what_is_left()
        outcomes.append(len(site.ledger.reservations()))
        assert len(tuple(site.ledger.history())) % MANY == 0
        for one in site.ledger.reservations():
            site.ledger.release(one.address, OPERATOR)
    assert set(outcomes) == {0, MANY}
    assert outcomes == sorted(outcomes)


def test_what_is_committed_is_carried_through_by_who_comes_next(site: Site) -> None:
    steps = 0
    while True:
        _, policies, proposer = site.client(f"killed-{steps}", kill_at=steps)
        try:
            policies.operate(keeping(), OPERATOR, source="test")
        except Killed:
            pass
        if proposer.dry_run(lambda connection, _: connection.execute("SELECT 1 FROM committed").fetchone()):
            break
        site.end_what_is_left()
        steps += 1
    site.proposer.catch_up()
    assert len(site.ledger.reservations()) == MANY
    assert len(tuple(site.ledger.history())) == MANY
    assert len(tuple(site.ledger.history(address=ip("10.60.0.101")))) == 1
    (lease,) = site.ledger.bind(claim("kept-1", "10.60.0.101", pool="bank"), PLUGIN)
    assert lease.address == ip("10.60.0.101")
    with pytest.raises(AddressTaken, match="kept-2"):
        site.ledger.bind(claim("other", "10.60.0.102", pool="bank"), PLUGIN)
    site.ledger.unbind(attachment("c-kept-1"), PLUGIN)
    assert len(site.ledger.reservations()) == MANY


def test_what_is_to_be_released_goes_on_counting_until_all_of_it_is_released(site: Site) -> None:
    site.policies.operate(keeping(), OPERATOR, source="test")
    (lease,) = site.ledger.bind(claim("kept-3", "10.60.0.103", pool="bank"), PLUGIN)
    whole = Operation(release=tuple(one.address for one in keeping().keep))
    site.left_half_way(whole, 2)
    assert len(site.ledger.reservations()) == MANY
    with pytest.raises(AddressTaken):
        site.ledger.bind(claim("other", "10.60.0.104", pool="bank"), PLUGIN)
    site.proposer.catch_up()
    site.backend.clock.tick(SILENCE / 10**9 + 1)
    site.ledger.unbind(attachment("c-kept-3"), PLUGIN)
    assert lease.address not in {one.address for one in site.ledger.leases()}
    done = site.policies.operate(whole, OPERATOR, source="test")
    assert len(done.released) == MANY
    assert site.ledger.reservations() == ()
    kinds = [event.kind for event in site.ledger.history(address=ip("10.60.0.104"))]
    assert kinds == ["Reserved", "Released"]


@pytest.mark.parametrize("goes_on", [False, True], ids=["it was given up", "it is done after all"])
def test_a_pod_that_starts_again_while_the_store_is_away_keeps_its_address_whatever_an_operation_does(
    site: Site, tmp_path: Path, *, goes_on: bool
) -> None:
    """Nobody can take an address that is leased here: an operation ends the name's reservation, not the lease."""
    site.policies.operate(keeping(), OPERATOR, source="test")
    site.ledger.bind(claim("kept-3", "10.60.0.103", pool="bank"), PLUGIN)
    whole = Operation(release=tuple(one.address for one in keeping().keep))
    site.left_half_way(whole, 2)
    site.proposer.catch_up()
    away, kept = ["no route to host"], Undelivered(str(tmp_path / "journal"))
    last_known = SqliteLedger(site.proposer.replica.database, clock=site.backend.clock)
    here = JournalledLedger(site.ledger, last_known, kept, lambda: away[0], binding=True)
    again = replace(claim("kept-3", pool="bank"), attachment=attachment("c-new"), takeover=(attachment("c-kept-3"),))
    assert [lease.address for lease in here.bind(again, PLUGIN)] == [ip("10.60.0.103")]
    other, policies, proposer = site.client("elsewhere")
    proposer.catch_up()
    site.backend.clock.tick(SILENCE / 10**9 + 1)
    if goes_on:
        assert len(policies.operate(whole, OPERATOR, source="test").released) == MANY
    with pytest.raises(AddressTaken, match=r"10\.60\.0\.103"):
        other.bind(claim("any", "10.60.0.103", pool="bank"), PLUGIN)
    away[0] = ""
    told: list[str] = []
    assert here.replay(told.append) == 1
    assert told == []
    assert [str(lease.pod) for lease in here.of(attachment("c-new"))] == ["db/kept-3"]


def test_of_two_operations_at_an_address_one_is_done_after_the_other(site: Site) -> None:
    site.left_half_way(keeping(), 2)
    site.proposer.catch_up()
    site.backend.clock.tick(SILENCE / 10**9 + 1)
    site.policies.operate(keeping(first=90, name="other"), OPERATOR, source="test")
    names = {one.pod.name.partition("-")[0] for one in site.ledger.reservations()}
    assert names == {"other"}
    with pytest.raises(AddressTaken):
        site.policies.operate(keeping(), OPERATOR, source="test")
    assert {one.pod.name.partition("-")[0] for one in site.ledger.reservations()} == {"other"}


def test_a_pool_that_an_operation_makes_is_not_there_before_its_leases(site: Site) -> None:
    more = pool("more", "10.61.0.0/24")
    binds = tuple(claim(f"m-{n}", f"10.61.0.{10 + n}", pool="more") for n in range(70))
    whole = Operation(documents=(document_of(more, "test"),), bind=binds)
    site.left_half_way(whole, 3)
    assert [each.name for each in site.policies.pools()] == ["bank"]
    fresh, policies, _ = site.client("fresh")
    assert [each.name for each in policies.pools()] == ["bank"]
    assert fresh.leases() == ()
    site.proposer.catch_up()
    site.backend.clock.tick(SILENCE / 10**9 + 1)
    site.policies.operate(whole, OPERATOR, source="test")
    assert [each.name for each in site.policies.pools()] == ["bank", "more"]
    _, again, _ = site.client("again")
    assert [each.name for each in again.pools()] == ["bank", "more"]
    assert len(site.ledger.leases()) == 70


def podnetworks(first: int = 100, many: int = MANY) -> list[Document]:
    return [
        parse_document(
            {
                "apiVersion": "podberth.io/v1alpha1",
                "kind": "PodNetwork",
                "metadata": {"namespace": "db", "name": f"web-{n}"},
                "spec": {"pod": f"web-{n}", "attachments": [{"pool": "bank", "addresses": [f"10.60.0.{first + n}"]}]},
            },
            "test",
        )
        for n in range(many)
    ]


def applied(client: tuple[ClusterLedger, ClusterPolicies, Proposer]) -> tuple[int, int, int]:
    """Return how many reservations, PodNetworks and events there are."""
    ledger, policies, _ = client
    return len(ledger.reservations()), len(policies.pod_networks()), len(tuple(ledger.history()))


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 5, 6, 7, 9, 30])
def test_an_apply_of_new_documents_that_is_killed_has_done_all_or_nothing(site: Site, steps: int) -> None:
    _, policies, _ = site.client("killed", kill_at=steps)
    try:
        policies.apply(podnetworks(), OPERATOR, source="test")
    except Killed:
        seen = applied(site.client("meanwhile"))
        assert seen in ((0, 0, 0), (MANY, MANY, MANY))
    site.end_what_is_left()
    after = applied(site.client("after"))
    assert after in ((0, 0, 0), (MANY, MANY, MANY))
    assert applied((site.ledger, site.policies, site.proposer)) == after
    done = site.policies.apply(podnetworks(), OPERATOR, source="test")
    assert len(done.created) == (0 if after[0] else MANY)
    assert applied(site.client("done")) == (MANY, MANY, MANY)


@pytest.mark.parametrize("site", [InMemory, OnEtcd], ids=["memory", "etcd"], indirect=True)
@pytest.mark.parametrize("steps", range(6))
def test_an_apply_that_changes_few_documents_with_many_addresses_is_all_or_nothing(site: Site, steps: int) -> None:
    def web(first: int) -> list[Document]:
        addresses = [f"10.60.0.{first}-10.60.0.{first + 59}"]
        spec = {"deployment": {"name": "web"}, "attachments": [{"pool": "bank", "addresses": addresses}]}
        named = {"namespace": "db", "name": "web"}
        raw = {"apiVersion": "podberth.io/v1alpha1", "kind": "PodNetwork", "metadata": named, "spec": spec}
        return [parse_document(raw, "test")]

    site.policies.apply(web(10), OPERATOR, source="test")
    _, policies, _ = site.client("killed", kill_at=steps)
    try:
        policies.apply(web(100), OPERATOR, source="test")
    except Killed:
        pass
    site.end_what_is_left()
    ledger, policies, _ = site.client("after")
    first = min(int(one.address) for one in ledger.reservations()) & 255
    assert len(ledger.reservations()) == 60
    assert first in (10, 100)
    assert [str(each) for each in policies.pod_networks()] == [str(each.body) for each in web(first)]


@pytest.mark.parametrize("made", [in_etcd, in_kubernetes], ids=["etcd", "kubernetes"])
def test_where_an_older_agent_may_be_what_needs_marks_is_refused_and_the_rest_is_done(
    made: Callable[[], Cluster], tmp_path: Path
) -> None:
    proposer = Proposer(Replica(str(tmp_path / "one")), made(), "node1", current=True)
    ledger, policies = ClusterLedger(proposer, clock=Clock()), ClusterPolicies(proposer)
    policies.apply([document_of(BANK, "test")], OPERATOR, source="test")
    with pytest.raises(Refused, match=r"operation of more than one step needs 0\.2\.0") as refused:
        policies.operate(keeping(), OPERATOR, source="import csv")
    assert "podberth store upgrade" in refused.value.details
    assert ledger.reservations() == ()
    policies.operate(keeping(many=1), OPERATOR, source="import csv")
    assert len(ledger.reservations()) == 1


class Meanwhile:
    """A cluster's store where somebody else does something just before the n-th change from now on."""

    def __init__(self, cluster: Cluster, left: int, other: Callable[[], object]) -> None:
        self._cluster = cluster
        self.left = left
        self._other = other

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def commit(self, proposal: Proposal) -> Seen:
        if self.left == 0:
            self._other()
        self.left -= 1
        return self._cluster.commit(proposal)


def test_a_document_that_somebody_makes_meanwhile_is_not_lost(site: Site) -> None:
    done: list[str] = []

    def other() -> None:
        _, policies, _ = site.client("other")
        policies.apply([document_of(pool("more-1", "10.200.0.0/24"), "his")], OPERATOR, source="his")
        done.append("more-1")

    count = site.backend.cluster.documents_at_once + 1
    _, policies, _ = site.client("mine", through=Meanwhile(site.backend.cluster, 2, other))
    many = [document_of(pool(f"more-{n}", f"10.100.{n}.0/24"), "mine") for n in range(max(2, count))]
    with pytest.raises(CniError):
        policies.operate(Operation(documents=tuple(many), keep=keeping().keep), OPERATOR, source="import")
    assert done
    _, fresh, _ = site.client("fresh")
    networks = {one.name: str(one.subnets[0].network) for one in fresh.pools()}
    assert networks == {"bank": "10.60.0.0/24", "more-1": "10.200.0.0/24"}
    assert site.ledger.reservations() == ()
