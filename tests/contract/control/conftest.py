"""A cluster of its own for what runs once in it, empty for each test, and kubectl as an operator uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.kube.resources import NAMESPACES
from tests.contract.control.cluster import HOME, Cluster, pool
from tests.servers.kube import KubeServer
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OURS = ("podberth.io/", "leases/", "configmaps/", "pods/", "minions/", "events/", "secrets/")
_WEBHOOKS = "validatingwebhookconfigurations/"


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    with KubeServer(tmp_path_factory.mktemp("control")) as server:
        server.serve_our_resources()
        for name in (HOME, "db", "bank", "payments", "other"):
            server.operator.client.create(NAMESPACES, {"metadata": {"name": name}})
        yield server


@pytest.fixture
def cluster(server: KubeServer, tmp_path: Path) -> Iterator[Cluster]:
    """The cluster, with nothing of podberth's in it, no pods and no nodes."""
    server.clear(*_OURS, _WEBHOOKS)
    made = Cluster(server, tmp_path)
    unasked = pool("unasked", "10.254.0.0/24")  # until the API server has heard that there is no webhook
    until(lambda: not server.operator.refusal(unasked, dry_run=True))
    yield made
    made.close()
