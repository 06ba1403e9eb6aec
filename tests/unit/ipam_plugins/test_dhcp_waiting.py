"""An ADD that waits for a DHCP server leaves the agent workers for all other calls."""

from __future__ import annotations

import contextlib

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.ipam_plugins import dhcp


def test_no_more_than_a_few_wait_at_once_and_each_end_makes_room() -> None:
    with contextlib.ExitStack() as waiting:
        for _ in range(dhcp.MOST_WAITING):
            waiting.enter_context(dhcp._Waiting())
        with pytest.raises(TryAgainLater, match="wait for DHCP servers already"), dhcp._Waiting():
            pass
    with dhcp._Waiting():
        assert dhcp._Waiting.now == 1
    assert dhcp._Waiting.now == 0
