"""A client of the real API server, a namespace of each test's own, and users who may little."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.kube.resources import NAMESPACES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.kube import KubeServer

_numbers = itertools.count(1)


@pytest.fixture
def connect() -> Iterator[Callable[[Path], Client]]:
    """Make clients of kubeconfig files; they are closed after the test."""
    made: list[Client] = []

    def one(file: Path, timeout: float = 10.0) -> Client:
        made.append(Client(load(str(file)), timeout=timeout))
        return made[-1]

    yield one
    for client in made:
        client.close()


@pytest.fixture
def client(kube: KubeServer, connect: Callable[[Path], Client]) -> Client:
    return connect(kube.kubeconfig)


@pytest.fixture
def namespace(kube: KubeServer) -> str:
    name = f"test-{next(_numbers)}"
    kube.operator.client.create(NAMESPACES, {"metadata": {"name": name}})
    return name
