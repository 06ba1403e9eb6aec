"""The stores under test: a suite that asks for `backend` runs on each of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.ledgers import BACKENDS, pool
from tests.servers.kube import KubeServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.ipam.ledger import Ledger
    from tests.contract.ledgers import Backend


CRDS = Path(__file__).parents[2] / "deploy" / "base" / "crds"


@pytest.fixture(params=BACKENDS, ids=lambda kind: kind.__name__)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    kind: Callable[[Path], Backend] = request.param
    return kind(tmp_path / "store")


@pytest.fixture
def ledger(backend: Backend) -> Ledger:
    """A ledger with one pool, `db`: 10.20.0.0/24."""
    backend.define(pool("db", "10.20.0.0/24"))
    return backend.open()


@pytest.fixture(scope="session")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    """A Kubernetes API with podberth's custom resources. Whoever kills or freezes it, brings it back."""
    server = KubeServer(tmp_path_factory.mktemp("kube"))
    try:
        server.start()
        server.kubectl("apply", "-f", str(CRDS))
        server.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        yield server
    finally:
        server.stop()
