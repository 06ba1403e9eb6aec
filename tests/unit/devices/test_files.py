"""Files about devices: written where they differ, taken away where the device is no more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError
from podberth.devices.files import about, by_cdi, configuration
from podberth.devices.resource import Resource
from tests.unit.devices.functions import vf

if TYPE_CHECKING:
    from pathlib import Path

RESOURCE = Resource(name="bank.example/net", cdi=True)
LONGER = Resource(name="bank.example/net-more")
NODES = {vf(0).address: ("/dev/vfio/7", "/dev/vfio/vfio")}


def test_each_device_has_a_file_and_those_that_went_have_none(tmp_path: Path) -> None:
    about(LONGER, (vf(2),), str(tmp_path))
    about(RESOURCE, (vf(0), vf(1)), str(tmp_path))
    about(RESOURCE, (vf(1),), str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "bank.example-net-0000:03:02.1-device.json",
        "bank.example-net-more-0000:03:02.2-device.json",
    ]


def test_a_file_that_says_the_right_thing_is_left_alone(tmp_path: Path) -> None:
    about(RESOURCE, (vf(0),), str(tmp_path))
    (path,) = tmp_path.iterdir()
    before = path.stat().st_ino
    about(RESOURCE, (vf(0),), str(tmp_path))
    assert path.stat().st_ino == before
    path.write_text("{}")
    about(RESOURCE, (vf(0),), str(tmp_path))
    assert json.loads(path.read_text())["type"] == "pci"


def test_names_by_cdi_have_a_file_as_long_as_there_are_some(tmp_path: Path) -> None:
    folder = tmp_path / "cdi"
    by_cdi(RESOURCE, (vf(1),), {}, str(folder))
    assert not folder.exists()
    by_cdi(RESOURCE, (vf(0), vf(1)), NODES, str(folder))
    (path,) = folder.iterdir()
    assert json.loads(path.read_text())["kind"] == "bank.example/net"
    by_cdi(Resource(name=RESOURCE.name), (vf(0),), NODES, str(folder))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("text", ["", "a: 1\n---\nb: 2", "resources: [", "[]", "just a text"])
def test_a_file_of_resources_that_is_none_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "devices.yaml").write_text(text)
    with pytest.raises(CniError, match=r"devices\.yaml|document"):
        configuration(tmp_path / "devices.yaml", "bank.example")
    with pytest.raises(CniError, match="none"):
        configuration(tmp_path / "none", "bank.example")
