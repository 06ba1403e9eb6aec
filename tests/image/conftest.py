"""One image, one runtime and one agent's pod for the whole tier."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.contract.install import manifests
from tests.image.building import NAME, Image, build
from tests.image.daemon import Daemon
from tests.runtime.containerd import Containerd
from tests.runtime.node import NETNS, node
from tests.runtime.release import debian_12

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Image:
    built = build(tmp_path_factory.mktemp("image"))
    if reporter := request.config.pluginmanager.get_plugin("terminalreporter"):
        reporter.write_line(f"the image has {built.size}")
    return built


@pytest.fixture(scope="session")
def containerd(image: Image) -> Iterator[Containerd]:
    # A short path: a socket's may have 107 bytes.
    with TemporaryDirectory(prefix="podberth-image-") as folder, node() as made:
        # As systemd has it: what is mounted there later is to reach the agent's container.
        made.run("mount", "--bind", NETNS, NETNS)
        made.run("mount", "--make-rshared", NETNS)
        runtime = Containerd(made, Path(folder), debian_12())
        for name in ("podberth", "sriov"):
            (runtime.root / "bin" / name).unlink()  # this tree's own: the image has to bring them
        try:
            runtime.start()
            runtime.bring_image()
            runtime.bring(image.archive, NAME)
            yield runtime
        finally:
            runtime.close()


@pytest.fixture(scope="session")
def daemon(containerd: Containerd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = Daemon(containerd=containerd, folder=tmp_path_factory.mktemp("host"))
    networks = made.host("networks")
    networks.mkdir()
    manifests.networks_of(manifests.example("network.yaml"), networks)
    try:
        made.start()
        made.apply("pool.yaml")
        made.apply("mysql.yaml")
        yield made
    finally:
        made.close()
