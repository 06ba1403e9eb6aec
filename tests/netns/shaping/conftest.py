"""Two hosts joined by a veth pair, and an rtnetlink socket in the namespace of the first."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from podberth.linux.netlink.socket import Rtnl
from tests.netns.probe.namespaces import Namespace
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Pair:
    """`near` has the link under test, `eth0`, and 10.8.0.1; `far` is at its other end, with 10.8.0.2."""

    near: Namespace
    far: Namespace
    sock: Rtnl

    def state(self) -> str:
        """Return everything a rate limit could touch, as the tools show it, counters aside."""
        shown = [self.near.run("ip", "link")]
        shown += [self.near.run("tc", "qdisc", "show"), self.near.run("tc", "filter", "show", "dev", "eth0", "ingress")]
        return re.sub(r"direct_packets_stat \d+ ", "", "\n".join(shown))  # the only counter among them


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ExitStack() as undo:
        near = Namespace.make()
        undo.callback(near.delete)
        far = Namespace.make()
        undo.callback(far.delete)
        near.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", far.name)
        for namespace, address in ((near, "10.8.0.1/24"), (far, "10.8.0.2/24")):
            namespace.run("ip", "address", "add", address, "dev", "eth0")
            namespace.run("ip", "link", "set", "eth0", "up")
        shown = ("ip", "link", "show", "eth0")
        until(lambda: all("state UP" in each.run(*shown) for each in (near, far)), "eth0 has no carrier")
        sock = near.call(Rtnl)
        undo.callback(sock.close)
        yield Pair(near, far, sock)
