"""An announcement, or a probe, goes out when the way to the neighbours is open, not a moment before."""

from __future__ import annotations

import os
import socket
import threading
import time
from ipaddress import ip_interface
from typing import TYPE_CHECKING

import pytest

from podberth.cni.value import replace
from podberth.linux import netns
from podberth.net import ops
from podberth.net.apply import apply
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from podberth.net.ops import Op
    from tests.netns.linux.conftest import Ground

PORT, MAC = "pb0123456789abc", "02:50:0a:14:00:0b"
ADDRESSES = (ip_interface("10.20.0.11/24"), ip_interface("fd00:20::11/64"))
LAST: dict[str, Op] = {
    "announce": ops.Announce(netns="", ifname="eth0", addresses=tuple(address.ip for address in ADDRESSES)),
    "probe": ops.ProbeAddress(netns="", ifname="eth0", address=ADDRESSES[0].ip, probes=1, interval_ms=10),
}


@pytest.mark.parametrize("last", LAST)
def test_a_bridge_that_does_not_forward_yet_is_waited_for(ground: Ground, last: str) -> None:
    made: tuple[Op, ...] = (
        ops.CreateVeth(name=PORT, netns=ground.pod, ifname="eth0", mac=MAC, mtu=None),
        ops.JoinBridge(link=PORT, bridge="bank0", vlan_filtering=False, vlan=None, hairpin=False, gateways=()),
        ops.SetLinkUp(netns=ground.pod, ifname="eth0"),
        ops.AddAddress(netns=ground.pod, ifname="eth0", address=ADDRESSES[0]),
    )
    apply(ground.host, [ground.host.prepare(op) for op in made], ground.pod_id)
    # A dormant link is as one whose carrier has not taken effect: the bridge keeps its port closed.
    ground.ip("link", "set", PORT, "mode", "dormant")
    ground.ip("link", "set", PORT, "up")
    until(lambda: "DORMANT" in ground.ip("link", "show", PORT), lambda: ground.ip("link", "show", PORT))
    step = ground.host.prepare(replace(LAST[last], netns=ground.pod))
    with _hearing(ground.node, "bank0") as wire:
        thread = threading.Thread(target=lambda: apply(ground.host, [step], ground.pod_id))
        thread.start()
        begun = time.monotonic()
        until(lambda: time.monotonic() > begun + 0.3, "time stands still")  # in which a frame would be lost
        ground.ip("link", "set", PORT, "state", "up")
        thread.join()
        assert bytes.fromhex(MAC.replace(":", "")) in wire.recv(64)


def _hearing(node: str, link: str) -> socket.socket:
    """Return a socket that hears the ARP frames that reach the node's own link."""
    descriptor = netns.open_at(f"/var/run/netns/{node}")
    try:
        heard = netns.call_in(descriptor, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    finally:
        os.close(descriptor)
    heard.bind((link, 0x0806))
    heard.settimeout(PATIENCE)
    return heard
