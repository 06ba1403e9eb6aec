"""One containerd of each release for the whole tier, and a network with a few declared pods for each test."""

from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.runtime.containerd import Containerd
from tests.runtime.node import node
from tests.runtime.release import Release, debian_12, newest
from tests.runtime.site import Site, site

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets:
  - {subnet: 10.50.0.0/24, gateway: 10.50.0.1, hold: [10.50.0.2-10.50.0.99]}
  routes: [{dst: 0.0.0.0/0}]
---
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: asked}
spec:
  subnets:
  - {subnet: 10.60.0.0/24, gateway: 10.60.0.1}
  allow:
  - {namespaces: [bank], podRequests: true, addresses: [10.60.0.30-10.60.0.39]}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec:
  statefulSet: {name: mysql, replicas: 50}
  attachments:
  - {pool: db, ordinals: [{base: 10.50.0.40}]}
"""


@contextlib.contextmanager
def running(release: Release) -> Iterator[Containerd]:
    """Have a containerd of that release run on a node of its own."""
    # A short path: a socket's may have 107 bytes.
    with TemporaryDirectory(prefix="podberth-runtime-") as folder, node() as made:
        runtime = Containerd(made, Path(folder), release)
        try:
            runtime.start()
            runtime.bring_image()
            yield runtime
        finally:
            runtime.close()


@pytest.fixture(scope="session")
def containerd() -> Iterator[Containerd]:
    with running(debian_12()) as runtime:
        yield runtime


@pytest.fixture(scope="session")
def newest_containerd() -> Iterator[Containerd]:
    with running(newest()) as runtime:
        yield runtime


@pytest.fixture(params=["containerd", "newest_containerd"])
def either(request: pytest.FixtureRequest) -> Containerd:
    """The containerd of either release."""
    found: Containerd = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def bank(either: Containerd, tmp_path: Path) -> Iterator[Site]:
    with site(either, tmp_path, DOCUMENTS) as made:
        yield made
