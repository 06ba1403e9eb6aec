"""The stores under test: a suite that asks for `backend` runs on each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from podberth.stores.etcd.client import Etcd
from tests.contract.clusters import etcd_server, kube_server
from tests.contract.ledgers import BACKENDS, CLUSTERS, pool
from tests.contract.scheduling import Scheduling
from tests.default_paths import forbidden
from tests.servers.proxy import Proxy
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xdist.remote import Producer

    from podberth.ipam.ledger import Ledger
    from tests.contract.ledgers import Backend, ClusterBackend
    from tests.servers.etcd import EtcdServer
    from tests.servers.kube import KubeServer


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


@pytest.fixture(autouse=True)
def _own_paths_alone() -> Iterator[None]:
    with forbidden():
        yield


@pytest.fixture(params=BACKENDS, ids=lambda kind: kind.__name__)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    kind: Callable[[Path], Backend] = request.param
    return kind(tmp_path / "store")


@pytest.fixture(params=CLUSTERS, ids=lambda kind: kind.__name__)
def cluster_backend(request: pytest.FixtureRequest, tmp_path: Path) -> ClusterBackend:
    kind: Callable[[Path], ClusterBackend] = request.param
    return kind(tmp_path / "store")


@pytest.fixture
def ledger(backend: Backend) -> Ledger:
    """A ledger with one pool, `db`: 10.20.0.0/24."""
    backend.define(pool("db", "10.20.0.0/24"))
    return backend.open()


@pytest.fixture
def kube() -> KubeServer:
    """A Kubernetes API with podberth's custom resources. Whoever kills or freezes it, brings it back."""
    return kube_server()


@pytest.fixture(scope="session", name="etcd_server")
def one_etcd() -> EtcdServer:
    """One etcd for all tests, which tell their keys apart by `prefix`; who kills it starts it again."""
    return etcd_server()


@pytest.fixture
def prefix() -> bytes:
    return f"/{uuid4().hex}/".encode()


@pytest.fixture
def etcd(etcd_server: EtcdServer) -> Iterator[Etcd]:
    client = Etcd([etcd_server.url], timeout=PATIENCE)
    yield client
    client.close()


@pytest.fixture
def proxy(etcd_server: EtcdServer) -> Iterator[Proxy]:
    with Proxy(etcd_server.port) as between:
        yield between
