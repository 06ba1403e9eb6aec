"""Labels of a node, a pod and a namespace as a real API server has them, and what an ADD makes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.cni.pod import PodRef
from podberth.labels import FILE, labels
from podberth.stores.chosen import FILE as CHOICE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.kube import KubeServer

NODE = """
apiVersion: v1
kind: Node
metadata: {name: worker-labels, labels: {topology.kubernetes.io/zone: b}}
---
apiVersion: v1
kind: Namespace
metadata: {name: labelled, labels: {tier: gold}}
"""
ACCOUNT = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: default, namespace: labelled}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: mysql-0, namespace: labelled, labels: {app: mysql}}
spec: {nodeName: worker-labels, containers: [{name: c, image: none}], serviceAccountName: default}
"""
MYSQL = PodRef(namespace="labelled", name="mysql-0")


@pytest.fixture(params=["file", "store"])
def state(request: pytest.FixtureRequest, kube: KubeServer, tmp_path: Path) -> str:
    """A state directory that says by one way or the other where the API is."""
    kube.kubectl("apply", "-f", "-", stdin=NODE)
    at = {"kubeconfig": str(kube.kubeconfig)}
    if request.param == "file":
        (tmp_path / FILE).write_text(json.dumps({"kubernetes": at}))
    else:
        (tmp_path / CHOICE).write_text(json.dumps({"store": "kubernetes", "node": "worker-labels", "kubernetes": at}))
    return str(tmp_path)


def test_labels_are_those_of_the_api(kube: KubeServer, state: str) -> None:
    assert labels(state, "worker-labels", "Node", None)["topology.kubernetes.io/zone"] == "b"
    assert labels(state, "worker-labels", "Namespace", MYSQL)["tier"] == "gold"
    kube.kubectl("label", "node", "worker-labels", "--overwrite", "topology.kubernetes.io/zone=c")
    assert labels(state, "worker-labels", "Node", None)["topology.kubernetes.io/zone"] == "c"


def test_a_pod_s_labels_are_those_of_that_very_pod(kube: KubeServer, state: str) -> None:
    kube.kubectl("apply", "-f", "-", stdin=ACCOUNT)
    kube.kubectl("apply", "-f", "-", stdin=POD)
    uid = kube.kubectl("get", "pod", "mysql-0", "-n", "labelled", "-o", "jsonpath={.metadata.uid}")
    mine = PodRef(namespace="labelled", name="mysql-0", uid=uid)
    assert labels(state, "worker-labels", "Pod", mine) == {"app": "mysql"}
    static = PodRef(namespace="labelled", name="mysql-0", uid="0123456789abcdef0123456789abcdef")
    assert labels(state, "worker-labels", "Pod", static) == {"app": "mysql"}
    former = PodRef(namespace="labelled", name="mysql-0", uid="00000000-0000-4000-8000-000000000000")
    with pytest.raises(TryAgainLater, match="the API server has another pod of that name"):
        labels(state, "worker-labels", "Pod", former)


@pytest.mark.parametrize(("kind", "node"), [("Pod", "worker-labels"), ("Node", "worker-nobody")])
def test_what_the_api_does_not_have_is_not_without_labels(state: str, kind: str, node: str) -> None:
    nobody = PodRef(namespace="labelled", name="nobody")
    with pytest.raises(TryAgainLater, match=f"the labels of {kind} .* are not known"):
        labels(state, node, kind, nobody)


def test_an_api_that_does_not_answer_is_an_error_of_now(kube: KubeServer, state: str) -> None:
    kube.kill()
    try:
        with pytest.raises(TryAgainLater, match="the labels of Node worker-labels are not known"):
            labels(state, "worker-labels", "Node", None)
    finally:
        kube.start()


def test_an_account_that_may_not_read_it_is_told_so(kube: KubeServer, tmp_path: Path) -> None:
    nobody = kube.user("labels-nobody")
    (tmp_path / FILE).write_text(json.dumps({"kubernetes": {"kubeconfig": str(nobody)}}))
    with pytest.raises(TryAgainLater, match=r"the labels of Node worker-labels are not known: .*labels-nobody"):
        labels(str(tmp_path), "worker-labels", "Node", None)
