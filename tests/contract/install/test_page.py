"""The commands of docs/install.md that need a Kubernetes API, run in order against a real one."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.checkout import ROOT
from tests.documents.pages import API, blocks
from tests.documents.performance import page
from tests.servers.kube import KubeServer
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCKS = [block for block in blocks(page("docs/install.md")) if block.language == API]
# No node runs the webhook here, so the API server must not ask it: the test takes this away where it stands.
UNSERVED = "kubectl delete --ignore-not-found validatingwebhookconfiguration podberth"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    with KubeServer(tmp_path_factory.mktemp("page")) as server:
        yield server


def run(server: KubeServer, script: str) -> str:
    """Run a script whose kubectl is the administrator's; return what it prints and has to say."""
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=ROOT,
        env={**os.environ, "KUBECONFIG": str(server.kubeconfig), "HOME": str(server.root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_an_api_server_takes_the_commands_of_the_page_in_order(cluster: KubeServer) -> None:
    printed = []
    for block in BLOCKS:
        if "delete validatingwebhookconfiguration" in block.text:
            run(cluster, "kubectl apply -k deploy/overlays/kubernetes")
        printed.append(run(cluster, block.text))
        run(cluster, UNSERVED)
    everything = "".join(printed)
    assert "pool.podberth.io/" in everything
    assert "podnetwork.podberth.io/mysql created" in everything
    assert "statefulset.apps/mysql created" in everything
    assert 'statefulset.apps "mysql" deleted' in everything
    assert 'validatingwebhookconfiguration.admissionregistration.k8s.io "podberth" deleted' in everything


def test_a_broken_command_is_noticed(cluster: KubeServer) -> None:
    with pytest.raises(AssertionError, match="bases"):
        run(cluster, BLOCKS[0].text.replace("base/crds", "bases/crds"))
