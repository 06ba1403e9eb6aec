"""A claim's link after a kill, a lost file, a pod that went without a word: found, or made anew, and nobody else's."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from podberth.dra.driver import Driver
from podberth.linux import holding
from podberth.verbs.bring import bring, rebased
from tests.netns.dra.driving import namespace
from tests.netns.dra.links import claimed, has_all, inside
from tests.netns.kubelet import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from podberth.verbs.node import Node
    from tests.netns.dra.driving import Driven


def test_a_link_that_went_with_its_pods_namespace_is_made_anew_with_its_address(driven: Driven, other: str) -> None:
    uid = claimed(driven)
    with namespace() as gone:
        driven.prepare(uid)
        driven.driver.bring(uid, gone)

    driven.driver.bring(uid, other)

    assert has_all(other)


def test_a_claim_whose_file_can_not_be_read_is_prepared_anew(driven: Driven, pod: str) -> None:
    uid = claimed(driven)
    driven.prepare(uid)
    (driven.state / "claims" / f"{uid}.json").write_text("")
    driven.begin()

    assert driven.prepare(uid).complete
    driven.driver.bring(uid, pod)
    assert has_all(pod)
    driven.driver.unprepare(uid)
    assert driven.left() == []


@pytest.mark.parametrize("where", ["home", "pod"])
def test_a_claim_whose_file_can_not_be_read_is_unprepared_and_nothing_is_left(
    driven: Driven, pod: str, where: str
) -> None:
    uid = claimed(driven)
    driven.prepare(uid)
    if where == "pod":
        driven.driver.bring(uid, pod)
    file = driven.state / "claims" / f"{uid}.json"
    file.write_text(file.read_text()[:40])
    driven.begin()

    driven.driver.unprepare(uid)

    assert driven.left() == []
    assert not file.exists()
    assert "net1" not in inside(pod, "ip", "link")
    driven.driver.unprepare(uid)


def test_a_claim_that_is_another_pods_by_now_is_handed_over_with_the_device_that_it_has_now(
    driven: Driven, pod: str, other: str
) -> None:
    uid = claimed(driven)
    driven.prepare(uid)
    driven.driver.bring(uid, pod)
    assert not driven.driver.hand_over(uid, "next")  # it is reserved for the one before still
    said = driven.objects["bank", uid]["status"]
    said["reservedFor"][0]["uid"] = "next"
    said["allocation"]["devices"]["results"][0]["device"] = device = list(driven.parts.devices())[1]

    assert driven.driver.hand_over(uid, "next")
    driven.driver.bring(uid, other)

    assert has_all(other)
    assert "net1" not in inside(pod, "ip", "link")
    (kept,) = driven.claims.of_pod("next")
    assert kept.interfaces[0].device == device
    driven.driver.unprepare(uid)
    assert driven.left() == []


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
    uid = claimed(driven)
    with namespace() as gone:
        driven.prepare(uid)
        driven.driver.bring(uid, gone)
        with driven.node() as node:
            node.attachments.moved(rebased(node, driven.record(uid), f"{driven.holding}{uid}"))
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
    driven.claims.put(replace(prepared, complete=False))
    driven.begin()

    driven.prepare(uid)
    driven.driver.bring(uid, pod)

    assert has_all(pod)


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


class Killed(BaseException):
    """What nothing that comes after it gets around."""


@pytest.mark.parametrize("interfaces", [0, 1])
@pytest.mark.parametrize("end", ["prepared", "unprepared"])
def test_killed_between_two_interfaces_of_a_claim_it_is_made_anew_or_nothing_is_left(
    driven: Driven, pod: str, interfaces: int, end: str
) -> None:
    first, second = driven.parts.devices()
    uid = driven.claim("db-0", first, ("FromClass", {"network": {"pool": "plain"}}))
    results = driven.objects["bank", uid]["status"]["allocation"]["devices"]["results"]
    results.append({**results[0], "request": "net2", "device": second})
    made: list[str] = []

    def handle(env: Mapping[str, str], stdin: bytes) -> tuple[int, str]:
        if len(made) == interfaces:
            made.append("killed")
            raise Killed
        made.append(env["CNI_IFNAME"])
        return driven.parts.handle(env, stdin)

    def node() -> AbstractContextManager[Node]:
        if "killed" in made:
            raise Killed
        return driven.parts.node()

    with pytest.raises(Killed):
        Driver(replace(driven.parts, handle=handle, node=node)).prepare("bank", uid, uid)
    assert driven.left() != []
    driven.begin()

    if end == "prepared":
        assert [each.ifname for each in driven.prepare(uid).interfaces] == ["net1", "net2"]
        driven.driver.bring(uid, pod)
        assert has_all(pod)
        assert "net2" in inside(pod, "ip", "link")
    driven.driver.unprepare(uid)

    assert driven.left() == []
    assert not [name for name in ("net1", "net2") if name in inside(pod, "ip", "link")]
