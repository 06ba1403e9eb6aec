"""A whole store into another kind of store: what it has, and what it answers about any time, stays the same."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from podberth.cli.main import main
from podberth.cni.errors import TryAgainLater
from podberth.policy.documents import document_of
from podberth.stores.replica.shared import Unknown
from podberth.stores.transfer.cluster import ClusterStore
from podberth.stores.transfer.form import Export, lines
from podberth.stores.transfer.moving import NotEmpty, move
from tests.contract.clusters import etcd_server
from tests.contract.ledgers import NOON, OPERATOR, PLUGIN, attachment, claim, pod, pool
from tests.contract.memory_cluster import MemoryCluster
from tests.contract.transfers import KINDS, InCluster, Node, answers, filled

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.stores.replica.shared import Proposal, Seen

# Between any two there is one form (stores.transfer.form): each kind is written to it, and each is made from it.
PAIRS = [("Node", kind) for kind in KINDS] + [(kind, "Node") for kind in KINDS if kind != "Node"]
PAIRS += [("OnEtcd", "OnKubernetes"), ("OnKubernetes", "OnEtcd")]
FEW = [("Node", "Node"), ("InMemory", "Node"), *(("Node", kind) for kind in KINDS if kind != "Node")]
every_pair = pytest.mark.parametrize(("source", "target"), PAIRS, indirect=True)
few_pairs = pytest.mark.parametrize(("source", "target"), FEW, indirect=True)


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Node | InCluster:
    asked_often = "OnKubernetes" in request.node.callspec.params.values()
    return filled(KINDS[request.param](tmp_path / "source"), 12 if asked_often else 40)


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Node | InCluster:
    return KINDS[request.param](tmp_path / "target")


@every_pair
def test_every_answer_is_the_same_in_the_other_store(source: Node | InCluster, target: Node | InCluster) -> None:
    before = answers(source)
    verdict = move(source.side(readonly=True), target.side())
    assert (verdict.wrong, verdict.differences) == (0, ())
    assert (verdict.documents, verdict.events) == (5, len(tuple(source.parts()[0].history())))
    target.clock.now = source.clock.now
    assert answers(target) == before
    assert answers(source) == before


@few_pairs
def test_the_other_store_goes_on_from_there(source: Node | InCluster, target: Node | InCluster) -> None:
    move(source.side(readonly=True), target.side())
    target.clock.now = source.clock.now
    ledger, _ = target.parts()
    with pytest.raises(Exception, match="mysql-0"):
        ledger.bind(claim("thief", "10.20.0.50"), PLUGIN)
    before = {lease.address for lease in ledger.leases()} | {kept.address for kept in ledger.reservations()}
    (lease,) = ledger.bind(claim("later"), PLUGIN)
    assert lease.address not in before
    assert ledger.who(lease.address).pod == pod("later")


@few_pairs
def test_doing_it_again_changes_nothing(source: Node | InCluster, target: Node | InCluster) -> None:
    move(source.side(readonly=True), target.side())
    target.clock.now = source.clock.now
    before = answers(target)
    assert move(source.side(readonly=True), target.side()).wrong == 0
    assert answers(target) == before


@few_pairs
def test_an_export_has_all_of_it(source: Node | InCluster, target: Node | InCluster, tmp_path: Path) -> None:
    file = tmp_path / "export"
    file.write_text("".join(lines(source.side(readonly=True), NOON)))
    assert move(Export(str(file)), target.side()).wrong == 0
    target.clock.now = source.clock.now
    assert answers(target) == answers(source)
    there = "".join(lines(target.side(readonly=True), NOON))
    if isinstance(source, InCluster) == isinstance(target, InCluster):
        assert there.splitlines()[1:] == file.read_text().splitlines()[1:]


@few_pairs
def test_a_target_with_something_else_is_left_as_it_is(source: Node | InCluster, target: Node | InCluster) -> None:
    ledger, policies = target.parts()
    policies.apply([document_of(pool("other", "10.99.0.0/24"), "x")], OPERATOR, source="x")
    ledger.bind(claim("other", pool="other"), PLUGIN)
    before = answers(target)
    with pytest.raises(NotEmpty) as refused:
        move(source.side(readonly=True), target.side())
    assert any("10.99.0.1" in conflict for conflict in refused.value.conflicts)
    assert answers(target) == before


@few_pairs
def test_an_address_that_went_on_in_the_target_is_a_conflict_that_names_both(
    source: Node | InCluster, target: Node | InCluster
) -> None:
    move(source.side(readonly=True), target.side())
    ledger, _ = target.parts()
    target.clock.now = source.clock.now
    (lease, *_) = ledger.unbind(attachment("both"), PLUGIN)
    with pytest.raises(NotEmpty, match=re.escape(f"{lease.address} ")):
        move(source.side(readonly=True), target.side())


def test_the_command_moves_a_node_s_store_into_etcd_and_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = filled(Node(tmp_path / "source"))
    place = tmp_path / "etcd.json"
    etcd = {"endpoints": [etcd_server().url], "prefix": f"/{uuid4().hex}"}
    place.write_text(json.dumps({"store": "etcd", "node": "node1", "etcd": etcd}))
    joined = tmp_path / "joined"
    joined.mkdir()
    shutil.copy(place, joined / "store.json")
    back = Node(tmp_path / "back")
    for state, to in ((source.folder, place), (source.folder, joined), (joined, back.folder)):
        argv = ["--state", str(state), "migrate", "--to", str(to), "--json", "--socket", "/nonexistent/agent.sock"]
        assert main(argv) == 0
        assert json.loads(capsys.readouterr().out)["same"] is True
    back.clock.now = source.clock.now
    assert answers(back) == answers(source)


class Killed(Exception):
    """The process ended here."""


class Fragile(MemoryCluster):
    """A cluster's store at whose nth change the caller ends, before or after it was made."""

    def __init__(self, nth: int, *, after: bool) -> None:
        super().__init__()
        self.left = nth
        self.after = after
        self.failure: Exception = Killed()

    def commit(self, proposal: Proposal) -> Seen:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise self.failure
        made = super().commit(proposal)
        if self.left == 0:
            raise self.failure
        return made


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 8))
def test_killed_at_any_step_it_finishes_when_it_is_run_again(tmp_path: Path, nth: int, *, after: bool) -> None:
    source, fragile = filled(Node(tmp_path / "source")), Fragile(nth, after=after)
    target = InCluster(tmp_path / "target", fragile)
    with pytest.raises(Killed):
        move(source.side(readonly=True), target.side())
    ledger, policies = target.parts()
    there, here = source.parts()
    assert (ledger.leases(), policies.pools()) in ((there.leases(), here.pools()), ((), ()))
    assert move(source.side(readonly=True), target.side()).wrong == 0
    target.clock.now = source.clock.now
    assert answers(target) == answers(source)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 3, 4])
def test_a_lost_answer_is_asked_for_again(tmp_path: Path, nth: int, *, after: bool) -> None:
    source, fragile = filled(Node(tmp_path / "source")), Fragile(nth, after=after)
    fragile.failure = Unknown("the connection broke")
    assert move(source.side(readonly=True), ClusterStore(fragile, "memory")).wrong == 0


def test_a_store_that_stays_away_is_said_to_be(tmp_path: Path) -> None:
    class Away(MemoryCluster):
        def commit(self, proposal: Proposal) -> Seen:  # noqa: ARG002
            raise TryAgainLater("no answer")

    with pytest.raises(TryAgainLater, match="no answer"):
        move(filled(Node(tmp_path / "source")).side(readonly=True), ClusterStore(Away(), "memory"))


def test_killed_while_it_fills_a_node_s_store_nothing_is_there(tmp_path: Path) -> None:
    source, target = filled(Node(tmp_path / "source")), Node(tmp_path / "target")

    def told(_: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        move(source.side(readonly=True), target.side(), told)
    assert target.side().documents() == ()
    assert target.side().count() == 0
    assert move(source.side(readonly=True), target.side()).wrong == 0


def test_times_that_go_back_between_addresses_stay_as_they_are(tmp_path: Path) -> None:
    cluster = MemoryCluster()
    one, other = InCluster(tmp_path / "one", cluster), InCluster(tmp_path / "other", cluster)
    ledger, policies = one.parts()
    policies.apply([document_of(pool("db", "10.20.0.0/24"), "x")], OPERATOR, source="x")
    ledger.bind(claim("first"), PLUGIN)
    other.clock.now = one.clock.now - 60 * 10**9  # this node's clock is a minute behind
    other.parts()[0].bind(claim("second"), PLUGIN)
    ledger.unbind(attachment("c-first"), PLUGIN)
    target = Node(tmp_path / "target")
    assert move(one.side(), target.side()).wrong == 0
    target.clock.now = one.clock.now
    # A node's own store has an order between addresses, by which it says more of the time before its first event.
    whole = [
        {question: found for question, found in answers(part).items() if question != "who"} for part in (target, one)
    ]
    assert whole[0] == whole[1]
    moved, told = ([(event.address, event.time) for event in part.history()] for part in (target.parts()[0], ledger))
    assert moved == told  # in the order of numbers
    assert [time for _, time in moved] != sorted(time for _, time in moved)
