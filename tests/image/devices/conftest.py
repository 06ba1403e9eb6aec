"""Each test of devices beside a kubelet that is real, and beside two that are not: with PodResources' Get and without.

The inventory is described by the test: this machine's kernel has no functions.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.image.devices.fake import FakeKubelet
from tests.image.devices.kubelets import KubeletOfDevices, RealKubelet
from tests.image.devices.node import DescribedNode
from tests.runtime.conftest import running
from tests.runtime.release import debian_12

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def real() -> Iterator[RealKubelet]:
    with running(debian_12()) as containerd, TemporaryDirectory(prefix="podberth-devices-") as folder:
        made = RealKubelet(containerd, Path(folder), uuid.uuid4().hex[:8])
        yield made
        made.close()


@pytest.fixture(params=["real 1.20", "fake with List alone", "fake with Get"])
def kubelet(request: pytest.FixtureRequest) -> Iterator[KubeletOfDevices]:
    if request.param.startswith("real"):
        made = request.getfixturevalue("real")
        made.forget()
        yield made
        made.end_pods()
        return
    with TemporaryDirectory(prefix="podberth-fake-") as folder:
        fake = FakeKubelet(Path(folder), get=request.param.endswith("Get"))
        yield fake
        fake.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[DescribedNode]:
    made = DescribedNode(tmp_path)
    yield made
    if made.devices is not None:
        made.devices.stop(30)
