"""The pages of an agent of release 0.1 are read as those of today are."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.desk import calls, state
from podberth.desk.unknown import NotFound

CALL: dict[str, Any] = {
    "verb": "ADD", "plugin": "podberth", "network": "banknet", "containerID": "3f2a", "ifname": "eth0",
    "pod": "bank/a", "code": 0, "milliseconds": 9.5, "kernelMilliseconds": 1.5, "began": 1.5,
    "ops": [{"verb": "do", "op": "ip link add pb0", "milliseconds": 1.5}],
}  # fmt: skip
STATE: dict[str, Any] = {
    "version": "0.1.0", "workers": 8, "busy": 0, "waiting": None, "begunDels": 2,
    "loops": [{"loop": "upkeep", "lastTurnSeconds": 1.5, "boundSeconds": 60.0}],
    "drifted": 0, "policies": [], "pools": [], "unready": [],
}  # fmt: skip


def test_a_call_is_read_under_the_keys_of_before_and_of_now() -> None:
    before = calls.read({"calls": [CALL]})
    assert calls.read(before.document()) == before
    shown = calls.trace(before.calls, "3f").document()
    assert {key: shown[key] for key in CALL} == CALL
    assert (shown["schema"], shown["container_id"], shown["kernel_milliseconds"]) == ("trace/1", "3f2a", 1.5)
    assert shown["time"] == "1970-01-01T00:00:01.500000000Z"


def test_a_call_that_is_not_among_the_last_is_not_found() -> None:
    with pytest.raises(NotFound):
        calls.trace(calls.read({"calls": [CALL]}).calls, "bank/b")


def test_a_state_is_read_under_the_keys_of_before_and_of_now() -> None:
    before = state.read(STATE)
    assert state.read(before.document()) == before
    assert {key: before.document()[key] for key in ("begunDels", "begun_dels")} == {"begunDels": 2, "begun_dels": 2}


def test_what_is_counted_is_of_the_last_seconds() -> None:
    last = calls.read({"calls": [CALL, {**CALL, "began": 100.0, "code": 11, "message": "later"}]}).calls
    found = state.top(state.read(STATE), last, 50.0, 60.0)
    (verb,) = found.verbs
    assert (verb.verb, verb.calls, verb.codes, verb.median, verb.kernel_median) == ("ADD", 1, {"11": 1}, 9.5, 1.5)
    assert found.document()["schema"] == "top/1"
