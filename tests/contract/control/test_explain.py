"""`explain` says what a namespace has declared for a pod and is refused, why, and what to do about it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.contract.control.cluster import HOME, config_map, pool
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.control.cluster import Cluster

TRUSTED = """\
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: db, name: web}
spec:
  pod: web
  attachments: [{pool: db, addresses: [10.20.0.9], trust: "on"}]
"""


def asked(state: Path, *words: str) -> dict[str, Any]:
    """Return what a command answers, whether or not an ADD of the pod would be refused."""
    command = [sys.executable, "-m", "podberth.cli.main", "--state", str(state), *words, "--json"]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout))


def test_explain_shows_a_refused_document_its_reason_and_its_remedy(cluster: Cluster, tmp_path: Path) -> None:
    allowed = pool()
    allowed["spec"]["allow"] = [{"namespaces": ["db"]}]
    cluster.apply(allowed, config_map("web", TRUSTED), config_map("broken", "kind: []", namespace="other"))
    state = tmp_path / "state"
    state.mkdir()
    at = {"kubeconfig": str(cluster.server.kubeconfig), "namespace": HOME}
    (state / "store.json").write_text(json.dumps({"store": "kubernetes", "node": "node1", "kubernetes": at}))
    config = tmp_path / "net.conf"
    config.write_text(json.dumps({"cniVersion": "1.0.0", "name": "n", "type": "podberth", "bridge": "b", "pool": "db"}))
    about = ("--config", str(config))
    until(lambda: "refused" in asked(state, "explain", "db/web", *about))
    (refused,) = asked(state, "explain", "db/web", *about)["refused"]
    assert (refused["document"], refused["bundle"], refused["inForce"]) == ("PodNetwork db/web", "db/web", False)
    assert "trust is the operator's choice" in refused["reason"]
    assert "leave it out" in refused["remedy"]
    (unread,) = asked(state, "explain", "other/any", *about)["refused"]
    assert unread["reason"].startswith("ConfigMap other/broken: declared.yaml[0]: ")
    assert "correct it, or delete it" in unread["remedy"]
    assert "refused" not in asked(state, "explain", "db/another", *about)
