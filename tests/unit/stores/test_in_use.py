"""The note of Pools that pods live on: what was written is read; what nobody can read counts as nothing."""

from __future__ import annotations

import base64
import random
import zlib

import pytest

from podberth.stores.kubernetes.in_use import IN_USE, MOST, left, noted
from podberth.stores.replica.shared import DocumentText


def lock(packed: str | None = None) -> dict[str, object]:
    annotations = {"other": "stays", **({IN_USE: packed} if packed is not None else {})}
    return {"metadata": {"name": "x", "annotations": annotations}, "spec": {"leaseTransitions": 3}}


def text(name: str, body: str = "{}") -> DocumentText:
    return DocumentText(kind="Pool", namespace="", name=name, body=body, source="s", origin="o")


def test_what_was_noted_and_is_not_there_any_more_is_left() -> None:
    made = noted(lock(), [text("b"), text("a")])
    assert made is not None
    assert (made["metadata"]["annotations"]["other"], made["spec"]) == ("stays", {"leaseTransitions": 3})
    assert left(made, {"b"}) == (text("a"),)
    assert noted(made, [text("a"), text("b")]) is None
    gone = noted(made, [])
    assert gone is not None
    assert gone["metadata"]["annotations"] == {"other": "stays"}


def test_what_does_not_fit_leaves_room_for_the_others() -> None:
    huge = "".join(random.Random(1).choices("0123456789abcdef", k=4 * MOST))
    made = noted(lock(), [text("huge", huge), text("small")])
    assert made is not None
    assert [one.name for one in left(made, ())] == ["small"]


BROKEN = [b"", b"{}", b"[1]", b"[[1]]", b'[["a"]]', b"[" * 100_000, b"\xff"]


@pytest.mark.parametrize("packed", ["!", "AAAA", *(base64.b64encode(zlib.compress(one)).decode() for one in BROKEN)])
def test_what_was_written_by_hand_and_is_none_is_as_if_nothing_was_noted(packed: str) -> None:
    assert left(lock(packed), ()) == ()
