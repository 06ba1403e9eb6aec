"""What is found in a pod's namespace of an attachment whose record is lost."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import TYPE_CHECKING

from podberth.cni.pod import Attachment
from podberth.linux.remains import remains
from podberth.net import ops

if TYPE_CHECKING:
    from tests.netns.linux.conftest import Ground

ADDRESSES = ("10.20.0.11/24", "fd00:20::11/64")


def of(ifname: str) -> Attachment:
    return Attachment(network="banknet", container_id="c0ffee", ifname=ifname)


def test_of_a_device_that_was_moved_into_a_pod_the_addresses_are_found_and_taken_back(ground: Ground) -> None:
    """A namespace's lo is a link of no kind, as a virtual function is."""
    for address in ADDRESSES:
        ground.pod_ip("address", "add", address, "dev", "lo")
    steps = remains(ground.pod, of("lo"))
    assert [step.op for step in steps] == [
        ops.AddAddress(netns=ground.pod, ifname="lo", address=ip_interface(address)) for address in ADDRESSES
    ]
    assert [drift for step in steps for drift in ground.host.check(step)] == []
    for step in reversed(steps):
        ground.host.undo(step, ground.pod_id)
    assert "10.20.0.11" not in ground.pod_ip("address")
    assert "fd00:20::11" not in ground.pod_ip("address")


def test_of_a_link_that_somebody_else_made_nothing_is_found(ground: Ground) -> None:
    ground.pod_ip("link", "add", "eth0", "type", "bridge")
    ground.pod_ip("address", "add", ADDRESSES[0], "dev", "eth0")
    assert remains(ground.pod, of("eth0")) == ()
    assert remains(ground.pod, of("net1")) == ()
