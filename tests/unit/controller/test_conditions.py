"""Statuses: what they say, and when they are written."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from podberth.controller.conditions import declared_status, pool_status, updated
from podberth.ipam.lease import Usage

ADDRESS = ip_address("10.20.0.11")


def found(status: object = None, generation: int = 1) -> dict[str, Any]:
    return {"metadata": {"name": "a", "generation": generation}, "status": status}


def written(of: dict[str, Any], status: dict[str, Any], now: str) -> dict[str, Any]:
    patch = updated(of, status, now)
    assert patch is not None
    made: dict[str, Any] = patch["status"]
    return made


def test_a_status_is_written_once_and_a_condition_keeps_its_time() -> None:
    first = written(found(), declared_status([ADDRESS], ()), "t1")
    assert first["addresses"] == ["10.20.0.11"]
    assert first["conditions"][0]["lastTransitionTime"] == "t1"
    assert updated(found(first), declared_status([ADDRESS], ()), "t2") is None
    again = written(found(first, generation=2), declared_status([ADDRESS], ()), "t2")
    assert again["conditions"][0]["lastTransitionTime"] == "t1"
    bad = written(found(first), declared_status((), ("it is db/b's",)), "t3")
    assert bad["conditions"][0] == {
        "type": "InForce", "status": "False", "reason": "Conflict", "message": "it is db/b's",
        "observedGeneration": 1, "lastTransitionTime": "t3",
    }  # fmt: skip


def test_what_does_not_fit_is_cut() -> None:
    status = declared_status([ADDRESS] * 1000, ("x" * 5000,))
    assert len(status["addresses"]) == 64
    assert len(status["conditions"][0]["message"]) == 2000
    huge = Usage(pool="db", family=6, size=2**64, free=2**64, leased=0, reserved=0, resting=0)
    assert pool_status([huge], ())["usage"][0]["size"] == 2**63 - 1
