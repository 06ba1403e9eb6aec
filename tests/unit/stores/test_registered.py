"""What is registered of machines, as somebody may have written it by hand: read, or said to be unreadable."""

from __future__ import annotations

import json

import pytest

from podberth.cni.errors import StoreFailed
from podberth.ipam.epoch import parse_epoch
from podberth.stores.etcd.keys import read_record
from podberth.stores.registered import read_fences, read_registration

FENCE = {"time": 1, "lifted": False, "who": "uid 0", "why": "burnt", "node": "node2"}
REGISTRATION = {"machine": "m", "boot": "b", "key": "k", "time": 1, "claim": "", "former": []}
EPOCH = {"number": 1, "seq": 1, "time": 1, "who": "", "why": "", "node": "", "awaited": [], "heard": []}


@pytest.mark.parametrize("wrong", [{"time": float("inf")}, {"time": 1 << 63}, {"time": -1}, {"why": "\ud800"}])
def test_fences_that_nobody_writes_are_unreadable(wrong: dict[str, object]) -> None:
    with pytest.raises(StoreFailed):
        read_fences("node1", json.dumps([FENCE | wrong]).encode())


def test_fences_that_are_nested_too_deep_are_unreadable() -> None:
    with pytest.raises(StoreFailed):
        read_fences("node1", b"[" * 100_000)


def test_a_registration_of_no_time_is_unreadable() -> None:
    with pytest.raises(StoreFailed):
        read_registration("node1", json.dumps(REGISTRATION | {"time": float("inf")}).encode())


@pytest.mark.parametrize("wrong", [{"who": "\ud800"}, {"awaited": ["\ud800"]}, {"number": (1 << 63) - 1}])
def test_an_epoch_that_no_database_can_keep_is_unreadable(wrong: dict[str, object]) -> None:
    with pytest.raises(StoreFailed):
        parse_epoch(EPOCH | wrong)


@pytest.mark.parametrize("sequence", ["1e999", "-1", "9223372036854775807"])
def test_a_record_whose_last_event_has_no_number_is_unreadable(sequence: str) -> None:
    with pytest.raises(StoreFailed, match="last event"):
        read_record(b'{"address": "10.0.0.1", "last": {"sequence": %s}}' % sequence.encode())
