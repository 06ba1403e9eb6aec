# ruff: noqa: ARG002 - what nobody must call has no use for its arguments
"""A pod that moves between nodes, by what the API server knows: the four cases of docs/identity.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import DiskFull, Refused
from podberth.cni.value import replace
from podberth.ipam.elsewhere import Alone, Fence
from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.stores.kubernetes.elsewhere import KubernetesElsewhere
from podberth.stores.kubernetes.once import OnceNodes
from tests.contract.clusters import clear_kubernetes, in_kubernetes, kube_server
from tests.contract.identity.api import Api
from tests.contract.identity.site import ADDRESS, Machine, Site
from tests.contract.ledgers import NOON, OPERATOR
from tests.servers.operator import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.cni.pod import PodRef
    from podberth.ipam.elsewhere import Verdict
    from podberth.ipam.lease import Lease

BOTH = [ADDRESS, "fd00:20::11"]
OFF = "/run/netns/c1"  # as silent as its node


class Pair:
    """Two nodes; the pod with the UID `first` runs on the first, in the sandbox `c1`."""

    def __init__(self, directory: Path) -> None:
        self.api = Api()
        for name in ("n1", "n2"):
            self.api.node(name)
        self.site = Site(directory, in_kubernetes())
        self.one, self.two = self.site.machine("n1"), self.site.machine("n2")
        self.site.declare(self.one)
        self.first = self.api.pod("n1")
        assert self.one.add("c1", self.first).addresses == BOTH

    @property
    def story(self) -> list[tuple[str, str, str]]:
        return self.site.story(self.two)

    def move(self) -> str:
        """Recreate the pod on the second node; return its UID."""
        self.api.remove_pod()
        return self.api.pod("n2", phase="Pending")

    def told(self, machine: Machine, uid: str) -> list[tuple[str, str]]:
        """Return type and reason of the Events on the pod, once they are posted."""
        _settle(machine)
        return sorted((kind, reason) for kind, reason, _ in self.api.events(uid))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    for machine in (made.one, made.two):
        _settle(machine)
    made.api.close()
    clear_kubernetes()


def _settle(machine: Machine) -> None:
    if isinstance(machine.node.elsewhere, KubernetesElsewhere):
        machine.node.elsewhere.settle()


HELD, MOVED = ("Warning", "AddressHeld"), ("Normal", "AddressMoved")


def test_recreated_on_its_node_it_waits_for_its_own_old_sandbox(pair: Pair) -> None:
    pair.api.remove_pod()
    second = pair.api.pod("n1", phase="Pending")
    refused = pair.one.add("c2", second)
    assert refused.code == 11
    assert "(container c1, interface eth0, node n1): its network namespace is still there" in refused.message
    assert pair.told(pair.one, second) == [HELD]
    pair.one.remove_namespace("c1")
    pair.site.wire.silent.add(OFF)
    assert pair.one.add("c2", second).addresses == BOTH
    assert pair.told(pair.one, second) == [MOVED, HELD]
    assert pair.one.delete("c1", pair.first).code == 0
    assert pair.story == [("Bound", "c1", "n1"), ("Moved", "c2", "n1")]
    assert pair.site.last_why(pair.one) == "ADD: from container c1 on node n1: its network namespace is gone"


def test_elsewhere_it_waits_while_the_old_pod_is_there(pair: Pair) -> None:
    refused = pair.two.add("c2", "no-such-uid")
    assert refused.code == 11
    assert f"node n1): that pod (UID {pair.first}) is still there (Running)" in refused.message
    assert pair.story == [("Bound", "c1", "n1")]


def test_elsewhere_it_waits_until_the_old_node_has_reported_and_nobody_answers(pair: Pair) -> None:
    second = pair.move()
    pair.api.report("n1", -10)
    refused = pair.two.add("c2", second)
    assert refused.code == 11
    assert "node n1 has not reported since that pod was deleted" in refused.message
    assert pair.two.host.probed == []
    pair.api.report("n1", 10)
    refused = pair.two.add("c2", second)
    assert refused.code == 11
    assert f"its pod (UID {pair.first}) has ended, and node n1 is ready and has reported since" in refused.message
    assert "answers for 10.20.0.11 on the wire" in refused.message
    assert pair.story[1:] == [("Moved", "c2", "n2"), ("Conflicted", "c2", "n2"), ("Moved", "c1", "n1")]
    assert pair.told(pair.two, second) == [HELD]
    assert pair.one.delete("c1", pair.first).code == 0
    assert pair.two.add("c2", second).addresses == BOTH
    assert pair.story[4:] == [("Unbound", "c1", "n1"), ("Bound", "c2", "n2")]


def test_elsewhere_it_moves_before_the_old_del_which_then_finds_nothing(pair: Pair) -> None:
    second = pair.move()
    pair.api.report("n1", 10)
    pair.site.wire.silent.add(OFF)
    assert pair.two.add("c2", second).addresses == BOTH
    assert [str(address) for address in pair.two.host.probed] == BOTH
    assert pair.one.delete("c1", pair.first).code == 0
    assert pair.story == [("Bound", "c1", "n1"), ("Moved", "c2", "n2")]
    assert pair.site.wire.where() == "c2"
    assert pair.told(pair.two, second) == [MOVED]
    assert pair.site.last_why(pair.two) == (
        f"ADD: from container c1 on node n1: its pod (UID {pair.first}) has ended, and node n1 is ready and has"
        " reported since"
    )
    assert "AddressMoved" in pair.api.describe()


def test_a_lost_node_keeps_its_addresses_until_it_is_out_of_service(pair: Pair) -> None:
    second = pair.move()
    pair.site.wire.silent.add(OFF)
    pair.api.lose("n1")
    pair.api.report("n1", 10)  # shortly before it was lost: that proves nothing any more
    refused = pair.two.add("c2", second)
    assert refused.code == 11
    assert "node n1 is not ready (NodeStatusUnknown)" in refused.message
    assert "its Node object is deleted or tainted node.kubernetes.io/out-of-service" in refused.message
    assert pair.told(pair.two, second) == [HELD]
    shown = pair.api.describe()
    assert "AddressHeld" in shown
    assert "kubectl taint nodes n1" in shown
    pair.api.taint("n1")
    assert pair.two.add("c2", second).addresses == BOTH
    assert pair.story == [("Bound", "c1", "n1"), ("Moved", "c2", "n2")]
    assert pair.site.last_why(pair.two).endswith(": node n1 is tainted node.kubernetes.io/out-of-service")
    assert pair.told(pair.two, second) == [MOVED, HELD]


def test_a_lost_node_that_comes_back_is_cut_off_from_what_has_moved(pair: Pair) -> None:
    second = pair.move()
    pair.site.wire.silent.add(OFF)
    pair.api.taint("n1")
    pair.two.add("c2", second)
    assert pair.one.start_agent() == ["c1: cut off"]
    pair.site.wire.silent.clear()
    assert (pair.site.wire.where(), pair.site.holder(pair.one)) == ("c2", "c2")


def test_a_node_that_is_deleted_has_nothing_any_more(pair: Pair) -> None:
    second = pair.move()
    pair.site.wire.silent.add(OFF)
    pair.api.lose("n1")
    OnceNodes(pair.api.client, "default").note("n1")
    pair.api.remove_node("n1")
    assert pair.two.add("c2", second).addresses == BOTH
    assert pair.site.last_why(pair.two).endswith(": node n1 is no longer in the cluster")


def test_nodes_that_are_not_called_as_in_kubernetes_prove_nothing(pair: Pair) -> None:
    second = pair.move()
    for name in ("n1", "n2"):
        pair.api.remove_node(name)
    refused = pair.two.add("c2", second)
    assert (refused.code, "neither node n1 nor this node, n2" in refused.message) == (11, True)
    assert pair.two.host.probed == []


def test_a_pod_deleted_by_force_on_a_node_nobody_reaches_is_never_there_twice(pair: Pair) -> None:
    second = pair.move()  # by force: no kubelet had a say
    pair.api.lose("n1")
    for _ in range(2):
        assert pair.two.add("c2", second).code == 11
    assert pair.two.host.probed == []
    pair.api.taint("n1")  # too early: it is still running
    refused = pair.two.add("c2", second)
    assert refused.code == 11
    assert "is tainted node.kubernetes.io/out-of-service, but the host with MAC" in refused.message
    assert (pair.site.wire.where(), pair.site.holder(pair.two)) == ("c1", "c1")
    assert pair.told(pair.two, second) == [HELD]
    pair.site.wire.silent.add(OFF)
    assert pair.two.add("c2", second).addresses == BOTH
    assert [kind for kind, *_ in pair.story] == ["Bound", "Moved", "Conflicted", "Moved", "Moved"]
    assert pair.told(pair.two, second) == [MOVED, HELD]


def test_a_pod_that_was_replaced_gets_nothing(pair: Pair) -> None:
    second = pair.move()
    pair.api.remove_pod()
    third = pair.api.pod("n1", phase="Pending")
    pair.api.report("n1", 10)
    refused = pair.two.add("c2", second)
    assert refused.code == 11
    assert f"another one by now (UID {third}) than the one that asks (UID {second})" in refused.message
    assert pair.site.holder(pair.two) == "c1"


def test_a_pod_that_has_ended_is_dead_as_soon_as_its_object_says_so(pair: Pair) -> None:
    pair.api.phase("Failed")
    pair.site.wire.silent.add(OFF)
    assert pair.two.add("c2", "").addresses == BOTH


class Unasked(Alone):
    """Nobody must ask it anything, or have it tell anything."""

    def judge(self, lease: Lease, pod: PodRef | None) -> Verdict:
        raise AssertionError(lease)

    def tell(self, pod: PodRef, reason: str, message: str) -> None:
        raise AssertionError(message)


def test_on_the_way_of_an_add_that_nobody_holds_up_no_pod_or_node_is_asked_for(pair: Pair) -> None:
    pair.one.delete("c1", pair.first)
    pair.two.node = replace(pair.two.node, elsewhere=Unasked())
    assert pair.two.add("c2", pair.move()).addresses == BOTH


def test_an_event_that_can_not_be_posted_fails_no_add(pair: Pair, capfd: pytest.CaptureFixture[str]) -> None:
    user = kube_server().user("no-events")
    asked = (("", "pods", ("get",)), ("", "nodes", ("get",)), ("coordination.k8s.io", "leases", ("get",)))
    kube_server().allow("no-events", *asked)
    client = Client(load(str(user)), timeout=SECONDS)
    mute = KubernetesElsewhere(client, "n2")
    pair.two.node = replace(pair.two.node, elsewhere=mute)
    second = pair.move()
    assert pair.two.add("c2", second).code == 11
    pair.site.wire.silent.add(OFF)
    pair.api.taint("n1")
    assert pair.two.add("c2", second).addresses == BOTH
    mute.settle()
    client.close()
    assert "events were not posted: Kubernetes API: create events" in capfd.readouterr().err
    assert pair.api.events(second) == []


class Full:
    """A disk without room."""

    held = False

    def keep(self) -> None:
        raise DiskFull("the disk of /var/lib/podberth is full", "make room on it")

    def give_up(self) -> bool:
        return False


def test_a_pod_on_a_node_that_is_not_fit_gets_an_event_with_what_to_do(pair: Pair) -> None:
    pair.one.delete("c1", pair.first)
    second = pair.move()
    pair.two.node = replace(pair.two.node, room=Full())
    assert pair.two.add("c2", second).code == 11
    assert pair.told(pair.two, second) == [("Warning", "NodeUnfit")]
    ((_, _, message),) = pair.api.events(second)
    assert message == "node n2: the disk of /var/lib/podberth is full; make room on it"
    assert "NodeUnfit" in pair.api.describe()
    pair.two.node = replace(pair.two.node, room=None)
    assert pair.two.add("c2", second).addresses == BOTH


def test_a_fence_is_said_to_kubernetes_itself(pair: Pair) -> None:
    elsewhere = pair.two.node.elsewhere
    with pytest.raises(Refused, match="Node object") as refused:
        elsewhere.fence(Fence(node="n1", actor=OPERATOR, time=NOON))
    assert refused.value.details.startswith("kubectl taint nodes n1 node.kubernetes.io/out-of-service=nodeshutdown:")
    assert elsewhere.fences() == ()
