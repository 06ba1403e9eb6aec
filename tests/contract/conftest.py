"""The stores under test: a suite that asks for `backend` runs on each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from podberth.stores.etcd.client import Etcd
from tests.contract.ledgers import BACKENDS, pool
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from podberth.ipam.ledger import Ledger
    from tests.contract.ledgers import Backend


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
def etcd_server() -> Iterator[EtcdServer]:
    """One etcd for all tests, which tell their keys apart by `prefix`; who kills it starts it again."""
    with EtcdServer() as server:
        yield server


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
