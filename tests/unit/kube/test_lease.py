"""A Lease as a lock: what its holder writes counts, and no clock of his."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podberth.kube import lease

if TYPE_CHECKING:
    from collections.abc import Callable

START: dict[str, Any] = {"metadata": {"name": "work", "resourceVersion": "1"}}
LONG_AGO, IN_A_YEAR = "2001-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"


def held(version: int, renewed: str = LONG_AGO, seconds: int | None = 15) -> dict[str, Any]:
    spec = {"holderIdentity": "a", "leaseDurationSeconds": seconds, "renewTime": renewed}
    return {"metadata": {"name": "work", "resourceVersion": str(version)}, "spec": spec}


def observed(*times: float) -> Callable[[dict[str, Any]], str]:
    return lease.Observed(iter(times).__next__).holder


@pytest.mark.parametrize("renewed", [LONG_AGO, IN_A_YEAR, "", "yesterday"])
def test_a_holder_is_dead_once_nothing_has_changed_for_its_seconds_whatever_its_clock_said(renewed: str) -> None:
    look = observed(1000.0, 1014.9, 1015.0)
    assert [look(held(1, renewed)) for _ in range(3)] == ["a", "a", ""]


def test_every_change_gives_a_holder_its_seconds_anew() -> None:
    look = observed(1000.0, 1014.0, 1028.0, 1029.0)
    assert [look(held(version)) for version in (1, 2, 2, 2)] == ["a", "a", "a", ""]


def test_a_holder_that_says_no_seconds_has_the_usual_ones() -> None:
    look = observed(0.0, lease.SECONDS - 0.1, lease.SECONDS)
    assert [look(held(1, seconds=None)) for _ in range(3)] == ["a", "a", ""]


def test_a_lease_that_says_nothing_is_nobodys_and_can_be_taken() -> None:
    assert observed(0.0)(START) == ""
    assert lease.taken(START, "a", 15)["spec"]["holderIdentity"] == "a"


def test_taking_counts_and_renewing_does_not() -> None:
    first = lease.taken(START, "a", 15)
    again = lease.renewed(first, "a", 15)
    assert [lease.transitions(one) for one in (START, first, again, lease.taken(again, "b", 15))] == [0, 1, 1, 2]
    assert again["spec"]["acquireTime"] == first["spec"]["acquireTime"]


def test_a_lease_that_is_given_back_is_nobodys_at_once_and_its_count_stays() -> None:
    free = lease.freed(lease.taken(START, "a", 15))
    assert observed(0.0)(free) == ""
    assert lease.transitions(free) == 1
