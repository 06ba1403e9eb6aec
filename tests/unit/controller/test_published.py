"""Which claims show reservations, and what differs from that."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.controller.published import differing

ONE: dict[str, Any] = {
    "metadata": {"namespace": "db", "name": "a.eth0", "labels": {"podberth.io/pool": "db"}},
    "spec": {"network": "banknet", "interface": "eth0"},
    "status": {"ips": ["10.20.0.11/24"], "ownerPod": "a"},
}
KEY = ("db", "a.eth0")


def test_what_is_as_it_should_be_is_let_alone() -> None:
    made = differing({KEY: ONE}, [{**ONE, "metadata": {**ONE["metadata"], "uid": "u", "annotations": {"a": "b"}}}])
    assert (made.made, made.changed, made.ended) == ((), (), ())


def test_what_is_not_there_is_made_and_what_should_not_be_there_ends() -> None:
    other = {**ONE, "metadata": {**ONE["metadata"], "name": "b.eth0"}}
    made = differing({KEY: ONE}, [other])
    assert (made.made, made.changed, made.ended) == ((ONE,), (), (other,))


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("spec", {"network": "other", "interface": "eth0"}), ("spec", None), ("spec", 7), ("status", None),
        ("status", {"ips": ["10.20.0.12/24"], "ownerPod": "a"}), ("status", []),
        ("metadata", {**ONE["metadata"], "labels": {"podberth.io/pool": "other"}}),
        ("metadata", {**ONE["metadata"], "labels": None}),
    ],
)  # fmt: skip
def test_what_somebody_has_changed_is_changed_back(part: str, wrong: Any) -> None:
    now = {**ONE, part: wrong}
    made = differing({KEY: ONE}, [now])
    assert (made.made, made.changed, made.ended) == ((), ((now, ONE),), ())
