"""A whole store into another kind of store: what it has, and what it answers about any time, stays the same."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from podberth.cli.main import main
from podberth.cni.errors import StoreFailed, TryAgainLater
from podberth.cni.value import replace
from podberth.policy.documents import document_of, parse_document
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.replica import Replica
from podberth.stores.replica.settler import Settler
from podberth.stores.replica.shared import Unknown
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from podberth.stores.transfer.cluster import ClusterStore
from podberth.stores.transfer.form import Export, lines
from podberth.stores.transfer.moving import NotEmpty, move
from podberth.stores.transfer.node import NodeStore
from tests.contract.clusters import etcd_server
from tests.contract.ledgers import CLUSTERS, NOON, OPERATOR, PLUGIN, Clock, attachment, claim, ip, pod, pool, subnet
from tests.contract.memory_cluster import MemoryCluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.ipam.ledger import Ledger
    from podberth.policy.store import Policies
    from podberth.stores.replica.shared import Cluster, Proposal, Seen
    from podberth.stores.transfer.story import Target

NET = parse_document(
    {
        "apiVersion": "podberth.io/v1alpha1",
        "kind": "PodNetwork",
        "metadata": {"namespace": "db", "name": "mysql"},
        "spec": {
            "statefulSet": {"name": "mysql", "replicas": 3},
            "attachments": [{"pool": "db", "ordinals": [{"range": "10.20.0.50-10.20.0.52"}]}],
        },
    },
    "apply: mysql.yaml",
)


WEB = parse_document(
    {
        "apiVersion": "podberth.io/v1alpha1",
        "kind": "PodNetwork",
        "metadata": {"namespace": "db", "name": "web"},
        "spec": {
            "deployment": {"name": "web"},
            "attachments": [{"pool": "db", "addresses": ["10.20.0.70", "10.20.0.71"]}],
        },
    },
    "apply: web.yaml",
)


class Node:
    """A node's own store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()

    def parts(self) -> tuple[Ledger, Policies]:
        database = Database(str(self.folder))
        return SqliteLedger(database, clock=self.clock), SqlitePolicies(database)

    def side(self, *, readonly: bool = False) -> Target:
        return NodeStore(str(self.folder), readonly=readonly)


class InCluster:
    """A cluster's store, with a replica in a folder."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder
        self.clock = Clock()
        self.cluster = cluster

    def parts(self) -> tuple[Ledger, Policies]:
        replica = Replica(str(self.folder))
        settler = Settler(replica, self.cluster, "node1", current=True)
        return ClusterLedger(settler, clock=self.clock), ClusterPolicies(settler)

    def side(self, *, readonly: bool = False) -> Target:  # noqa: ARG002 - a cluster's is read and written alike
        return ClusterStore(self.cluster, "the cluster")


def in_cluster(kind: Any) -> Callable[[Path], InCluster]:
    return lambda folder: InCluster(folder, kind(folder / "backend").cluster)


KINDS: dict[str, Callable[[Path], Node | InCluster]] = {
    "Node": Node,
    **{kind.__name__: in_cluster(kind) for kind in CLUSTERS},
}


# One API server is one store: there is no second one to bring it into.
PAIRS = [(one, other) for one in KINDS for other in KINDS if (one, other) != ("OnKubernetes",) * 2]
FEW = [("Node", "Node"), ("InMemory", "Node"), *(("Node", kind) for kind in KINDS if kind != "Node")]
every_pair = pytest.mark.parametrize(("source", "target"), PAIRS, indirect=True)
few_pairs = pytest.mark.parametrize(("source", "target"), FEW, indirect=True)


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Node | InCluster:
    return filled(KINDS[request.param](tmp_path / "source"))


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Node | InCluster:
    return KINDS[request.param](tmp_path / "target")


def filled(store: Node | InCluster) -> Node | InCluster:
    """Fill a store with addresses in every state and events of every kind."""
    ledger, policies = store.parts()
    clock = store.clock
    pools = (
        pool("db", subnet("10.20.0.0/24", gateway="10.20.0.1", hold=("10.20.0.50-10.20.0.99",)), "fd00:20::/64"),
        pool("slow", "10.30.0.0/28", quarantine=3600),
        pool("lru", "10.40.0.0/28", allocation="leastRecentlyUsed"),
    )
    policies.apply([*(document_of(each, "apply: pools.yaml") for each in pools), NET, WEB], OPERATOR, source="apply: f")
    for round_ in range(40):
        clock.tick(7)
        ledger.bind(claim("busy", "10.20.0.2", container=f"busy-{round_}"), PLUGIN)
        clock.tick(3)
        ledger.unbind(attachment(f"busy-{round_}"), PLUGIN)
    ledger.bind(claim("both", families=(4, 6), container="both"), PLUGIN)
    ledger.reserve("db", ip("10.20.0.60"), pod("kept"), "eth0", OPERATOR)
    clock.tick()
    ledger.bind(claim("kept", "10.20.0.60"), PLUGIN)
    ledger.bind(claim("mysql-0", "10.20.0.50", uid="first"), PLUGIN)
    clock.tick()
    ledger.bind(replace(claim("mysql-0", "10.20.0.50", container="again"), takeover=(attachment("c-mysql-0"),)), PLUGIN)
    ledger.bind(claim("sticky", sticky=True), PLUGIN)
    ledger.bind(claim("web-7d4b9-x2x9k", owner="web"), PLUGIN)
    ledger.bind(claim("web-7d4b9-b4c5d", owner="web"), PLUGIN)
    clock.tick()
    ledger.unbind(attachment("c-web-7d4b9-b4c5d"), PLUGIN)
    ledger.bind(claim(None, container="bare"), PLUGIN)
    for name in ("slow", "lru"):
        clock.tick()
        ledger.bind(claim(name, pool=name), PLUGIN)
        ledger.unbind(attachment(f"c-{name}"), PLUGIN)
    ledger.conflicted(ip("10.20.0.60"), "02:00:00:00:00:01", attachment("c-kept"), PLUGIN)
    ledger.release(ip("10.20.0.60"), OPERATOR)
    return store


def answers(store: Node | InCluster) -> dict[str, object]:
    """Ask a store everything that must stay: numbers of events apart, which are each store's own."""
    ledger, policies = store.parts()
    events = [replace(event, seq=0) for event in sorted(ledger.history(), key=lambda e: (e.time, e.seq))]
    times = sorted({event.time + more for event in events for more in (-1, 0, 1)})
    seen = sorted({event.address for event in events}, key=lambda a: (a.version, a.packed))
    who: list[object] = []
    for address in seen:
        for at in times[:: 5 if len(times) > 60 else 1]:
            held = ledger.who(address, at)
            who.append((address, at, held.state, held.reserved_for, held.bound_to, held.pod))
    return {
        "leases": ledger.leases(),
        "reservations": ledger.reservations(),
        "usage": ledger.usage(),
        "who": who,
        "now": [replace(ledger.who(address), event=None) for address in seen],
        "history": {
            str(address): [replace(event, seq=0) for event in ledger.history(address=address)] for address in seen
        },
        "of a pod": [replace(event, seq=0, time=0) for event in ledger.history(pod=pod("busy"))],
        "pools": policies.pools(),
        "podnetworks": policies.pod_networks(),
    }


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
    (lease,) = ledger.bind(claim("later"), PLUGIN)
    assert str(lease.address) not in {"10.20.0.1", "10.20.0.3", "10.20.0.4"}
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
    ledger.unbind(attachment("both"), PLUGIN)
    with pytest.raises(NotEmpty, match=r"10\.20\.0\.2"):
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
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_killed_at_any_step_it_finishes_when_it_is_run_again(tmp_path: Path, nth: int, *, after: bool) -> None:
    source, fragile = filled(Node(tmp_path / "source")), Fragile(nth, after=after)
    target = InCluster(tmp_path / "target", fragile)
    with pytest.raises(Killed):
        move(source.side(readonly=True), target.side())
    for holder in source.parts()[0].leases():
        there = fragile.records.get(holder.address)
        assert there is None or there[0].lease == holder, "nobody else may get it meanwhile"
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
    assert answers(target) == answers(one)
    times = [event.time for event in target.parts()[0].history()]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows[:-1], "cut short"),
        (lambda rows: rows[:3], "cut short"),
        (lambda rows: rows[1:], "is no export of podberth's"),
        (lambda rows: [*rows, rows[1]], "nothing behind the line that ends"),
        (lambda rows: [*rows[:-2], rows[-1]], "by the lines before"),
        (lambda rows: [rows[0], *reversed(rows[1:-1]), rows[-1]], "export"),
        (lambda rows: [*rows[:-1], rows[-2], rows[-1]], "after the one before"),
        (lambda rows: [rows[0].replace('"version":1', '"version":2'), *rows[1:]], "version"),
        (lambda rows: [rows[0].replace('"version":1', '"version":true'), *rows[1:]], "version"),
        (lambda rows: ["[" * 100_000, *rows[1:]], "nesting"),
        (lambda rows: [*rows[:2], "{}", *rows[2:]], "expected a document"),
        (lambda rows: [row.replace('"Pool"', '"PodNetwork"', 1) for row in rows], "export"),
        (lambda rows: [row.replace('"Bound"', '"Unbound"', 1) for row in rows], "can't take"),
        (lambda rows: [row.replace('"containerID":"both"', '"containerID":"none"', 1) for row in rows], "bound to"),
        (lambda rows: [row.replace('"sequence":', '"sequence":"x",  "s":', 1) for row in rows], "can't be read"),
        (lambda rows: [row.replace('"address":"10.20.0.2"', '"address":"999.1"') for row in rows], "can't be read"),
        (lambda rows: [row.replace('"kind":"Bound"', '"kind":"Bond"', 1) for row in rows], "unknown kind"),
        (lambda rows: [row.replace('"events":[', '"events":[null,', 1) for row in rows], "can't be read"),
    ],
)
def test_an_export_that_was_changed_is_refused_before_anything_is_brought_in(
    tmp_path: Path, change: Callable[[list[str]], list[str]], told: str
) -> None:
    rows = list(lines(filled(Node(tmp_path / "source")).side(readonly=True), NOON))
    file = tmp_path / "export"
    file.write_text("\n".join(row.rstrip("\n") for row in change(rows)) + "\n")
    with pytest.raises((StoreFailed, Exception), match=told) as refused:
        Export(str(file))
    assert type(refused.value).__module__ == "podberth.cni.errors"
    assert str(file) in str(refused.value)


def test_an_export_is_one_json_object_a_line(tmp_path: Path) -> None:
    rows = list(lines(filled(Node(tmp_path / "source")).side(readonly=True), NOON))
    found = [json.loads(row) for row in rows]
    assert found[0] == {"podberth": "export", "version": 1, "of": str(tmp_path / "source/podberth.db"), "time": NOON}
    assert [next(iter(each)) for each in found[1:6]] == ["document"] * 5
    assert found[-1]["end"]["addresses"] == len(rows) - 7
