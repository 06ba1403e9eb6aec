"""Reviews as bytes, and what they ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podberth.cni.errors import CniError, DecodingFailure, InvalidConfig, Refused
from podberth.controller.asked import asked
from podberth.controller.review import Review, answer, parse_review
from podberth.policy.admission import Conflicts

HOME = "podberth-system"


def body(**request: Any) -> bytes:
    full = {"uid": "1", "operation": "CREATE", "kind": {"kind": "Pool"}, "name": "db", **request}
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": full}).encode()


def review(kind: str, new: Any = None, old: Any = None, namespace: str = "db", name: str = "a") -> Review:
    operation = "DELETE" if new is None else "UPDATE" if old is not None else "CREATE"
    return Review(
        uid="1", operation=operation, kind=kind, namespace=namespace, name=name, user="u", new=new, old=old
    )  # fmt: skip


def mapped(text: str, label: str = "true") -> dict[str, Any]:
    return {"metadata": {"labels": {"podberth.io/policies": label}}, "data": {"d.yaml": text, "notes.txt": "kind: ["}}


OF_POD = (
    "apiVersion: podberth.io/v1alpha1\nkind: PodNetwork\nmetadata: {name: NAME}\n"
    "spec: {pod: NAME, attachments: [{pool: db}]}\n"
)


def test_a_review_is_read() -> None:
    read = parse_review(body(object={"metadata": {"name": "db"}, "spec": {}}, userInfo={"username": "alice"}))
    assert (str(read), read.operation, read.user) == ("Pool db", "CREATE", "alice")
    assert read.old is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (b"{", "review"),
        (b"[]", "review: expected an object"),
        (b'{"apiVersion": "admission.k8s.io/v1beta1"}', "review.apiVersion"),
        (b'{"apiVersion": "admission.k8s.io/v1"}', "review.request"),
        (body(), "review.request.object"),
        (body(object={}, operation="CONNECT"), "review.request.operation"),
        (body(object=[]), "review.request.object"),
    ],
)
def test_what_is_no_review_is_refused_by_its_field(wrong: bytes, named: str) -> None:
    with pytest.raises(DecodingFailure) as refused:
        parse_review(wrong)
    assert named in refused.value.message


def test_an_answer_carries_every_conflict() -> None:
    def told(refusal: CniError | None) -> Any:
        return json.loads(answer("7", refusal))["response"]

    assert told(None) == {"uid": "7", "allowed": True}
    assert told(Conflicts(["one", "two"]))["status"] == {"code": 422, "message": "one; two"}
    assert told(Refused("no", "do this"))["status"]["message"] == "no; do this"
    assert len(told(Refused("x" * 10**5))["status"]["message"]) == 4000


def test_an_object_whose_spec_stays_is_not_looked_at() -> None:
    wrong = {"spec": {"nonsense": 1}}
    for kind in ("Pool", "PodNetwork", "AddressReservation"):
        assert asked(review(kind, wrong, wrong), HOME).nothing
        with pytest.raises(InvalidConfig):
            asked(review(kind, wrong, {"spec": {}}), HOME)


def test_a_config_map_is_a_file_whose_documents_come_and_go() -> None:
    one, two = OF_POD.replace("NAME", "one"), OF_POD.replace("NAME", "two")
    changed = asked(review("ConfigMap", mapped(two), mapped(one)), HOME)
    assert [str(document) for document in changed.documents] == ["PodNetwork db/two"]
    assert changed.deleted == (("PodNetwork", "db", "one"),)
    assert asked(review("ConfigMap", None, mapped(one)), HOME).deleted == (("PodNetwork", "db", "one"),)
    assert asked(review("ConfigMap", mapped(one, "false"), mapped(one)), HOME).deleted
    assert asked(review("ConfigMap", mapped("kind: [", "false")), HOME).nothing
    assert asked(review("ConfigMap", mapped(two), mapped("kind: [")), HOME).deleted == ()


def test_only_podberth_s_own_config_maps_speak_for_others() -> None:
    elsewhere = OF_POD.replace("{name: NAME}", "{namespace: bank, name: NAME}").replace("NAME", "one")
    with pytest.raises(InvalidConfig, match=r"PodNetwork bank/one can't be declared in namespace db"):
        asked(review("ConfigMap", mapped(elsewhere)), HOME)
    assert asked(review("ConfigMap", mapped(elsewhere), namespace=HOME), HOME).documents


def test_what_is_not_ours_is_let_through() -> None:
    assert asked(review("Secret", {"spec": 1}), HOME).nothing


RIGHT: dict[str, Any] = {
    "metadata": {"annotations": {"k8s.v1.cni.cncf.io/policy-for": "storage"}},
    "spec": {"podSelector": {}, "ingress": []},
}


def policy(new: Any, old: Any = None) -> None:
    assert asked(review("MultiNetworkPolicy", new, old), HOME).nothing


@pytest.mark.parametrize(
    ("part", "wrong", "named"),
    [
        ("spec", {"podSelector": {"matchLabels": {"a": 7}}}, "spec.podSelector.matchLabels.a"),
        ("spec", {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "x"}}]}]}, "spec.ingress[0].from[0]"),
        ("spec", 7, "spec: expected"),
        ("spec", None, "spec: required"),
        ("metadata", {"annotations": {"k8s.v1.cni.cncf.io/policy-for": "../x"}}, "policy-for"),
    ],
)
def test_a_policy_that_can_not_be_read_is_refused_by_its_field(part: str, wrong: Any, named: str) -> None:
    policy(RIGHT)
    for old in (None, RIGHT):
        with pytest.raises(InvalidConfig) as refused:
            policy({**RIGHT, part: wrong}, old)
        assert named in refused.value.message


def test_a_policy_of_which_nothing_changes_that_is_read_is_let_through_and_so_is_its_end() -> None:
    wrong = {**RIGHT, "spec": {"podSelector": 7}}
    policy({**wrong, "metadata": {**RIGHT["metadata"], "finalizers": []}}, wrong)
    policy(None, wrong)
