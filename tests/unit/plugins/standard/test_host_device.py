"""The `host-device` type: which device it is, and what is done with one that a driver gives to processes."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.errors import InvalidConfig, Unfit
from podberth.net import ops
from podberth.net.facts import HostDevice
from podberth.net.plan import Made
from podberth.plugins.standard import host_device
from tests.unit.plugins.standard.plans import NETNS, described, planned

MAC, PATH = "02:11:22:33:44:55", "/sys/devices/pci0000:00/0000:00:03.0"
NODE = described(
    devices={
        "up0": HostDevice(link="up0"),
        MAC: HostDevice(link="up1"),
        PATH: HostDevice(link="up2"),
        "0000:00:04.0": HostDevice(link="up3"),
        "0000:00:05.0": HostDevice(link="", userspace=True),
        "0000:00:06.0": HostDevice(link=""),
        "mlx5_core.sf.4": HostDevice(link="up4"),
    }
)


def moved(**said: Any) -> str:
    first = planned(host_device, NODE, **said).ops[0]
    assert isinstance(first, ops.MoveLink)
    return first.link


@pytest.mark.parametrize(
    ("said", "link"),
    [
        ({"device": "up0"}, "up0"),
        ({"hwaddr": MAC.upper()}, "up1"),
        ({"kernelpath": PATH}, "up2"),
        ({"pciBusID": "0000:00:04.0"}, "up3"),
        ({"device": "up0", "hwaddr": MAC, "kernelpath": PATH, "pciBusID": "0000:00:04.0"}, "up0"),
        ({"hwaddr": MAC, "kernelpath": PATH, "pciBusID": "0000:00:04.0"}, "up1"),
        ({"device": "", "hwaddr": "", "kernelpath": "", "pciBusID": "0000:00:04.0"}, "up3"),
        ({"runtimeConfig": {"deviceID": "0000:00:04.0"}}, "up3"),
        ({"runtimeConfig": {"deviceID": "mlx5_core.sf.4"}}, "up4"),
        ({"device": "up0", "runtimeConfig": {"deviceID": "0000:00:04.0"}}, "up3"),
    ],
)
def test_the_first_that_is_said_counts_but_the_runtime_before_all(said: dict[str, Any], link: str) -> None:
    assert moved(**said) == link


def test_a_device_of_a_process_is_no_link() -> None:
    plan = planned(host_device, NODE, pciBusID="0000:00:05.0")
    assert plan.ops == ()
    assert plan.interfaces == (Made(name="eth0", netns=NETNS, mac="", there=False),)


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({}, "device, hwaddr, kernelpath, pciBusID"),
        ({"hwaddr": "nonsense"}, "hwaddr"),
        ({"kernelpath": "/sys/class/net/up0"}, "kernelpath"),
        ({"kernelpath": "/sys/devices/../class/net/up0"}, "kernelpath"),
        ({"pciBusID": "03:00.0"}, "pciBusID"),
        ({"runtimeConfig": {"deviceID": "../../etc"}}, "runtimeConfig.deviceID"),
    ],
)
def test_the_error_names_the_key(said: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{at}: "):
        moved(**said)


@pytest.mark.parametrize("said", [{"device": "up9"}, {"pciBusID": "0000:00:06.0"}])
def test_a_device_that_is_not_there_may_come_back(said: dict[str, Any]) -> None:
    with pytest.raises(Unfit, match=f"^{next(iter(said))}: this node has no (device|link of) "):
        moved(**said)
