"""Which leases of absent pods may end, step by step in the controller's own time."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.controller.facts import Facts, Node, Pod, read_node, read_pod
from podberth.controller.gone import absences, is_over, releasable
from podberth.ipam.lease import Lease
from podberth.ipam.moment import Moment, Uptime

GRACE = 60
READY, SILENT = Node(ready=True, fenced=False), Node(ready=False, fenced=False)
FENCED = Node(ready=False, fenced=True)
LEASE = Lease(
    address=ip_address("10.20.0.11"),
    pool="db",
    attachment=Attachment(network="banknet", container_id="c1", ifname="eth0"),
    pod=PodRef(namespace="db", name="a", uid="u1"),
    netns="/run/netns/c1",
    node="n1",
    since=1000,
)
KEY = ("db", "a")


def facts(*uids: str, node: Node | None = READY) -> Facts:
    pods = {KEY: Pod(uids=frozenset(uids))} if uids else {}
    return Facts(pods=pods, nodes={} if node is None else {"n1": node})


def at(uptime: int, *, clock: int = 10**6, ahead: int = 0) -> Moment:
    return Moment(time=clock, uptime=Uptime(boot="b", ns=uptime), ahead=ahead)


def test_a_pod_that_is_there_is_not_absent() -> None:
    assert absences([LEASE], facts("u1"), {}, 5000) == {}
    assert absences([LEASE], facts("mirror", "u1"), {}, 5000) == {}


def test_another_pod_of_the_name_is_not_the_one() -> None:
    assert absences([LEASE], facts("u2"), {}, 5000) == {LEASE: 5000}


def test_absence_counts_from_when_it_was_first_seen_and_anew_if_the_pod_was_back() -> None:
    first = absences([LEASE], facts(), {}, 5000)
    assert absences([LEASE], facts(), first, 6000) == {LEASE: 5000}
    assert absences([LEASE], facts(), absences([LEASE], facts("u1"), first, 5500), 6000) == {LEASE: 6000}
    moved = replace(LEASE, since=5900)
    assert absences([moved], facts(), first, 6000) == {moved: 6000}


@pytest.mark.parametrize("pod", [None, replace(LEASE.pod or PodRef(namespace="", name=""), uid="")])
def test_what_no_kubelet_has_started_is_never_absent(pod: PodRef | None) -> None:
    assert absences([replace(LEASE, pod=pod)], facts(), {}, 5000) == {}


@pytest.mark.parametrize(
    ("node", "absent", "over"),
    [
        (READY, GRACE - 1, False),
        (READY, GRACE, True),
        (SILENT, 10 * GRACE, False),
        (FENCED, 0, True),
        (None, 0, True),
    ],
)
def test_the_node_says_when_it_is_over(node: Node | None, absent: int, over: bool) -> None:
    assert is_over(node, absent, GRACE) is over
    assert releasable({LEASE: 5000}, facts(node=node), at(5000 + absent), GRACE) == ((LEASE,) if over else ())


def test_a_young_lease_is_left_alone_whatever_its_node() -> None:
    for ahead in (0, 500):
        now = at(1000, clock=LEASE.since + GRACE - 1 + ahead, ahead=ahead)
        assert releasable({LEASE: 1000}, facts(node=None), now, GRACE) == ()


@pytest.mark.parametrize("clock", [0, 5000, 10**19])
def test_a_clock_that_is_set_ends_no_grace(clock: int) -> None:
    assert releasable({LEASE: 5000}, facts(), at(5000 + GRACE - 1, clock=clock), GRACE) == ()


def test_a_static_pod_is_known_by_its_file_too() -> None:
    annotations = {"kubernetes.io/config.mirror": "hash", "kubernetes.io/config.hash": "hash"}
    assert read_pod({"metadata": {"uid": "u", "annotations": annotations}}).uids == {"u", "hash"}
    assert read_pod({"metadata": {"uid": "u"}}).uids == {"u"}


def test_a_node_is_ready_only_if_it_says_so() -> None:
    def node(status: str, *taints: str) -> Node:
        conditions = [{"type": "Ready", "status": status}]
        return read_node({"spec": {"taints": [{"key": key} for key in taints]}, "status": {"conditions": conditions}})

    assert node("True") == READY
    assert node("Unknown") == SILENT
    assert node("False", "node.kubernetes.io/unreachable") == SILENT
    assert node("Unknown", "node.kubernetes.io/out-of-service") == FENCED
    assert read_node({}) == SILENT
