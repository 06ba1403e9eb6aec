"""An agent with device plugins beside a kubelet: they come, stay over a replacement, and go with it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.image.devices.fake import FakeKubelet
from tests.netns.agent.running import agent
from tests.netns.agent.test_desk import page
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Kubelet

RESOURCE = "bank.example/storage"


@pytest.fixture
def root() -> Iterator[Path]:
    with TemporaryDirectory(prefix="podberth-kubelet-") as folder:
        yield Path(folder)


@pytest.fixture
def fake(root: Path) -> Iterator[FakeKubelet]:
    made = FakeKubelet(root)
    yield made
    made.close()


def options(root: Path, text: str = "resources: [{name: storage}]") -> tuple[str, ...]:
    file = root / "devices.yaml"
    file.write_text(text)
    return "--devices", str(file), "--resource-prefix", "bank.example", "--kubelet", str(root)


def test_an_agent_registers_its_resources_and_does_so_again_when_either_has_started_anew(
    node: Kubelet, fake: FakeKubelet, root: Path
) -> None:
    with agent(node, *options(root)) as running:
        until(lambda: fake.serves(RESOURCE), "it does not register")
        assert "devices" in [loop["loop"] for loop in json.loads(page(node, "/v1/state")[1])["loops"]]
        fake.restart()
        until(lambda: fake.serves(RESOURCE), "it does not register again")
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("serving", 2)
        running.wait_for("devices served", 3)
        until(lambda: fake.serves(RESOURCE), "the next one does not register")
        assert running.stop() == 0
        until(lambda: not fake.serves(RESOURCE), "it is served on")
        assert sockets(root) == []


def sockets(root: Path) -> list[str]:
    """Return the sockets that podberth has in the kubelet's folder."""
    return [each.name for each in (root / "device-plugins").iterdir() if each.name.startswith("podberth-")]


def test_an_agent_serves_calls_where_no_kubelet_runs(node: Kubelet, root: Path) -> None:
    with agent(node, *options(root)) as running:
        pod = node.pod("web-0")
        assert node.call("ADD", pod).code == 0
        assert node.call("DEL", pod).code == 0
        assert page(node, "/healthz") == (200, b"ok\n")
        assert running.stop() == 0


def test_a_resource_that_is_refused_is_told_of_and_the_others_are_served(
    node: Kubelet, fake: FakeKubelet, root: Path
) -> None:
    bad = '{"resourceList": [{"resourceName": "fpga", "deviceType": "accelerator"}, {"resourceName": "storage"}]}'
    with agent(node, *options(root, bad)) as running:
        until(lambda: fake.serves(RESOURCE), "it does not register")
        (told,) = running.wait_for("devices")
        assert "resourceList[0] (bank.example/fpga).deviceType" in told["message"]
