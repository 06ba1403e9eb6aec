"""The root of the PCIe tree that a device is in, as sysfs has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from podberth.linux import pci


def test_a_devices_root_is_the_first_folder_of_its_path() -> None:
    for device in sorted(Path(pci.DEVICES).glob("*")):
        assert str(device.resolve()).startswith(f"/sys/devices/{pci.root(device.name)}/")
        assert pci.root(device.name).startswith("pci")


@pytest.mark.parametrize("address", ["", "0000:ff:1f.7", "../../..", "nothing"])
def test_a_device_that_is_not_there_has_none(address: str) -> None:
    assert pci.root(address) == ""
