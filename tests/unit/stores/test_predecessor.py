"""Whether a pod on another node is dead, by what the API server says: each answer, and each that is incomplete."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.ipam.lease import Lease
from podberth.stores.kubernetes.predecessor import of_fence, of_pod, of_report

OLD, NEW = PodRef(namespace="bank", name="mysql-0", uid="u1"), PodRef(namespace="bank", name="mysql-0", uid="u2")
LEASE = Lease(
    address=ip_address("10.20.0.11"),
    pool="db",
    attachment=Attachment(network="banknet", container_id="c1", ifname="eth0"),
    pod=OLD,
    netns="/run/netns/c1",
    node="n1",
    since=0,
)
NAMELESS = replace(LEASE, pod=replace(OLD, uid=""))


def pod(uid: str, node: str = "n2", **rest: Any) -> dict[str, Any]:
    metadata = {"uid": uid, "creationTimestamp": "2026-11-25T10:00:00Z", **rest.pop("metadata", {})}
    return {"metadata": metadata, "spec": {"nodeName": node}, "status": {"phase": "Running"}, **rest}


def node(status: str, *taints: str) -> dict[str, Any]:
    ready = {"type": "Ready", "status": status, "reason": "Because"}
    return {
        "spec": {"taints": [{"key": key, "effect": "NoExecute"} for key in taints]},
        "status": {"conditions": [{"type": "MemoryPressure", "status": "False"}, ready]},
    }


def heartbeat(time: str) -> dict[str, Any]:
    return {"spec": {"renewTime": time}}


@pytest.mark.parametrize(
    ("lease", "claimant", "now", "why"),
    [
        (LEASE, NEW, pod("u1", "n1"), "that pod (UID u1) is still there (Running)"),
        (LEASE, NEW, pod("u1", "n1", status={}), "that pod (UID u1) is still there (Pending)"),
        (LEASE, NEW, pod("u1", "n1", metadata={"deletionTimestamp": "2026-11-25T10:00:00Z"}), "is being deleted"),
        (LEASE, NEW, pod("u3"), "another one by now (UID u3) than the one that asks (UID u2)"),
        (NAMELESS, NEW, pod("u1", "n1"), "is still there"),
    ],
)
def test_a_pod_that_is_there_is_waited_for(lease: Lease, claimant: PodRef, now: dict[str, Any], why: str) -> None:
    verdict = of_pod(lease, claimant, now)
    assert verdict is not None
    assert not verdict.dead
    assert why in verdict.why


@pytest.mark.parametrize(
    ("lease", "claimant", "now"),
    [
        (LEASE, NEW, None),
        (LEASE, NEW, pod("u2")),
        (LEASE, replace(NEW, uid=""), pod("u2")),
        (LEASE, None, pod("u2")),
        (LEASE, NEW, pod("u1", "n1", status={"phase": "Failed"})),
        (LEASE, NEW, pod("u1", "n1", status={"phase": "Succeeded"})),
        (NAMELESS, NEW, pod("u2", "n2")),
    ],
)
def test_a_pod_that_is_gone_or_has_ended_leaves_it_to_its_node(
    lease: Lease, claimant: PodRef | None, now: dict[str, Any] | None
) -> None:
    assert of_pod(lease, claimant, now) is None


@pytest.mark.parametrize("found", [None, node("Unknown", "node.kubernetes.io/out-of-service")])
def test_what_was_on_a_fenced_node_is_dead(found: dict[str, Any] | None) -> None:
    verdict = of_fence(LEASE, found)
    assert verdict is not None
    assert verdict.dead
    assert "n1" in verdict.why


@pytest.mark.parametrize(
    "found", [node("False"), node("Unknown", "node.kubernetes.io/unreachable"), {"metadata": {}}, {"spec": {}}]
)
def test_a_node_that_is_not_ready_is_waited_for_and_both_ways_out_are_named(found: dict[str, Any]) -> None:
    verdict = of_fence(LEASE, found)
    assert verdict is not None
    assert not verdict.dead
    assert "Node object is deleted or tainted node.kubernetes.io/out-of-service" in verdict.advice


def test_a_ready_node_leaves_it_to_its_heartbeat() -> None:
    assert of_fence(LEASE, node("True")) is None


@pytest.mark.parametrize(
    ("report", "dead"),
    [
        (heartbeat("2026-11-25T10:00:01.000001Z"), True),
        (heartbeat("2026-11-25T12:00:01.500000+02:00"), True),
        (heartbeat("2026-11-25T10:00:01.000000Z"), False),
        (heartbeat("2026-11-25T09:59:55.000000Z"), False),
        ({"spec": {}}, False),
        (None, False),
    ],
)
def test_only_a_heartbeat_after_the_successor_was_made_proves_something(
    report: dict[str, Any] | None, dead: bool
) -> None:
    assert of_report(LEASE, pod("u2"), report).dead is dead


def test_without_a_successor_no_heartbeat_proves_anything() -> None:
    assert not of_report(LEASE, None, heartbeat("2026-11-25T10:00:10Z")).dead


def test_a_pod_whose_own_object_says_that_it_has_ended_needs_no_heartbeat() -> None:
    assert of_report(LEASE, pod("u1", "n1", status={"phase": "Failed"}), None).dead
