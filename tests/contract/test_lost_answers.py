"""An ADD whose answer the store's end has swallowed: it is refused, and nothing that it bound stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed, TryAgainLater
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.replica.shared import Away
from podberth.stores.replica.undelivered import JournalledLedger, Undelivered
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.ledgers import PLUGIN, Clock, attachment, claim, pool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from podberth.cni.errors import CniError
    from podberth.cni.pod import Attachment
    from podberth.ipam.lease import Actor, Claim, Lease
    from tests.contract.ledgers import ClusterBackend


class Cut(ClusterLedger):
    """A ledger whose store makes what it is asked for, and goes away before it says so, while `cut`."""

    def __init__(self, proposer: Proposer, unseen: ClusterLedger, clock: Clock) -> None:
        super().__init__(proposer, clock=clock)
        self.unseen = unseen
        self.cut = False
        self.failures: list[CniError] = []  # of the next ends

    def unbind_all(self, attachments: Sequence[Attachment], actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        if self.failures:
            raise self.failures.pop()
        return super().unbind_all(attachments, actor, durable=durable)

    def bind(self, claim: Claim, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        if not self.cut:
            return super().bind(claim, actor, durable=durable)
        self.unseen.bind(claim, actor, durable=durable)
        raise Away("the connection was cut", "ADD works again once it is back")


class Site:
    """A node, and its ledger as processes have it."""

    def __init__(self, backend: ClusterBackend, folder: Path) -> None:
        backend.define(pool("db", "10.20.0.0/24"))
        self.known = False  # whether the node has noticed that the store is away
        clock = Clock()
        proposers = []
        for name in ("own", "unseen"):
            (folder / name).mkdir()
            proposers.append(Proposer(Replica(str(folder / name)), backend.cluster, "node1", current=True))
        self.store = ClusterLedger(proposers[1], clock=clock)
        self.cut = Cut(proposers[0], self.store, clock)
        last_known = SqliteLedger(proposers[0].replica.database, clock=clock)
        journal = Undelivered(str(folder / "own"))
        self.ledger = JournalledLedger(
            self.cut, last_known, journal, lambda: "it is away" if self.known else "", binding=False
        )

    def refused(self, wanted: Claim) -> None:
        """Have an ADD refused whose leases were bound."""
        self.cut.cut = True
        with pytest.raises(Away):
            self.ledger.bind(wanted, PLUGIN)
        self.known = True

    def back(self) -> None:
        self.cut.cut = self.known = False


@pytest.fixture
def site(cluster_backend: ClusterBackend, tmp_path: Path) -> Site:
    return Site(cluster_backend, tmp_path)


@pytest.mark.parametrize("deleted", [False, True])
def test_what_a_refused_add_has_bound_ends_once_the_store_is_back(site: Site, *, deleted: bool) -> None:
    site.refused(claim("a"))
    assert len(site.store.leases()) == 1
    if deleted:
        assert site.ledger.unbind(attachment("c-a"), PLUGIN) == ()
    site.back()
    site.ledger.replay(lambda _: None)
    assert site.store.leases() == ()
    bound, unbound = site.store.history()
    assert (bound.kind, unbound.kind) == ("Bound", "Unbound")
    assert unbound.actor.why.endswith("(refused: the store went away before it had answered)")


def test_an_add_that_comes_again_has_its_lease_whatever_is_told_to_the_store_later(site: Site) -> None:
    site.refused(claim("a"))
    site.back()
    (lease,) = site.ledger.bind(claim("a"), PLUGIN)
    site.ledger.replay(lambda _: None)
    assert site.store.leases() == (lease,)


def test_a_del_that_was_answered_while_the_store_was_away_ends_no_later_add_of_its_container(site: Site) -> None:
    site.ledger.bind(claim("a"), PLUGIN)
    site.known = True
    assert len(site.ledger.unbind(attachment("c-a"), PLUGIN)) == 1
    site.back()
    site.ledger.bind(claim("a"), PLUGIN)
    site.ledger.replay(lambda _: None)
    assert len(site.store.leases()) == 1


def test_what_the_attachment_had_before_stays(site: Site) -> None:
    (lease,) = site.ledger.bind(claim("a"), PLUGIN)
    site.refused(claim("a"))
    site.back()
    site.ledger.replay(lambda _: None)
    assert site.store.leases() == (lease,)


@pytest.mark.parametrize(
    "failure",
    [
        TryAgainLater("32 attempts to change the cluster's ledger were overtaken by others"),
        StoreFailed("etcd refused: etcdserver: permission denied", "grant the role"),
    ],
    ids=["overtaken", "no right to write"],
)
@pytest.mark.parametrize("by", ["replay", "ADD"])
def test_a_del_that_was_answered_is_kept_until_the_store_has_taken_it(site: Site, failure: CniError, by: str) -> None:
    for name in ("a", "b"):
        site.ledger.bind(claim(name), PLUGIN)
    site.known = True
    for name in ("a", "b"):
        site.ledger.unbind(attachment(f"c-{name}"), PLUGIN)
    site.back()
    site.cut.failures = [failure]
    tells: dict[str, Callable[[], object]] = {
        "replay": lambda: site.ledger.replay(lambda _: None),
        "ADD": lambda: site.ledger.bind(claim("a"), PLUGIN),
    }
    with pytest.raises(type(failure), match=failure.message):
        tells[by]()
    site.ledger.replay(lambda _: None)
    assert site.store.leases() == ()
