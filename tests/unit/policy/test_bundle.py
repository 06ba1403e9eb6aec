"""A ConfigMap as values: whatever is in it, what can be read counts, and the rest is complained of."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.fields import FEW, MAX_COMPLAINT
from podberth.policy.bundle import DIGEST, LABEL, WANTED, read, texts
from podberth.policy.documents import Document
from tests.unit.policy.hostile import HUGE, TEXTS

ONE = "apiVersion: podberth.io/v1alpha1\nkind: PodNetwork\nmetadata: {name: one}\nspec: {pod: a, attachments: [{}]}\n"
OTHER = ONE.replace("one", "other")


def labelled(**data: object) -> dict[str, Any]:
    return {"metadata": {"labels": {LABEL: WANTED}}, "data": {key.replace("_", "."): data[key] for key in data}}


def names(*parts: Any) -> list[str]:
    return [one.document.name for part in parts for one in part.declarations]


@pytest.mark.parametrize("text", [*TEXTS, *HUGE])
def test_a_good_file_beside_a_hostile_one_counts(text: str) -> None:
    text = HUGE.get(text, text)
    bad, good = read("db", "web", {"a.yaml": text, "b.yaml": ONE})
    assert (names(good), good.complaints) == (["one"], ())
    assert names(bad) == []


def test_a_document_that_can_t_be_read_spoils_its_file_and_no_other_document() -> None:
    (part,) = read("db", "web", texts(labelled(a_yaml=f"{ONE}---\nkind: []\n---\n{OTHER}")))
    assert names(part) == ["one", "other"]
    assert part.complaints == ("ConfigMap db/web: a.yaml[1]: apiVersion: required field is missing",)


def test_one_without_the_label_declares_nothing() -> None:
    unlabelled = {**labelled(a_yaml=ONE), "metadata": {"labels": {LABEL: "false"}}}
    assert texts(unlabelled) == texts(None) == {}
    assert texts(labelled(a_txt=ONE, a_yaml=OTHER)) == {"a.yaml": OTHER}


def test_a_digest_is_the_same_while_the_namespace_says_the_same() -> None:
    def digest(namespace: str, name: str, text: str) -> str:
        ((one,),) = (part.declarations for part in read(namespace, name, {"a.yaml": text}))
        return one.digest

    known = digest("db", "web", ONE)
    assert len(known) == DIGEST
    assert digest("db", "renamed", f"# a comment\n{ONE}") == known
    assert digest("db", "web", ONE.replace("{name: one}", "{name: one, namespace: db}")) == known
    assert len({known, digest("other", "web", ONE), digest("db", "web", ONE.replace("pod: a", "pod: b"))}) == 3


def test_many_documents_are_not_each_compared_with_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[object] = []

    class Key(tuple[str, str, str]):
        __slots__ = ()
        __hash__ = tuple.__hash__

        def __eq__(self, other: object) -> bool:
            compared.append(other)
            return tuple.__eq__(self, other)

    key = vars(Document)["key"].fget
    assert key is not None
    monkeypatch.setattr(Document, "key", property(lambda self: Key(key(self))))
    (part,) = read("db", "web", {"a.yaml": "---\n".join(ONE.replace("one", f"n{i}") for i in range(50))})
    assert (len(part.declarations), part.complaints) == (50, ())
    assert len(compared) <= 50


def test_what_is_declared_twice_is_complained_of() -> None:
    (part,) = read("db", "web", {"a.yaml": f"{ONE}---\n{ONE}"})
    assert part.complaints == ("ConfigMap db/web: a.yaml: PodNetwork db/one is there twice",)


def test_a_line_of_complaints_does_not_outgrow_its_document() -> None:
    (part,) = read("db", "web", {"a.json": f"[{','.join('0' * 20_000)}]"})
    assert part.complaints[-1] == f"and {20_000 - FEW} more"
    assert len(part.complaints) == FEW + 1
    (part,) = read("db", "k" * 250, {f"{'k' * 300}.yaml": "kind: []"})
    assert [len(complaint) for complaint in part.complaints] == [MAX_COMPLAINT]
