"""Transactions on nf_tables beside somebody who changes the rules all the time: they end."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.linux.netlink import nft_rules
from podberth.linux.netlink.nfnl import Nfnl
from podberth.linux.transactions import transact
from tests.netns.kubelet import run

if TYPE_CHECKING:
    from podberth.linux.netlink.nft import Request
    from tests.netns.linux.conftest import Ground

OWN = nft_rules.Table(family=nft_rules.INET, name="own", chains=())


class Pod:
    """The rules of a namespace, by a socket that was opened there."""

    def __init__(self, socket: Nfnl) -> None:
        self._socket = socket

    def rules(self) -> Nfnl:
        return self._socket


def test_a_pod_that_changes_its_own_rules_all_the_time_is_left_after_a_while(ground: Ground) -> None:
    looks: list[int] = []

    def slow() -> list[Request]:
        looks.append(len(looks))
        run("ip", "netns", "exec", Path(ground.pod).name, "nft", "add", "table", "inet", f"its{len(looks)}")
        time.sleep(0.5)  # what a look at very many rules takes
        return list(OWN.frame())

    with closing(ground.host._namespaces.opened(ground.pod, Nfnl)) as socket:
        with pytest.raises(TryAgainLater, match="changed all the time"):
            transact(Pod(socket), slow)
        assert 5 <= len(looks) < 50
        transact(Pod(socket), lambda: list(OWN.frame()))
    assert "table inet own" in run("ip", "netns", "exec", Path(ground.pod).name, "nft", "list", "tables")
