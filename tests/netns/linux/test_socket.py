"""The rtnetlink socket against the kernel: what it says of a request that it refuses, and of where the socket is."""

from __future__ import annotations

import contextlib
import os
from struct import pack
from typing import TYPE_CHECKING

import pytest

from podberth.linux import netns
from podberth.linux.netlink import addresses
from podberth.linux.netlink.socket import NetlinkError, Rtnl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.linux.conftest import Ground

LOOPBACK, INET, IMPOSSIBLE_PREFIX = 1, 2, 40
HEADER = pack("=BBBBI", INET, IMPOSSIBLE_PREFIX, 0, 0, LOOPBACK)


def opened(path: str) -> Rtnl:
    descriptor = netns.open_at(path)
    try:
        return netns.call_in(descriptor, Rtnl)
    finally:
        os.close(descriptor)


@pytest.fixture
def socket(ground: Ground) -> Iterator[Rtnl]:
    with contextlib.closing(opened(ground.pod)) as found:
        yield found


def test_a_refused_request_carries_the_kernels_own_words(socket: Rtnl) -> None:
    with pytest.raises(NetlinkError, match="Invalid prefix length"):
        socket.do(addresses.NEW, HEADER)


def test_a_refused_dump_carries_the_kernels_own_words(socket: Rtnl) -> None:
    with pytest.raises(NetlinkError, match="Invalid values in header for address dump request"):
        socket.dump(addresses.GET, HEADER)


def test_a_socket_goes_on_after_a_refusal(socket: Rtnl) -> None:
    with pytest.raises(NetlinkError):
        socket.dump(addresses.GET, HEADER)
    assert socket.dump(addresses.GET, addresses.of_link(LOOPBACK, 4)) == []


def test_a_cookie_is_of_the_namespace_and_of_no_other(ground: Ground) -> None:
    paths = [ground.pod, ground.pod, f"/var/run/netns/{ground.node}"]
    with contextlib.ExitStack() as stack:
        first, same, other = (stack.enter_context(contextlib.closing(opened(path))).cookie() for path in paths)
    assert first
    assert first == same != other
