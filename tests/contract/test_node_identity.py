"""Two machines under one node's name, in one cluster: the second is refused, and takes nothing from the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from podberth.cni.errors import Refused, StoreFailed, TryAgainLater
from podberth.cni.value import replace
from podberth.ipam.elsewhere import Fence
from podberth.ipam.lease import Actor
from podberth.ipam.registration import OBJECTION, Proof, Registration
from podberth.kube import resources
from podberth.stores.etcd.store import EtcdCluster
from podberth.stores.identity import FILE, NodeIdentity, registration
from podberth.stores.kubernetes.store import KubernetesCluster
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from tests.contract.clusters import in_etcd, in_kubernetes
from tests.contract.ledgers import PLUGIN, Clock, OnEtcd, addresses, claim, pool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.stores.replica.shared import Cluster

FIRST = Registration(node="n1", machine="m1", boot="b1", key="k1", time=1)
SECOND = Registration(node="n1", machine="m2", boot="b2", key="k2", time=2)


def refusal(cluster: Cluster, mine: Registration, told: Callable[[str], object], *, waited: bool = False) -> str:
    """Return why the machine is not the node, '' if it is."""
    return cluster.prove(mine, told, waited=waited).refusal


@pytest.fixture
def etcd() -> EtcdCluster:
    cluster = in_etcd()
    assert isinstance(cluster, EtcdCluster)
    return cluster


def fence(cluster: EtcdCluster, node: str, *, lifted: bool = False) -> None:
    actor = Actor(who="ops", why="burnt", node="n2")
    assert cluster.elsewhere("n2").fence(Fence(node=node, actor=actor, time=1, lifted=lifted))


def test_a_second_machine_under_a_name_is_refused_with_a_sentence(etcd: EtcdCluster) -> None:
    told: list[str] = []
    assert refusal(etcd, FIRST, told.append) == ""
    assert "machine-id m1, and this one's is m2" in refusal(etcd, SECOND, told.append)
    assert refusal(etcd, FIRST, told.append) == ""
    assert told == []


def test_a_fence_lets_one_other_machine_in_and_the_first_is_refused_from_then_on(etcd: EtcdCluster) -> None:
    told: list[str] = []
    refusal(etcd, FIRST, told.append)
    fence(etcd, "n1")
    assert refusal(etcd, SECOND, told.append) == ""
    assert told == ["node n1, which is fenced, is another machine from now on"]
    assert "machine-id m2, and this one's is m1" in refusal(etcd, FIRST, told.append)
    fence(etcd, "n1", lifted=True)
    assert "machine-id m2" in refusal(etcd, FIRST, told.append)
    assert refusal(etcd, SECOND, told.append) == ""


def test_a_copy_of_a_machine_that_lives_never_is_the_node(etcd: EtcdCluster) -> None:
    told: list[str] = []
    refusal(etcd, FIRST, told.append)
    copy = replace(FIRST, boot="b2")
    pending = etcd.prove(copy, told.append, waited=False)
    assert (pending.pending, "unless a machine of that boot objects" in pending.refusal) == (True, True)
    assert refusal(etcd, FIRST, told.append) == ""
    assert told == ["a copy of node n1, of boot b2, wanted to be it while this machine runs"]
    for waited in (False, True):
        denied = etcd.prove(copy, told.append, waited=waited)
        assert (denied.pending, "one of the two is a copy of the other" in denied.refusal) == (False, True)
    assert refusal(etcd, FIRST, told.append) == ""


def test_after_a_reboot_a_machine_is_the_node_once_nobody_has_objected(etcd: EtcdCluster) -> None:
    refusal(etcd, FIRST, print)
    rebooted = replace(FIRST, boot="b2")
    assert etcd.prove(rebooted, print, waited=False).pending
    assert etcd.prove(rebooted, print, waited=True) == Proof()
    assert "one of the two is a copy of the other" in refusal(etcd, FIRST, print)


def test_of_two_state_directories_of_one_boot_the_earlier_one_stops(etcd: EtcdCluster) -> None:
    refusal(etcd, FIRST, print)
    other = replace(FIRST, key="k2")
    assert refusal(etcd, other, print) == ""
    assert "with another key" in refusal(etcd, FIRST, print)
    assert refusal(etcd, other, print) == ""


def test_of_a_state_directory_and_its_copy_in_one_boot_the_copy_goes_on(etcd: EtcdCluster, tmp_path: Path) -> None:
    for name in ("first", "copy"):
        (tmp_path / name).mkdir()
    first = registration(str(tmp_path / "first"), "n1", "m1", "b1", 1)
    (tmp_path / "copy" / FILE).write_bytes((tmp_path / "first" / FILE).read_bytes())
    copy = registration(str(tmp_path / "copy"), "n1", "m1", "b1", 1)
    told: list[str] = []
    assert refusal(etcd, first, told.append) == ""
    assert refusal(etcd, copy, told.append) == ""
    assert told == ["node n1 is a copy of its state directory from now on; an agent on the former one is refused"]
    assert "two agents on one machine can't be one node" in refusal(etcd, first, told.append)
    assert refusal(etcd, copy, told.append) == ""
    fence(etcd, "n1")
    assert refusal(etcd, first, told.append) == ""
    assert "two agents on one machine" in refusal(etcd, copy, told.append)


def test_a_drained_node_is_known_to_fence(etcd: EtcdCluster) -> None:
    assert etcd.elsewhere("n2").machines("n1") == ()
    refusal(etcd, FIRST, print)
    assert etcd.elsewhere("n2").machines("n1") == etcd.elsewhere("n2").machines() == (FIRST,)


def test_two_names_with_one_machine_id_are_reported(etcd: EtcdCluster) -> None:
    told: list[str] = []
    refusal(etcd, FIRST, told.append)
    assert refusal(etcd, Registration(node="n2", machine="m1", boot="b9", key="k9", time=3), told.append) == ""
    assert told == ["node n2 has the machine-id of n1: m1"]


def test_a_registration_that_can_not_be_read_is_not_taken_for_none(etcd: EtcdCluster) -> None:
    from podberth.stores.etcd.values import Put

    etcd.client.txn((), [Put(key=etcd.keys.node("n1"), value=b'{"machine": 1}')])
    with pytest.raises(StoreFailed, match="the registration of node n1 can't be read"):
        refusal(etcd, FIRST, print)


class Machine:
    """A machine that is a node of the cluster by name: its state directory, its replica, its ledger."""

    def __init__(self, folder: Path, cluster: EtcdCluster, machine: str, boot: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.now = 0.0
        mine = registration(str(folder), "node1", machine, boot, 1)
        self.identity = NodeIdentity(
            lambda waited: cluster.prove(mine, print, waited=waited), "node1", lambda: self.now
        )
        proposer = Proposer(Replica(str(folder)), cluster, "node1", current=True)
        self.ledger = ClusterLedger(proposer, clock=Clock(), identity=self.identity)


@pytest.fixture
def backend(tmp_path: Path) -> OnEtcd:
    made = OnEtcd(tmp_path / "operator")
    made.define(pool("db", "10.20.0.0/24"))
    return made


def test_the_second_machine_neither_binds_nor_ends_the_leases_of_the_first(backend: OnEtcd, tmp_path: Path) -> None:
    assert isinstance(backend.cluster, EtcdCluster)
    first = Machine(tmp_path / "first", backend.cluster, "m1", "b1")
    second = Machine(tmp_path / "second", backend.cluster, "m2", "b2")
    bound = first.ledger.bind(claim("c1"), PLUGIN)
    with pytest.raises(Refused, match="two machines under one name") as refused:
        second.ledger.bind(claim("c2"), PLUGIN)
    assert "podberth fence node1" in refused.value.details
    with pytest.raises(Refused, match="two machines under one name"):
        second.ledger.unbind(claim("c1").attachment, PLUGIN)
    assert second.ledger.unbind(claim("c9").attachment, PLUGIN) == ()  # a DEL with nothing to do succeeds
    assert addresses(first.ledger.leases()) == addresses(bound)
    first.ledger.unbind(claim("c1").attachment, PLUGIN)


def test_a_lost_state_directory_is_registered_again_in_the_same_boot(backend: OnEtcd, tmp_path: Path) -> None:
    assert isinstance(backend.cluster, EtcdCluster)
    Machine(tmp_path / "before", backend.cluster, "m1", "b1").ledger.bind(claim("c1"), PLUGIN)
    after = Machine(tmp_path / "after", backend.cluster, "m1", "b1")
    after.ledger.bind(claim("c2"), PLUGIN)
    rebooted = Machine(tmp_path / "rebooted", backend.cluster, "m1", "b2")
    with pytest.raises(Refused, match="or has lost its state directory and was rebooted"):
        rebooted.ledger.bind(claim("c3"), PLUGIN)


def test_a_rebooted_machine_waits_and_then_has_what_was_its_own(backend: OnEtcd, tmp_path: Path) -> None:
    assert isinstance(backend.cluster, EtcdCluster)
    before = Machine(tmp_path / "state", backend.cluster, "m1", "b1")
    before.ledger.bind(claim("c1"), PLUGIN)
    (tmp_path / "moved").mkdir()
    (tmp_path / "state" / FILE).rename(tmp_path / "moved" / FILE)
    after = Machine(tmp_path / "moved", backend.cluster, "m1", "b2")
    with pytest.raises(TryAgainLater, match="unless a machine of that boot objects within 45 s"):
        after.ledger.bind(claim("c2"), PLUGIN)
    after.now = OBJECTION / 2
    with pytest.raises(TryAgainLater):
        after.ledger.unbind(claim("c1").attachment, PLUGIN)
    after.now = OBJECTION
    after.ledger.bind(claim("c2"), PLUGIN)
    after.ledger.unbind(claim("c1").attachment, PLUGIN)
    before.identity.refresh()
    with pytest.raises(Refused, match="one of the two is a copy of the other"):
        before.ledger.bind(claim("c3"), PLUGIN)


def test_the_key_is_made_once_and_is_for_its_owner_only(tmp_path: Path) -> None:
    made = [registration(str(tmp_path / "state"), "n1", "m1", "b1", time) for time in (1, 2)]
    assert made[0].key == made[1].key
    file = tmp_path / "state" / FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert made[0].key not in file.read_text()
    assert [path.name for path in (tmp_path / "state").iterdir()] == [FILE]


@pytest.fixture
def kubernetes() -> KubernetesCluster:
    cluster = in_kubernetes()
    assert isinstance(cluster, KubernetesCluster)
    return cluster


@pytest.mark.parametrize(
    ("info", "refused"),
    [
        ({"machineID": "m2", "bootID": "b2"}, True),
        ({"machineID": "m1", "bootID": "b2"}, True),
        ({"machineID": "m2", "bootID": "b1"}, False),
        ({"machineID": "", "bootID": "b2"}, False),
    ],
    ids=["another machine", "a copy, or not yet reported", "another machine-id in a container", "not told"],
)
def test_a_machine_that_is_not_the_node_object_is_refused(
    kubernetes: KubernetesCluster, info: dict[str, str], refused: bool
) -> None:
    name = f"n-{uuid4().hex[:8]}"
    mine = Registration(node=name, machine="m1", boot="b1", key="k1")
    assert kubernetes.prove(mine, print, waited=False).absent
    blank = dict.fromkeys(
        ("architecture", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion",
         "operatingSystem", "osImage", "systemUUID"), ""
    )  # fmt: skip
    node: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    kubernetes.client.create(resources.NODES, {**node, "status": {"nodeInfo": {**blank, **info}}})
    proof = kubernetes.prove(mine, print, waited=False)
    assert bool(proof.refusal) is refused
    assert proof.pending is (info["machineID"] == "m1")  # the next report may say another boot
