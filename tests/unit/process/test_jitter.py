"""Pauses after failures in a row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.process.jitter import Backoff


@pytest.mark.parametrize(("failures", "bound"), [(0, 0.0), (1, 0.2), (2, 0.4), (6, 6.4), (7, 10.0), (5000, 10.0)])
def test_the_bound_doubles_up_to_the_longest(failures: int, bound: float) -> None:
    assert Backoff(0.2, 10.0).bound(failures) == bound


@given(st.integers(min_value=-3, max_value=2000), st.floats(min_value=0.0, max_value=1.0))
def test_a_pause_is_between_the_least_part_of_the_bound_and_the_bound(failures: int, least: float) -> None:
    backoff = Backoff(0.02, 0.5, least=least)
    assert least * backoff.bound(failures) <= backoff.pause(failures) <= backoff.bound(failures)
