"""The stores under test: a suite that asks for `backend` runs on each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from podberth.stores.etcd.client import Etcd
from tests.contract.clusters import etcd_server, kube_server
from tests.contract.ledgers import BACKENDS, pool
from tests.default_paths import forbidden
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xdist.remote import Producer

    from podberth.ipam.ledger import Ledger
    from tests.contract.ledgers import Backend
    from tests.servers.etcd import EtcdServer
    from tests.servers.kube import KubeServer


# Folders whose tests share one API server, which none of the others uses: one worker runs all tests of a folder.
ONE_SERVER = ("tests/contract/control/", "tests/contract/install/")


class Scheduling(LoadScopeScheduling):
    """A worker takes one of these folders as a whole, and else test by test: a server is started by all that need it.

    The marks `xdist_group` would say so too, but xdist 3.8 does not see them under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in ONE_SERVER if nodeid.startswith(folder)), nodeid)


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
    client = Etcd([etcd_server.url])
    yield client
    client.close()


@pytest.fixture
def proxy(etcd_server: EtcdServer) -> Iterator[Proxy]:
    with Proxy(etcd_server.port) as between:
        yield between
