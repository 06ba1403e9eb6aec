"""Machines that are no Nodes, on a ledger in the Kubernetes API; and Nodes that are deleted and made again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import Refused, TryAgainLater
from podberth.cni.value import replace
from podberth.controller.effects import Effects
from podberth.ipam.elsewhere import Fence
from podberth.ipam.lease import Correction
from podberth.ipam.registration import Proof, Registration
from podberth.kube.events import Recorder
from podberth.kube.resources import ADDRESS_LEASES, LEASES, NODES
from podberth.stores.chosen import chosen
from podberth.stores.identity import SEEN, NodeIdentity
from podberth.stores.kubernetes import notes
from podberth.stores.kubernetes.elsewhere import KubernetesElsewhere
from podberth.stores.kubernetes.machines import LABEL, REGISTRATION, Machines
from podberth.stores.kubernetes.objects import MACHINE, NODE, machine_name
from podberth.stores.kubernetes.once import OnceNodes
from podberth.stores.kubernetes.store import KubernetesCluster
from podberth.stores.member import Member, require_node
from tests.contract.clusters import clear_kubernetes, in_kubernetes, kube_server
from tests.contract.identity.api import Api
from tests.contract.identity.site import Site
from tests.contract.ledgers import NOON, OPERATOR, claim
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VM = Registration(node="vm_1", machine="m1", boot="b1", key="k1", time=1)


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()
    clear_kubernetes()


def cluster(*, alone: bool) -> KubernetesCluster:
    made = in_kubernetes(alone=alone)
    assert isinstance(made, KubernetesCluster)
    return made


def state(tmp_path: Path, node: str, nodes: str = "required", kubeconfig: str = "") -> Path:
    folder = tmp_path / node
    folder.mkdir()
    about = {"kubeconfig": kubeconfig or str(kube_server().kubeconfig), "namespace": "default", "nodes": nodes}
    (folder / "store.json").write_text(json.dumps({"store": "kubernetes", "node": node, "kubernetes": about}))
    return folder


def agent(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "podberth.cli.main", "--state", str(folder), "agent"]
    return subprocess.Popen([*command, "--socket", str(folder / "agent.sock")], stderr=subprocess.PIPE, text=True)


def test_an_agent_on_a_machine_that_is_no_node_ends_and_says_what_to_do(api: Api, tmp_path: Path) -> None:
    folder = state(tmp_path, "typo")
    process = agent(folder)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "error: node typo is no Node of the cluster" in said
    assert "podberth store use kubernetes --node NAME" in said
    assert "--nodes none" in said
    api.node("typo")
    require_node(str(folder))


def test_a_file_that_can_not_be_read_is_no_word_about_nodes(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text("{")
    require_node(str(tmp_path))
    require_node(str(state(tmp_path, "typo", kubeconfig=str(tmp_path / "none"))))


def test_an_agent_starts_while_the_api_does_not_answer(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(kube_server().kubeconfig.read_text().replace(str(kube_server().port), "1"))
    process = agent(state(tmp_path, "typo", kubeconfig=str(file)))
    try:
        assert process.stderr is not None
        until(lambda: '"serving"' in process.stderr.readline(), "it does not serve")  # type: ignore[union-attr]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def joined(folder: Path) -> Member:
    return Member(str(folder), chosen(str(folder)), staying=False, machine=("m1", "b1"))


@pytest.fixture
def declared(tmp_path: Path) -> None:
    """A pool, and a pod's network; some machine has declared them."""
    site = Site(tmp_path / "operator", cluster(alone=False))
    site.directory.mkdir()
    site.declare(site.machine("operator"))


def test_a_node_that_is_deleted_keeps_what_runs_and_lets_it_go_and_binds_nothing_new(
    api: Api, tmp_path: Path, declared: None
) -> None:
    api.node("n7")
    folder = state(tmp_path, "n7")
    member = joined(folder)
    mine = replace(OPERATOR, node="n7")
    (first,) = member.ledger.bind(claim("c1"), mine)
    member.ledger.bind(claim("c2"), mine)
    api.remove_node("n7")
    member.identity.refresh()
    assert [lease.node for lease in member.ledger.leases()] == ["n7", "n7"]
    with pytest.raises(TryAgainLater, match="node n7 is no Node of the cluster any more") as waits:
        member.ledger.bind(claim("c3"), OPERATOR)
    assert "a kubelet makes its Node when it starts" in waits.value.details
    assert member.ledger.unbind(claim("c1").attachment, OPERATOR) == (first,)
    member.close()
    require_node(str(folder))  # an agent that starts now looks after what runs
    after = joined(folder)
    assert len(after.ledger.unbind(claim("c2").attachment, OPERATOR)) == 1
    with pytest.raises(TryAgainLater):
        after.ledger.bind(claim("c3"), OPERATOR)
    api.node("n7")
    after.ledger.bind(claim("c3"), OPERATOR)  # at once: the store is asked as long as it waits
    after.close()


def test_a_name_that_never_was_a_nodes_binds_nothing_and_lets_go_of_what_it_has(
    api: Api, tmp_path: Path, declared: None
) -> None:
    api.node("typo")
    folder = state(tmp_path, "typo")
    member = joined(folder)
    member.ledger.bind(claim("c1"), OPERATOR)
    member.close()
    api.remove_node("typo")
    (folder / SEEN).unlink()  # as a node of release 0.1.0, which bound under any name
    with pytest.raises(Refused, match="typo is no Node of the cluster: others would take its pods for gone") as refused:
        require_node(str(folder))
    assert "--nodes none" in refused.value.details
    member = joined(folder)
    with pytest.raises(Refused, match="is no Node of the cluster"):
        member.ledger.bind(claim("c2"), OPERATOR)
    assert len(member.ledger.unbind(claim("c1").attachment, OPERATOR)) == 1
    member.close()


def test_another_machine_that_is_the_node_by_now_ends_what_the_first_may(api: Api, tmp_path: Path) -> None:
    answers = [Proof(), Proof(refusal="gone", absent=True), Proof(refusal="another machine")]
    identity = NodeIdentity(lambda _: answers.pop(0), "n1")
    identity.require()
    identity.refresh()
    identity.require_no_other()
    seen = [identity.foreign]
    identity.refresh()
    seen.append(identity.foreign)
    assert seen == [False, True]
    with pytest.raises(Refused, match="another machine"):
        identity.require_no_other()


def test_a_machine_that_is_no_node_registers_and_a_second_one_is_refused(api: Api) -> None:
    made = cluster(alone=True)
    assert made.prove(VM, print, waited=False).refusal == ""
    second = replace(VM, machine="m2", boot="b2", key="k2")
    assert "machine-id m1, and this one's is m2" in made.prove(second, print, waited=False).refusal
    (lease,) = api.client.list(LEASES, "default", labels="podberth.io/machine=true").items
    assert lease["metadata"]["name"] == machine_name("vm_1")
    assert made.elsewhere("other").machines() == (VM,)


def test_a_node_object_of_the_name_that_is_another_machine_refuses_it(api: Api) -> None:
    made = cluster(alone=True)
    api.node("vm_1".replace("_", "-"))
    info = {"machineID": "m9", "bootID": "b9"}
    blank = dict.fromkeys(
        ("architecture", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion",
         "operatingSystem", "osImage", "systemUUID"), ""
    )  # fmt: skip
    api.client.merge_patch(NODES, "vm-1", {"status": {"nodeInfo": {**blank, **info}}}, subresource="status")
    assert "is the machine with machine-id m9" in made.prove(replace(VM, node="vm-1"), print, waited=False).refusal


class Ledger:
    """A lease of a pod on the machine vm_1, as others see it."""

    def __init__(self, tmp_path: Path, *, alone: bool) -> None:
        self.cluster = cluster(alone=alone)
        self.site = Site(tmp_path, self.cluster)
        self.one, self.two = self.site.machine("vm_1"), self.site.machine("n2")
        self.site.declare(self.one)
        assert self.one.add("c1", "u1").code == 0


@pytest.mark.parametrize("alone", [True, False], ids=["by another machine", "by a Node"])
def test_a_fence_alone_says_that_a_machine_is_dead(api: Api, tmp_path: Path, alone: bool) -> None:
    api.node("n2")
    of = Ledger(tmp_path, alone=alone)
    machines = Machines(api.client, "default")
    assert machines.prove(VM, print, waited=False).refusal == ""
    api.pod("n2", phase="Pending")
    elsewhere = of.two.node.elsewhere
    (lease, *_) = of.two.node.ledger.leases()
    verdict = elsewhere.judge(lease, None)
    assert (verdict.dead, "podberth fence vm_1" in verdict.advice) == (False, True)
    assert elsewhere.fence(Fence(node="vm_1", actor=OPERATOR, time=NOON))
    assert not elsewhere.fence(Fence(node="vm_1", actor=OPERATOR, time=NOON))
    verdict = elsewhere.judge(lease, None)
    assert (verdict.dead, "machine vm_1 is fenced by" in verdict.why) == (True, True)
    assert elsewhere.fence(Fence(node="vm_1", actor=OPERATOR, time=NOON, lifted=True))
    assert not elsewhere.judge(lease, None).dead


def test_a_machine_takes_no_name_for_gone_that_is_no_nodes(api: Api, tmp_path: Path) -> None:
    api.node("n2")
    lease = Ledger(tmp_path, alone=False).two.node.ledger.leases()[0]
    OnceNodes(api.client, "default").note("vm_1")
    verdicts = [
        KubernetesElsewhere(api.client, "n2", "default", alone=alone).judge(lease, None) for alone in (True, False)
    ]
    assert [verdict.dead for verdict in verdicts] == [False, True]  # for a Node a deleted one: 020


def test_a_node_is_fenced_in_its_own_object(api: Api, tmp_path: Path) -> None:
    api.node("n1")
    elsewhere = cluster(alone=True).elsewhere("vm_1")
    with pytest.raises(Refused, match="fenced in its Node object"):
        elsewhere.require_fenceable("n1")
    with pytest.raises(Refused, match="fenced in its Node object"):
        elsewhere.fence(Fence(node="n1", actor=OPERATOR, time=NOON))
    elsewhere.require_fenceable("vm_2")


def test_the_controller_ends_no_lease_of_a_machine_that_is_not_fenced(api: Api, tmp_path: Path) -> None:
    of = Ledger(tmp_path, alone=True)
    machines = Machines(api.client, "default")
    machines.prove(VM, print, waited=False)
    effects = Effects(api.client, of.two.proposer, Recorder(api.client, "test", "n2"), "test", "default")
    leases = of.two.node.ledger.leases()
    assert [effects.release(lease, 10**18, 1) for lease in leases] == [False] * len(leases)
    machines.fence(Fence(node="vm_1", actor=OPERATOR, time=NOON))
    assert all(effects.release(lease, 10**18, 1) for lease in leases)
    assert of.two.node.ledger.leases() == ()


def ended(of: Ledger, api: Api) -> list[bool]:
    """Return what a controller makes of the addresses whose pod is gone for long."""
    effects = Effects(api.client, of.two.proposer, Recorder(api.client, "test", "n2"), "test", "default")
    return [effects.release(lease, 10**18, 1) for lease in of.two.node.ledger.leases()]


def test_a_machine_whose_lease_is_deleted_is_registered_as_before(api: Api, tmp_path: Path) -> None:
    of = Ledger(tmp_path, alone=True)
    machines = Machines(api.client, "default")
    machines.prove(VM, print, waited=False)
    api.client.delete(LEASES, machine_name("vm_1"), "default")
    second = replace(VM, machine="m2", boot="b2", key="k2")
    assert "machine-id m1, and this one's is m2" in machines.prove(second, print, waited=False).refusal
    machines.fence(Fence(node="vm_1", actor=OPERATOR, time=NOON))
    assert all(ended(of, api))


@pytest.mark.parametrize("moved", [False, True], ids=["bound", "reserved meanwhile by others"])
def test_a_machine_of_which_no_lease_tells_is_dead_by_a_fence_alone(api: Api, tmp_path: Path, *, moved: bool) -> None:
    """The Lease is lost with its finalizer: by hand, or by a restore that brought the addresses alone."""
    api.node("n2")
    of = Ledger(tmp_path, alone=True)
    leases = of.two.node.ledger.leases()
    if moved:  # others write the addresses' objects, and leave there who has them
        other = Site(tmp_path / "other", KubernetesCluster(api.client, "default", "n2"))
        other.directory.mkdir()
        node = other.machine("n2").node
        node.ledger.corrected(Correction(first=1, last=9, node="vm_1", ahead=1), replace(OPERATOR, node="n2"))
    by_a_node = KubernetesElsewhere(api.client, "n2", "default")
    assert [by_a_node.judge(lease, None).dead for lease in leases] == [False, False]
    assert "podberth fence vm_1" in by_a_node.judge(leases[0], None).advice
    assert ended(of, api) == [False, False]
    assert by_a_node.fence(Fence(node="vm_1", actor=OPERATOR, time=NOON))
    assert [by_a_node.judge(lease, None).dead for lease in leases] == [True, True]
    assert ended(of, api) == [True, True]


def test_an_address_that_a_node_has_from_a_machine_is_no_machines_any_more(api: Api, tmp_path: Path) -> None:
    api.node("n2")
    of = Ledger(tmp_path, alone=True)
    of.one.delete("c1", "u1")
    uid = api.pod("n2", phase="Pending")
    site = Site(tmp_path / "nodes", KubernetesCluster(api.client, "default", "n2"))
    site.directory.mkdir()
    node = site.machine("n2")
    assert node.add("c2", uid).code == 0
    assert site.cluster.prove(replace(VM, node="n2", version="0.2.0"), print, waited=False).refusal == ""
    api.remove_pod()
    api.remove_node("n2")
    api.node("n3")
    judge = KubernetesElsewhere(api.client, "n3", "default").judge
    assert [judge(lease, None).dead for lease in node.node.ledger.leases()] == [True, True]  # the Node is deleted: 020


def test_a_lease_of_somebody_else_is_no_machine_whatever_its_label_says(api: Api) -> None:
    machines = Machines(api.client, "default")
    before = machines.every()
    note = notes.new("default", "of-somebody-else", {REGISTRATION: "{", NODE: "node-x"}, {LABEL: "true"})
    api.client.create(LEASES, note, "default")
    assert machines.every() == before


def test_a_name_that_nobody_knows_as_a_nodes_is_not_gone(api: Api, tmp_path: Path) -> None:
    """As after a migration into this store: its agent has not started here yet."""
    api.node("n2")
    of = Ledger(tmp_path, alone=False)
    lease = of.two.node.ledger.leases()[0]
    judge = KubernetesElsewhere(api.client, "n2", "default").judge
    assert (judge(lease, None).dead, "podberth fence vm_1" in judge(lease, None).advice) == (False, True)
    assert ended(of, api) == [False, False]
    assert of.cluster.prove(replace(VM, version="0.2.0"), print, waited=False).absent
    assert not judge(lease, None).dead  # its agent was here, and was refused
    assert of.two.node.elsewhere.fence(Fence(node="vm_1", actor=OPERATOR, time=NOON))
    assert judge(lease, None).dead
    assert ended(of, api) == [True, True]


def test_a_node_whose_agent_was_here_is_gone_with_its_object_and_no_other_is(api: Api, tmp_path: Path) -> None:
    for name in ("n2", "n4"):
        api.node(name)
    of = Ledger(tmp_path, alone=False)
    lease = replace(of.two.node.ledger.leases()[0], node="n4")
    for name in ("n4", "n2"):
        of.cluster.prove(replace(VM, node=name, version="0.2.0" if name == "n4" else ""), print, waited=False)
    judge = KubernetesElsewhere(api.client, "n2", "default").judge
    assert not judge(lease, None).dead
    api.remove_node("n4")
    assert judge(lease, None).dead
    assert [judge(replace(lease, node=name), None).dead for name in ("n4x", "vm_1", "N4")] == [False] * 3


@pytest.mark.parametrize("registered", [True, False])
def test_an_address_that_a_node_gives_back_to_a_machine_is_the_machines(
    api: Api, tmp_path: Path, *, registered: bool
) -> None:
    api.node("n2")
    of = Ledger(tmp_path, alone=True)
    machines = Machines(api.client, "default")
    if registered:
        machines.prove(VM, print, waited=False)
    machines.fence(Fence(node="vm_1", actor=OPERATOR, time=NOON))
    uid = api.pod("n2", phase="Pending")
    site = Site(tmp_path / "nodes", KubernetesCluster(api.client, "default", "n2"), of.site.wire)
    site.directory.mkdir()
    two = site.machine("n2")
    assert two.add("c2", uid).code == 11  # the wire answers: it goes back to the machine
    assert {lease.node for lease in two.node.ledger.leases()} == {"vm_1"}
    said = [each["metadata"]["labels"].get(MACHINE) for each in api.client.list(ADDRESS_LEASES).items]
    assert said == [machine_name("vm_1")] * 2
