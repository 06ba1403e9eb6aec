"""A claim's link on its way: prepared, carried into a pod, out of it, into the next, and gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError
from podberth.verbs.bring import bring
from tests.netns.dra.links import claimed, drifts, has_all, inside, link
from tests.netns.kubelet import run

if TYPE_CHECKING:
    from tests.netns.dra.driving import Driven


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
