"""Whatever stands in a ConfigMap, a document or an annotation: it is read, or the error names it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import FEW
from podberth.policy.annotations import parse_annotation
from podberth.policy.bundle import read, texts
from podberth.policy.documents import parse_document
from tests.sizes import size
from tests.unit.policy.hostile import FILES, ODD, RAWS
from tests.unit.policy.test_bundle import labelled, names

MANY = settings(max_examples=size(300, 5000), deadline=None)


@MANY
@given(FILES, st.sampled_from(("a.yaml", "a.yml", "a.json")))
def test_no_text_raises_anything_and_what_can_t_be_read_is_named(text: str, key: str) -> None:
    for part in read("db", "web", {key: text}):
        assert all(complaint.startswith(f"ConfigMap db/web: {key}") for complaint in part.complaints[:FEW])
        assert names(part) == [] or not part.complaints or len(part.declarations) > 0


@MANY
@given(RAWS)
@example({"kind": []})
def test_no_document_raises_anything_but_the_error_that_names_it(raw: Any) -> None:
    with suppress(InvalidConfig):
        assert parse_document(raw, "test").kind in ("Pool", "PodNetwork")


@MANY
@given(FILES)
def test_no_annotation_raises_anything_but_the_error_that_names_it(text: str) -> None:
    with suppress(InvalidConfig):
        assert len(parse_annotation(text)) <= 16


@MANY
@given(st.fixed_dictionaries({"metadata": ODD, "data": ODD}) | st.fixed_dictionaries({"metadata": ODD}))
def test_no_object_raises_anything(config_map: dict[str, Any]) -> None:
    assert texts(config_map) == {}


@MANY
@given(st.dictionaries(st.sampled_from(("a.yaml", "b.json", "c")), ODD) | ODD)
def test_values_that_are_no_texts_are_complained_of(data: Any) -> None:
    found = texts({**labelled(), "data": data})
    parts = read("db", "web", found)
    assert len(parts) == len(found)
    assert all(part.complaints for part, text in zip(parts, found.values(), strict=True) if not isinstance(text, str))
