"""The removal of docs/install.md on a real API server: nothing of podberth's keeps it, not even pods that still run."""

from __future__ import annotations

import json
import os
import subprocess
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from podberth.kube.names import address_name
from tests.checkout import ROOT
from tests.documents.pages import API, blocks
from tests.documents.performance import page
from tests.servers.kube import KubeServer
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

(REMOVAL,) = (one.text for one in blocks(page("docs/install.md")) if one.language == API and "finalizers" in one.text)
HELD = {
    "pools": {
        "kind": "Pool",
        "metadata": {"name": "db"},
        "spec": {"subnets": [{"subnet": "10.20.0.0/24"}]},
    },
    "addressleases": {
        "kind": "AddressLease",
        "metadata": {"name": address_name(ip_address("10.20.0.1")), "finalizers": ["podberth.io/ledger"]},
        "spec": {"address": "10.20.0.1", "pool": "db", "sequence": 1, "time": 1, "state": "FREE"},
    },
}


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    with KubeServer(tmp_path_factory.mktemp("removal")) as server:
        yield server


def shell(server: KubeServer, script: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=ROOT,
        env={**os.environ, "KUBECONFIG": str(server.kubeconfig), "HOME": str(server.root)},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def applied(server: KubeServer, document: str) -> bool:
    return shell(server, "kubectl apply -f -", document).returncode == 0


def test_the_commands_of_the_page_remove_a_ledger_and_a_pool_that_is_in_use(cluster: KubeServer) -> None:
    done = shell(cluster, "kubectl apply -k deploy/overlays/kubernetes")
    assert done.returncode == 0, done.stderr
    shell(cluster, "kubectl delete validatingwebhookconfiguration podberth")
    for one in HELD.values():
        made = json.dumps({"apiVersion": "podberth.io/v1alpha1", **one})
        until(partial(applied, cluster, made), "the definitions are not served")
    done = shell(cluster, REMOVAL)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert "podberth" not in shell(cluster, "kubectl get crd -o name").stdout
