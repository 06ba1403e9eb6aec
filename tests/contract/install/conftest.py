"""A cluster in which deploy/ was applied, and clients that are what its pods would be: its service accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.controller.certificate import CONFIGURATIONS
from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.kube.resources import NAMESPACES
from tests.contract.install.manifests import objects
from tests.servers.asking import PatientClient
from tests.servers.kube import KubeServer
from tests.servers.operator import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOME = "podberth-system"
WEBHOOKS = "ValidatingWebhookConfiguration"
_OURS = ("podberth.io/", f"leases/{HOME}/", "configmaps/", "pods/", "minions/", "events/", "secrets/")


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    """All of the default overlay is applied, but what would have the API server ask a webhook that does not run."""
    with KubeServer(tmp_path_factory.mktemp("install")) as server:
        server.serve_our_resources()
        wanted = [each for each in objects("overlays/kubernetes") if each["kind"] != WEBHOOKS]
        server.operator.apply(*wanted)
        server.operator.client.create(NAMESPACES, {"metadata": {"name": "payments"}})
        yield server


@pytest.fixture
def asked(server: KubeServer) -> Iterator[None]:
    """From here on the API server asks the webhook, whether or not it runs."""
    made = next(each for each in objects("overlays/kubernetes") if each["kind"] == WEBHOOKS)
    server.operator.apply(made)
    yield
    server.operator.client.delete(CONFIGURATIONS, made["metadata"]["name"])


@pytest.fixture
def admin(server: KubeServer) -> Iterator[Client]:
    """The administrator; of podberth's objects there is none yet."""
    server.clear(*_OURS)
    client = PatientClient(load(str(server.kubeconfig)), timeout=SECONDS)
    yield client
    client.close()


@pytest.fixture
def account(server: KubeServer) -> Callable[[str], Path]:
    """Return the kubeconfig that a pod with a service account amounts to."""
    return lambda name: server.write_kubeconfig(name, {"token": server.token(HOME, name)})


@pytest.fixture
def client(account: Callable[[str], Path]) -> Iterator[Callable[[str], Client]]:
    """Make clients of service accounts; they are closed after the test."""
    made: list[Client] = []

    def one(name: str) -> Client:
        made.append(Client(load(str(account(name))), timeout=SECONDS))
        return made[-1]

    yield one
    for each in made:
        each.close()
