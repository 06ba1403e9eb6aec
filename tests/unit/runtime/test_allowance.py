"""The time that the plugins of one container have."""

from __future__ import annotations

from podberth.runtime.allowance import Allowance


def test_a_containers_plugins_share_their_time_and_each_has_the_least() -> None:
    now = 1000.0
    allowance = Allowance(90.0, 100.0, 2.0, lambda: now)
    assert allowance.left("one") == 90.0
    now += 30.0
    assert (allowance.left("one"), allowance.left("other")) == (70.0, 90.0)
    now += 69.0
    assert (allowance.left("one"), allowance.left("other")) == (2.0, 31.0)
    now += 3600.0
    assert allowance.left("one") == 2.0
