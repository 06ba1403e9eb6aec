"""A claim's link on its way: prepared, carried into a pod, out of it, into the next, and gone."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import CniError
from podberth.dra.devices import Shared, devices
from podberth.linux import holding
from podberth.verbs.bring import bring, rebased
from tests.netns.dra.driving import Driven
from tests.netns.kubelet import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.net.step import Drift

POOLS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: trade}
spec:
  subnets:
  - {subnet: 10.70.0.0/24, hold: [10.70.0.2-10.70.0.99]}
  - {subnet: "fd00:70::/64"}
  routes: [{dst: 10.90.0.0/16, gw: 10.70.0.254}]
  mtu: 1400
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: db-0}
spec:
  pod: db-0
  attachments:
  - {ifname: net1, pool: trade, addresses: [10.70.0.11, "fd00:70::11"], rates: {egress: 50, ingress: 20}}
"""


@pytest.fixture
def parent() -> Iterator[str]:
    name = f"u{uuid.uuid4().hex[:6]}"
    run("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}p")
    for each in (name, f"{name}p"):
        run("ip", "link", "set", each, "up")
    yield name
    run("ip", "link", "delete", name)


@pytest.fixture(params=["bridge", "macvlan"])
def driven(request: pytest.FixtureRequest, tmp_path: Path, parent: str) -> Iterator[Driven]:
    kind = str(request.param)
    link = f"b{parent}" if kind == "bridge" else parent
    offered = devices((), (Shared(kind=kind, link=link, places=2),))
    made = Driven(tmp_path, POOLS, lambda: offered)
    yield made
    made.kept.close()


@pytest.fixture
def pod() -> Iterator[str]:
    name = f"pod-{uuid.uuid4().hex[:8]}"
    run("ip", "netns", "add", name)
    yield f"/var/run/netns/{name}"
    run("ip", "netns", "delete", name)


@pytest.fixture
def other() -> Iterator[str]:
    name = f"pod-{uuid.uuid4().hex[:8]}"
    run("ip", "netns", "add", name)
    yield f"/var/run/netns/{name}"
    run("ip", "netns", "delete", name)


def claimed(driven: Driven) -> str:
    return driven.claim("db-0", next(iter(driven.parts.devices())))


def inside(netns: str, *argv: str) -> str:
    return run("nsenter", f"--net={netns}", *argv)


def link(netns: str) -> dict[str, Any]:
    (found,) = json.loads(inside(netns, "ip", "-json", "address", "show", "net1"))
    return dict(found)


def drifts(driven: Driven, uid: str) -> list[Drift]:
    with driven.node() as node:
        return [drift for each in driven.record(uid).steps for drift in node.host.check(each)]


def has_all(netns: str) -> bool:
    shown = link(netns)
    addresses = {each["local"] for each in shown["addr_info"] if each["scope"] == "global"}
    routes = inside(netns, "ip", "route")
    return (
        addresses == {"10.70.0.11", "fd00:70::11"}
        and "10.90.0.0/16 via 10.70.0.254" in routes
        and shown["mtu"] == 1400
        and "UP" in shown["flags"]
    )


def test_what_was_prepared_is_in_the_pod_and_nowhere_else(driven: Driven, pod: str) -> None:
    uid = claimed(driven)
    prepared = driven.prepare(uid)
    assert has_all(f"{driven.holding}{uid}")

    driven.driver.bring(uid, pod)

    assert has_all(pod)
    assert link(pod)["address"] == prepared.interfaces[0].mac
    assert "net1" not in inside(f"{driven.holding}{uid}", "ip", "link")
    assert driven.record(uid).netns == pod


def test_the_record_is_true_wherever_the_link_is(driven: Driven, pod: str) -> None:
    uid = claimed(driven)
    driven.prepare(uid)
    driven.driver.bring(uid, pod)
    in_pod = drifts(driven, uid)
    driven.driver.take_home(uid, pod)

    assert (in_pod, drifts(driven, uid)) == ([], [])


def test_there_and_back_and_into_the_next_pod_it_is_the_same_link(driven: Driven, pod: str, other: str) -> None:
    uid = claimed(driven)
    driven.prepare(uid)
    driven.driver.bring(uid, pod)
    mac = link(pod)["address"]

    driven.driver.take_home(uid, pod)
    driven.driver.bring(uid, other)

    assert has_all(other)
    assert link(other)["address"] == mac
    assert "net1" not in inside(pod, "ip", "link")


def test_bringing_it_twice_changes_nothing(driven: Driven, pod: str) -> None:
    uid = claimed(driven)
    driven.prepare(uid)
    driven.driver.bring(uid, pod)
    before = link(pod)

    driven.driver.bring(uid, pod)

    assert link(pod) == before


def test_unprepared_from_the_pod_or_from_home_nothing_is_left(driven: Driven, pod: str) -> None:
    before = run("ip", "-o", "link").count("\n")
    for brought in (True, False):
        uid = claimed(driven)
        driven.prepare(uid)
        if brought:
            driven.driver.bring(uid, pod)
        driven.driver.unprepare(uid)
        driven.driver.unprepare(uid)
        assert driven.left() == []
        assert "net1" not in inside(pod, "ip", "link")
        assert run("ip", "-o", "link").count("\n") == before


def test_a_link_that_went_with_its_pods_namespace_is_made_anew_with_its_address(driven: Driven, other: str) -> None:
    uid, gone = claimed(driven), f"pod-{uuid.uuid4().hex[:8]}"
    run("ip", "netns", "add", gone)
    driven.prepare(uid)
    driven.driver.bring(uid, f"/var/run/netns/{gone}")
    run("ip", "netns", "delete", gone)

    driven.driver.bring(uid, other)

    assert has_all(other)


def test_the_end_of_a_sandbox_takes_no_link_from_the_one_that_came_after_it(
    driven: Driven, pod: str, other: str
) -> None:
    uid = claimed(driven)
    driven.prepare(uid)
    driven.driver.bring(uid, other)
    driven.begin()

    for ended in (pod, "/var/run/netns/none"):
        driven.driver.take_home(uid, ended)
        assert has_all(other)

    driven.driver.take_home(uid, other)
    assert has_all(f"{driven.holding}{uid}")


def test_a_link_of_the_pod_that_has_the_path_by_now_is_left_to_it(driven: Driven, other: str) -> None:
    uid, path = claimed(driven), f"pod-{uuid.uuid4().hex[:8]}"
    run("ip", "netns", "add", path)
    driven.prepare(uid)
    driven.driver.bring(uid, f"/var/run/netns/{path}")
    run("ip", "netns", "delete", path)
    run("ip", "netns", "add", path)
    theirs = f"/var/run/netns/{path}"
    inside(theirs, "ip", "link", "add", "net1", "type", "bridge")

    driven.driver.bring(uid, other)

    assert "net1" in inside(theirs, "ip", "link")
    assert has_all(other)
    driven.driver.unprepare(uid)
    assert "net1" in inside(theirs, "ip", "link")
    run("ip", "netns", "delete", path)


def test_a_claim_whose_attachment_was_taken_for_gone_is_made_in_the_pod(driven: Driven, pod: str) -> None:
    uid = claimed(driven)
    prepared = driven.prepare(uid)
    with driven.node() as node:
        from podberth.verbs.delete import delete

        delete(node, prepared.attachment(prepared.interfaces[0]))

    driven.driver.bring(uid, pod)

    assert has_all(pod)


@pytest.mark.parametrize("end", ["bring", "home", "unprepare"])
def test_killed_between_the_link_and_its_addresses_the_next_agent_ends_it(driven: Driven, pod: str, end: str) -> None:
    uid = claimed(driven)
    driven.prepare(uid)
    with driven.node() as node:
        node.attachments.moved(rebased(node, driven.record(uid), pod))
    assert holding.carry(f"{driven.holding}{uid}", pod, "net1")
    driven.begin()

    if end == "bring":
        driven.driver.bring(uid, pod)
        assert has_all(pod)
    if end == "home":
        driven.driver.take_home(uid, pod)
        assert has_all(f"{driven.holding}{uid}")
    driven.driver.unprepare(uid)

    assert driven.left() == []
    assert "net1" not in inside(pod, "ip", "link")


def test_killed_on_the_way_home_and_the_pod_has_gone_it_is_made_anew(driven: Driven, other: str) -> None:
    uid, gone = claimed(driven), f"pod-{uuid.uuid4().hex[:8]}"
    run("ip", "netns", "add", gone)
    driven.prepare(uid)
    driven.driver.bring(uid, f"/var/run/netns/{gone}")
    with driven.node() as node:
        node.attachments.moved(rebased(node, driven.record(uid), f"{driven.holding}{uid}"))
    run("ip", "netns", "delete", gone)
    driven.begin()

    driven.driver.bring(uid, other)
    assert has_all(other)
    driven.driver.unprepare(uid)
    assert driven.left() == []


@pytest.mark.parametrize("end", ["bring", "unprepare"])
def test_killed_between_the_record_and_the_link_the_next_agent_ends_it(driven: Driven, pod: str, end: str) -> None:
    uid = claimed(driven)
    driven.prepare(uid)
    with driven.node() as node:
        node.attachments.moved(rebased(node, driven.record(uid), pod))
    driven.begin()

    if end == "bring":
        driven.driver.bring(uid, pod)
        assert has_all(pod)
    driven.driver.unprepare(uid)

    assert driven.left() == []
    assert "net1" not in inside(pod, "ip", "link")


def test_killed_within_prepare_it_is_begun_anew(driven: Driven, pod: str) -> None:
    uid = claimed(driven)
    prepared = driven.prepare(uid)
    from dataclasses import replace

    driven.claims.put(replace(prepared, complete=False))
    driven.begin()

    driven.prepare(uid)
    driven.driver.bring(uid, pod)

    assert has_all(pod)


def test_a_name_that_the_pod_has_already_is_told_and_nothing_has_moved(driven: Driven, pod: str) -> None:
    uid = claimed(driven)
    driven.prepare(uid)
    inside(pod, "ip", "link", "add", "net1", "type", "bridge")

    with pytest.raises(CniError, match="net1"):
        driven.driver.bring(uid, pod)
    assert has_all(f"{driven.holding}{uid}")

    inside(pod, "ip", "link", "delete", "net1")
    driven.driver.bring(uid, pod)
    assert has_all(pod)


def test_a_pod_without_a_namespace_is_told(driven: Driven) -> None:
    uid = claimed(driven)
    driven.prepare(uid)

    with pytest.raises(CniError, match="no network namespace"):
        driven.driver.bring(uid, "/var/run/netns/none")
    assert has_all(f"{driven.holding}{uid}")


def test_a_second_interface_of_the_name_is_refused_before_anything_is_done(driven: Driven) -> None:
    uid = claimed(driven)
    driven.prepare(uid)
    again = driven.claim("db-0", list(driven.parts.devices())[1])
    driven.objects["bank", again]["status"]["reservedFor"][0]["uid"] = f"pod-{uid}"

    with pytest.raises(CniError, match="has a net1 already"):
        driven.prepare(again)
    assert driven.claims.find(again) is None


def test_a_failed_add_leaves_nothing(driven: Driven) -> None:
    uid = driven.claim("nobody", next(iter(driven.parts.devices())), ("FromClass", {"network": {"pool": "missing"}}))

    with pytest.raises(CniError, match="missing"):
        driven.prepare(uid)

    assert driven.left() == []


def test_nothing_is_brought_of_an_attachment_without_a_record(driven: Driven, pod: str) -> None:
    uid = claimed(driven)
    prepared = driven.prepare(uid)
    attachment = prepared.attachment(prepared.interfaces[0])
    driven.driver.unprepare(uid)

    with driven.node() as node:
        assert not bring(node, attachment, pod, pod, lambda *_: False)


@pytest.mark.parametrize("carried", [False, True])
def test_killed_on_the_way_home_and_unprepared_nothing_is_left_in_the_pod(
    driven: Driven, pod: str, carried: bool
) -> None:
    uid = claimed(driven)
    prepared = driven.prepare(uid)
    driven.driver.bring(uid, pod)
    home = f"{driven.holding}{uid}"

    def killed(origin: str, target: str, ifname: str) -> bool:
        if carried and origin == pod:
            holding.carry(origin, target, ifname)
        if origin == pod:
            raise KeyboardInterrupt
        return holding.carry(origin, target, ifname)

    with driven.node() as node, pytest.raises(KeyboardInterrupt):
        bring(node, prepared.attachment(prepared.interfaces[0]), home, home, killed)
    driven.begin()

    driven.driver.unprepare(uid)

    assert driven.left() == []
    assert "net1" not in inside(pod, "ip", "link")
