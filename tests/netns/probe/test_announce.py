"""Telling a real LAN who has an address: the neighbours' kernels believe it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest

from podberth.linux import packets
from podberth.linux.probe import announce
from tests.netns.probe.namespaces import heard, listening
from tests.waiting import until

if TYPE_CHECKING:
    from tests.netns.probe.namespaces import Lan, Namespace

V4 = IPv4Address("10.9.0.7")
V6 = IPv6Address("fd00:9::7")
ETH_P_ALL = 3
FORMER = "02:00:00:00:00:99"


@pytest.mark.parametrize("address", [V4, V6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("state", ["stale", "reachable"])
def test_a_neighbour_forgets_the_previous_holders_mac(lan: Lan, address: IPv4Address | IPv6Address, state: str) -> None:
    pod, client = lan.host(), lan.host("10.9.0.2/24", "fd00:9::2/64")
    client.namespace.run("ip", "neighbour", "add", str(address), "lladdr", FORMER, "dev", "eth0", "nud", state)
    pod.namespace.call(announce, "eth0", (address,))
    assert learned(client.namespace, address, pod.mac) == pod.mac


def test_a_neighbour_that_accepts_news_learns_the_mac_at_once(lan: Lan) -> None:
    pod, client = lan.host(), lan.host("10.9.0.2/24")
    client.namespace.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_accept=1")
    pod.namespace.call(announce, "eth0", (V4,))
    assert learned(client.namespace, V4, pod.mac) == pod.mac


def test_every_address_is_announced_twice(lan: Lan) -> None:
    pod, client = lan.host(), lan.host()
    addresses = (V4, V6, IPv4Address("10.9.0.8"))
    with listening(client, ETH_P_ALL) as sock:
        pod.namespace.call(announce, "eth0", addresses)
        frames = list(heard(sock, 1.0))
    assert [frames.count(packets.announcement_of(pod.mac, address)) for address in addresses] == [2, 2, 2]


def test_announcing_on_a_link_that_is_down_is_an_error(lan: Lan) -> None:
    pod = lan.host()
    pod.namespace.run("ip", "link", "set", "eth0", "down")
    with pytest.raises(OSError, match="eth0 is down"):
        pod.namespace.call(announce, "eth0", (V4,))


def learned(client: Namespace, address: IPv4Address | IPv6Address, expected: str) -> str:
    """Return the MAC that the client's cache has for the address, waiting for the expected one."""

    def known() -> str:
        entries = client.show("ip", "neighbour", "show", "dev", "eth0")
        return str({entry["dst"]: entry.get("lladdr", "") for entry in entries}.get(str(address), ""))

    until(lambda: known() == expected, lambda: f"the cache has {known()!r} for {address}, not {expected}")
    return known()
