"""A cluster's ledger has a minimum version: what needs a later one is refused, and an older podberth writes nothing."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import Refused, StoreFailed
from podberth.ipam.elsewhere import Fence
from podberth.ipam.lease import Correction
from podberth.ipam.registration import Registration
from podberth.ipam.versions import HERE, Feature, Minimum
from podberth.policy import yamlfiles
from podberth.policy.documents import parse_documents
from podberth.stores.etcd.store import EtcdCluster
from podberth.stores.kubernetes.store import KubernetesCluster
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.replica.shared import Outgrown
from podberth.stores.replica.undelivered import JournalledLedger, Undelivered
from podberth.stores.replica.versions import OlderSeen, upgrade
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.clusters import have_node, in_etcd, in_kubernetes
from tests.contract.ledgers import OPERATOR, PLUGIN, Clock, attachment, claim
from tests.contract.memory_cluster import MemoryCluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.policy.documents import Document
    from podberth.stores.replica.shared import Cluster

POOL = """
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.77.0.0/24, gateway: 10.77.0.%s, ranges: [10.77.0.10-10.77.0.200]}]
"""
CORRECTION = Correction(first=1, last=9, node="", ahead=1)
STORES: list[Callable[[], Cluster]] = [MemoryCluster, in_etcd, in_kubernetes]


@pytest.fixture(params=STORES, ids=["memory", "etcd", "kubernetes"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    made: Cluster = request.param()
    return made


def proposer(cluster: Cluster, folder: Path, clock: Clock) -> Proposer:
    folder.mkdir(parents=True, exist_ok=True)
    found = Proposer(Replica(str(folder)), cluster, "node1", current=True)
    found.replica.clock = clock
    return found


def agent(cluster: Cluster, node: str, version: str) -> None:
    """Have the node's agent say its version."""
    if isinstance(cluster, KubernetesCluster):
        have_node(node)
    registered = Registration(node=node, machine="", boot="b", key=node, version=version)
    assert cluster.prove(registered, lambda _: None, waited=False).refusal == ""


def ledger_of(cluster: Cluster, folder: Path) -> tuple[ClusterLedger, Proposer]:
    """Return a ledger with a pool and one lease of node1, by this release."""
    clock = Clock()
    found = proposer(cluster, folder, clock)
    ledger = ClusterLedger(found, clock=clock)
    ClusterPolicies(found).apply(documents(1), OPERATOR, source="test")
    ledger.bind(claim("web-0"), PLUGIN)
    return ledger, found


def documents(gateway: int) -> tuple[Document, ...]:
    return parse_documents(yamlfiles.load(io.BytesIO((POOL % gateway).encode()), "test"), "test")


def test_what_an_older_agent_would_misread_is_refused_until_the_ledger_is_upgraded(
    cluster: Cluster, tmp_path: Path
) -> None:
    ledger, found = ledger_of(cluster, tmp_path)
    assert not ledger.allows(Feature.CORRECTIONS)
    with pytest.raises(Refused, match=r"this ledger is for podberth 0.1.0 and later.*needs 0.2.0"):
        ledger.corrected(CORRECTION, OPERATOR)
    assert "Corrected" not in [event.kind for event in ledger.history()]
    agent(cluster, "node1", HERE)
    assert upgrade(found, HERE).version == HERE
    assert ledger.allows(Feature.CORRECTIONS)
    assert len(ledger.corrected(CORRECTION, OPERATOR)) == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("allow: [{namespaces: [bank], macs: ['02:aa']}]", "a pool's rule with `macs`"),
        ("affinity: {nodeSelector: {matchLabels: {zone: a}}}", "a pool's `affinity`"),
        ("gatewayCheck: {}", "a pool's `gatewayCheck`"),
        ("madeFor: {pool: up, namespace: db, podNetwork: x}", "a pool of an application"),
    ],
    ids=["a rule with macs", "affinity", "gatewayCheck", "madeFor"],
)
def test_a_pool_that_older_agents_can_not_read_is_refused_until_then(
    cluster: Cluster, tmp_path: Path, said: str, why: str
) -> None:
    _, found = ledger_of(cluster, tmp_path)
    text = POOL % 1 + f"  {said}\n"
    newer = parse_documents(yamlfiles.load(io.BytesIO(text.encode()), "test"), "test")
    with pytest.raises(Refused, match=why):
        ClusterPolicies(found).apply(newer, OPERATOR, source="test")
    agent(cluster, "node1", HERE)
    upgrade(found, HERE)
    assert ClusterPolicies(found).apply(newer, OPERATOR, source="test").changed == ("Pool db",)


def test_a_new_podnetwork_with_pools_waits_too_since_an_older_agent_takes_its_pod_for_undeclared(
    cluster: Cluster, tmp_path: Path
) -> None:
    _, found = ledger_of(cluster, tmp_path)
    text = (
        "{apiVersion: podberth.io/v1alpha1, kind: PodNetwork, metadata: {namespace: db, name: mysql-0},"
        " spec: {pod: mysql-0, attachments: [{pools: [db]}]}}"
    )
    newer = parse_documents(yamlfiles.load(io.BytesIO(text.encode()), "test"), "test")
    with pytest.raises(Refused, match="a PodNetwork with `pools`"):
        ClusterPolicies(found).apply(newer, OPERATOR, source="other")
    agent(cluster, "node1", HERE)
    upgrade(found, HERE)
    made = ClusterPolicies(found).apply(newer, OPERATOR, source="other")
    assert made.created == ("PodNetwork db/mysql-0",)


def test_another_process_that_has_the_ledger_open_hears_of_the_upgrade(cluster: Cluster, tmp_path: Path) -> None:
    _, found = ledger_of(cluster, tmp_path / "one")
    other = proposer(cluster, tmp_path / "two", Clock())
    other.catch_up()
    agent(cluster, "node1", HERE)
    upgrade(found, HERE)
    assert len(ClusterLedger(other, clock=Clock()).corrected(CORRECTION, OPERATOR)) == 1


@pytest.mark.parametrize("version", ["", "0.1.5"])
def test_an_upgrade_is_refused_while_an_agent_says_an_older_version_or_none(
    cluster: Cluster, tmp_path: Path, version: str
) -> None:
    _, found = ledger_of(cluster, tmp_path)
    if version or not isinstance(cluster, KubernetesCluster):  # there nothing is written without a version
        agent(cluster, "node1", version)
    with pytest.raises(OlderSeen, match="node node1: ") as refused:
        upgrade(found, HERE)
    assert [one.node for one in refused.value.found] == ["node1"]
    assert cluster.minimum() == Minimum()
    assert upgrade(found, HERE, without=["node1"]).version == HERE


def test_an_upgrade_is_done_once_and_never_lowers(cluster: Cluster, tmp_path: Path) -> None:
    _, found = ledger_of(cluster, tmp_path)
    agent(cluster, "node1", HERE)
    first = upgrade(found, HERE)
    assert upgrade(found, HERE) == upgrade(found, "0.1.0") == first
    assert not cluster.demand("0.1.0", Minimum())


def test_a_podberth_that_is_older_than_the_minimum_reads_and_does_not_write(cluster: Cluster, tmp_path: Path) -> None:
    ledger, _ = ledger_of(cluster, tmp_path)
    assert cluster.demand("99.0.0", Minimum())
    with pytest.raises(Outgrown, match=f"for podberth 99.0.0 and later, and this is {HERE}"):
        ledger.bind(claim("web-1"), PLUGIN)
    with pytest.raises(Outgrown):
        ledger.unbind(attachment("c-web-0"), PLUGIN)
    assert [str(lease.pod) for lease in ledger.leases()] == ["db/web-0"]
    assert len(tuple(ledger.history())) == 1


def test_a_del_of_an_outgrown_agent_is_answered_and_told_by_a_later_one(cluster: Cluster, tmp_path: Path) -> None:
    ledger, found = ledger_of(cluster, tmp_path)
    cluster.demand("99.0.0", Minimum())
    last_known = SqliteLedger(found.replica.database, clock=Clock())
    journalled = JournalledLedger(ledger, last_known, Undelivered(str(tmp_path)), lambda: "", binding=False)
    assert len(journalled.unbind(attachment("c-web-0"), PLUGIN)) == 1
    assert [entry["do"] for _, entry in Undelivered(str(tmp_path)).entries()] == ["unbind"]


def test_a_step_in_etcd_relies_on_the_minimum_version_that_its_writer_knows(tmp_path: Path) -> None:
    cluster = in_etcd()
    ledger_of(cluster, tmp_path / "one")
    follower = proposer(cluster, tmp_path / "two", Clock())
    follower.catch_up()
    follower.current = False  # it follows a feed, which has not told it yet
    cluster.demand("99.0.0", Minimum())
    with pytest.raises(Outgrown):
        ClusterLedger(follower, clock=Clock()).bind(claim("web-1"), PLUGIN)


@pytest.mark.parametrize("value", [b"", b"{}", b"podberth", b"podberth x or later", b"\xff"])
def test_a_minimum_version_in_etcd_that_can_not_be_read_lets_nobody_write(tmp_path: Path, value: bytes) -> None:
    cluster = in_etcd()
    assert isinstance(cluster, EtcdCluster)
    ledger, _ = ledger_of(cluster, tmp_path)
    cluster.client.put(cluster.keys.minimum, value)
    with pytest.raises(StoreFailed, match="the ledger's minimum version: expected a version"):
        ledger.bind(claim("web-1"), PLUGIN)
    assert len(ledger.leases()) == 1


def test_a_fenced_node_holds_up_no_upgrade(tmp_path: Path) -> None:
    cluster = in_etcd()
    _, found = ledger_of(cluster, tmp_path)
    cluster.elsewhere("n2").fence(Fence(node="node1", actor=OPERATOR, time=1, lifted=False))
    assert upgrade(found, HERE).version == HERE
