"""A text that a store has is a document, or an error that a reader of stores expects; it ends nobody."""

from __future__ import annotations

import pytest

from podberth.cni.errors import InvalidConfig
from podberth.policy.texts import parsed

POOL = '{"apiVersion": "podberth.io/v1alpha1", "kind": "Pool", "metadata": {"name": "db"}, "spec": %s}'
GOOD = POOL % '{"subnets": [{"subnet": "10.20.0.0/24"}]}'


def test_a_text_is_the_document_that_it_says() -> None:
    assert parsed(GOOD, "etcd", ("Pool", "", "db")).key == ("Pool", "", "db")


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "[" * 100_000, POOL % ("[" * 100_000), POOL % "7", "\ud800"])
def test_any_other_text_is_one_kind_of_error_that_names_its_source(body: str) -> None:
    with pytest.raises(InvalidConfig, match=r"^etcd: "):
        parsed(body, "etcd")


def test_a_document_under_another_name_is_none() -> None:
    with pytest.raises(InvalidConfig, match="Pool db is kept under the name of Pool  bank"):
        parsed(GOOD, "etcd", ("Pool", "", "bank"))
