"""Networks that need a device of the kubelet's: real plugins, a real API server, and a kubelet of the tests'.

This machine has no functions: the plugin here is a bridge, which is told a device and has no use for it.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from podberth.devices.answer import Answer
from podberth.devices.health import Device
from podberth.devices.plugin import Plugin
from tests.image.devices.fake import FakeKubelet
from tests.netns.agent.running import agent
from tests.netns.kubelet import BUILT
from tests.netns.networks.conftest import NAMESPACE, leg
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.netns.kubelet import Answer as Answered
    from tests.netns.kubelet import Pod
    from tests.netns.networks.conftest import Site

RESOURCE = "bank.example/storage"
OF = {"k8s.v1.cni.cncf.io/resourceName": RESOURCE}
FUNCTIONS = tuple(f"0000:03:02.{index}" for index in range(3))


class Giving:
    """What gives containers nothing but their devices."""

    def allocate(self, _resource: str, containers: Sequence[Sequence[str]]) -> Sequence[Answer]:
        return [Answer(variables=()) for _ in containers]

    def prefer(self, _resource: str, available: Sequence[str], _must: Sequence[str], size: int) -> Sequence[str]:
        return sorted(available)[:size]


@pytest.fixture
def fake() -> Iterator[FakeKubelet]:
    """A kubelet with three functions to give."""
    with TemporaryDirectory(prefix="podberth-kubelet-") as folder:
        made = FakeKubelet(Path(folder), namespace=NAMESPACE)
        plugin = Plugin(Path(folder, "device-plugins"), RESOURCE, Giving())
        plugin.show([Device(id=each) for each in FUNCTIONS])
        plugin.serve()
        until(lambda: made.healthy(RESOURCE) == set(FUNCTIONS))
        yield made
        plugin.stop()
        made.close()


@pytest.fixture(params=["alone", "agent"])
def place(site: Site, fake: FakeKubelet, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Where calls know the kubelet from: the agent's options, or the environment of a plugin."""
    env = {"PODBERTH_KUBELET": str(fake.root), "CNI_PATH": str(BUILT), "PLUGIN": "podberth-networks"}
    if request.param == "alone":
        yield env
        return
    with agent(site.node, "--kubelet", str(fake.root)):
        yield {key: text for key, text in env.items() if key != "PODBERTH_KUBELET"}


def call(site: Site, env: dict[str, str], verb: str, pod: Pod, **said: Any) -> Answered:
    return site.node.call(verb, pod, plugin="podberth-networks", env=env, **{**site.conf(), **said})


def test_a_network_has_the_device_that_the_kubelet_has_given_its_pod(
    site: Site, fake: FakeKubelet, place: dict[str, str]
) -> None:
    site.define("storage", leg(site.folder), **OF)
    pod = site.pod("mysql-0", "storage")
    given = fake.start_pod("mysql-0", RESOURCE, uid=pod.uid)
    added = call(site, place, "ADD", pod)
    assert added.code == 0, added.stdout
    (record,) = (row for row in site.node.rows("SELECT conf FROM attachments") if "legs0" in str(row))
    assert next(iter(given.devices)) in str(record)
    assert call(site, place, "CHECK", pod, prevResult=added.result).code == 0
    fake.end_pod(given)
    assert call(site, place, "DEL", pod).code == 0  # it asks no kubelet
    assert site.gone(pod)


def test_a_pod_that_has_asked_for_too_few_devices_is_refused_with_nothing_done(
    site: Site, fake: FakeKubelet, place: dict[str, str]
) -> None:
    site.define("storage", leg(site.folder), **OF)
    pod = site.pod("mysql-0", "storage,storage")
    fake.start_pod("mysql-0", RESOURCE, uid=pod.uid)
    refused = call(site, place, "ADD", pod)
    said = refused.result
    assert (said["code"], "its networks need 2 of bank.example/storage" in said["msg"]) == (102, True)
    assert site.left() == []


def test_a_kubelet_that_does_not_answer_has_the_runtime_try_again(site: Site, tmp_path: Path) -> None:
    site.define("storage", leg(site.folder), **OF)
    env = {"PODBERTH_KUBELET": str(tmp_path), "CNI_PATH": str(BUILT), "PLUGIN": "podberth-networks"}
    refused = call(site, env, "ADD", site.pod("mysql-0", "storage"))
    assert (refused.result["code"], "nobody says which devices" in refused.result["msg"]) == (11, True)
    assert site.left() == []
