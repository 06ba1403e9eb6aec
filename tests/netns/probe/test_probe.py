"""Asking a real LAN for an address: the kernels of other hosts answer, or nobody does."""

from __future__ import annotations

import errno
import threading
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest

from podberth.linux import packets
from podberth.linux.probe import probe
from tests.netns.probe.namespaces import heard, listening
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from tests.netns.probe.namespaces import Lan

V4 = IPv4Address("10.9.0.7")
V6 = IPv6Address("fd00:9::7")
BOTH = pytest.mark.parametrize("address", [V4, V6], ids=["IPv4", "IPv6"])
PROTOCOL = {4: packets.ETH_P_ARP, 6: packets.ETH_P_IPV6}
QUIET = 1.0  # seconds without a frame that end a recording


@pytest.mark.parametrize(("address", "prefix"), [(V4, 24), (V6, 64)], ids=["IPv4", "IPv6"])
def test_the_host_that_has_the_address_is_named_by_its_mac(
    lan: Lan, address: IPv4Address | IPv6Address, prefix: int
) -> None:
    pod, _, holder = lan.host(), lan.host("10.9.0.2/24", "fd00:9::2/64"), lan.host(f"{address}/{prefix}")
    assert pod.namespace.call(probe, "eth0", address, 3, 60_000) == holder.mac


@BOTH
def test_an_address_nobody_has_is_asked_for_as_often_as_told(lan: Lan, address: IPv4Address | IPv6Address) -> None:
    pod, witness = lan.host("10.9.0.1/24"), lan.host("10.9.0.2/24", "fd00:9::2/64")
    with listening(witness, PROTOCOL[address.version]) as sock:
        assert pod.namespace.call(probe, "eth0", address, 4, 30) is None
        frames = list(heard(sock, QUIET))
    assert frames.count(packets.probe_of(pod.mac, address)) == 4


@BOTH
def test_probing_teaches_no_neighbour_anything(lan: Lan, address: IPv4Address | IPv6Address) -> None:
    pod, holder = lan.host(), lan.host("10.9.0.7/24", "fd00:9::7/64")
    assert pod.namespace.call(probe, "eth0", address, 3, 20_000) == holder.mac
    learned = [entry for entry in holder.namespace.show("ip", "neighbour", "show") if entry.get("lladdr") == pod.mac]
    assert learned == []
    assert str(address) not in pod.namespace.run("ip", "address")


@BOTH
def test_another_host_that_probes_for_the_address_meanwhile_is_a_conflict(
    lan: Lan, address: IPv4Address | IPv6Address
) -> None:
    pod, rival = lan.host(), lan.host()
    with listening(rival, PROTOCOL[address.version]) as sock:
        first = pod.namespace.begin(probe, "eth0", address, 1, 60_000)
        sock.settimeout(PATIENCE)
        while sock.recv(2048) != packets.probe_of(pod.mac, address):
            pass
    rival.namespace.call(probe, "eth0", address, 1, 10)
    assert first.result(timeout=PATIENCE) == rival.mac


def test_a_switch_that_snoops_multicast_passes_on_the_probes_of_others(lan: Lan) -> None:
    pod, rival = lan.host(), lan.host("fd00:9::9/64")
    # The bridge asks who listens to what, and from then on keeps a group's frames from ports that did not say so.
    lan.switch.run("ip", "address", "add", "fe80::1/64", "dev", "br0", "nodad")
    lan.switch.run("ip", "link", "set", "br0", "type", "bridge", "mcast_query_response_interval", "10")
    lan.switch.run("ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", "1", "mcast_querier", "1")
    asking = pod.namespace.begin(probe, "eth0", V6, 1, 60_000)
    group = str(packets.solicited_node(V6))
    until(lambda: group in lan.switch.run("bridge", "mdb", "show", "dev", "br0"), "the bridge knows no listener")
    rival.namespace.call(probe, "eth0", V6, 1, 10)
    assert asking.result(timeout=PATIENCE) == rival.mac


@BOTH
def test_an_announcement_by_another_host_is_a_conflict(lan: Lan, address: IPv4Address | IPv6Address) -> None:
    pod, rival = lan.host(), lan.host()
    with listening(rival, PROTOCOL[address.version]) as sock:
        asking = pod.namespace.begin(probe, "eth0", address, 1, 60_000)
        sock.settimeout(PATIENCE)
        while sock.recv(2048) != packets.probe_of(pod.mac, address):
            pass
        sock.send(b"\xff" * 70)
        sock.send(packets.announcement_of(rival.mac, address))
    assert asking.result(timeout=PATIENCE) == rival.mac


def test_a_reflected_probe_is_no_conflict(lan: Lan) -> None:
    pod, mirror = lan.host(), lan.host()
    with listening(mirror, packets.ETH_P_ARP) as sock:
        asking = pod.namespace.begin(probe, "eth0", V4, 2, 300)
        sock.settimeout(PATIENCE)
        sock.send(sock.recv(2048))
        assert asking.result(timeout=PATIENCE) is None


def test_a_holder_in_another_vlan_is_no_conflict(lan: Lan) -> None:
    pod, trunk = lan.host(), lan.host()
    announced = packets.announcement_of(trunk.mac, V4)
    tagged = announced[:12] + bytes.fromhex("8100 00c8") + announced[12:]
    untagged = announced[:12] + bytes.fromhex("8100 6000") + announced[12:]  # VLAN 0: only a priority
    with listening(trunk, packets.ETH_P_ARP) as sock:
        for frame, expected, interval_ms in ((tagged, None, 500), (untagged, trunk.mac, 60_000)):
            asking = pod.namespace.begin(probe, "eth0", V4, 1, interval_ms)
            sock.settimeout(PATIENCE)
            sock.recv(2048)
            sock.send(frame)
            assert asking.result(timeout=PATIENCE) == expected


def test_a_link_that_is_down_cannot_be_asked_on(lan: Lan) -> None:
    pod = lan.host()
    pod.namespace.run("ip", "link", "set", "eth0", "down")
    with pytest.raises(OSError, match="eth0 is down") as caught:
        pod.namespace.call(probe, "eth0", V4, 1, 10)
    assert caught.value.errno == errno.ENETDOWN


def test_a_link_without_carrier_cannot_be_asked_on(lan: Lan) -> None:
    pod = lan.host()
    lan.unplug(pod)
    with pytest.raises(OSError, match="eth0 is up but has no carrier") as caught:
        pod.namespace.call(probe, "eth0", V4, 1, 10)
    assert caught.value.errno == errno.ENETDOWN


def test_a_carrier_that_comes_a_little_late_is_waited_for(lan: Lan) -> None:
    pod, holder = lan.host(), lan.host("10.9.0.7/24")
    lan.unplug(pod)
    late = threading.Timer(0.1, lan.switch.run, ["ip", "link", "set", "port0", "up"])
    late.start()
    try:
        assert pod.namespace.call(probe, "eth0", V4, 20, 3000) == holder.mac
    finally:
        late.join()


def test_a_link_that_is_deleted_meanwhile_ends_the_probe_with_an_error(lan: Lan) -> None:
    pod = lan.host()
    asking = pod.namespace.begin(probe, "eth0", V4, 20, 1000)
    with listening(pod, packets.ETH_P_ARP):
        lan.switch.run("ip", "link", "del", "port0")
    with pytest.raises(OSError, match=r"down|No such device"):
        asking.result(timeout=PATIENCE)


def test_an_interface_that_is_not_there_or_not_ethernet_is_refused(lan: Lan) -> None:
    pod = lan.host()
    with pytest.raises(OSError, match="No such device"):
        pod.namespace.call(probe, "eth7", V4, 1, 10)
    with pytest.raises(OSError, match="lo is no Ethernet link"):
        pod.namespace.call(probe, "lo", V4, 1, 10)
