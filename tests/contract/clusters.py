"""Clusters' stores for the suites, each on the real thing: started when the first test asks, ended with the tests."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from podberth.kube import errors, resources
from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.stores.etcd.client import Etcd
from podberth.stores.etcd.store import EtcdCluster
from podberth.stores.kubernetes.store import KubernetesCluster
from tests.servers.etcd import EtcdServer
from tests.servers.kube import KubeServer
from tests.servers.operator import SECONDS
from tests.waiting import PATIENCE

NAMESPACES = ("db", "other", "test", "z", "payments", "podberth-system")  # those that the suites declare pods in

if TYPE_CHECKING:
    from podberth.stores.replica.shared import Cluster


@cache
def etcd_server() -> EtcdServer:
    """One etcd for all tests of this process; each has a prefix of its own."""
    server = EtcdServer()
    server.__enter__()
    atexit.register(server.__exit__, None, None, None)
    return server


@cache
def _etcd_client() -> Etcd:
    return Etcd([etcd_server().url], timeout=PATIENCE)


@cache
def kube_server() -> KubeServer:
    """One API server for all tests of this process, with podberth's custom resources."""
    folder = Path(tempfile.mkdtemp(prefix="podberth-kube-"))
    running = contextlib.ExitStack()
    atexit.register(running.close)
    running.callback(shutil.rmtree, folder, ignore_errors=True)
    server = running.enter_context(KubeServer(folder))
    server.serve_our_resources()
    for namespace in NAMESPACES:
        server.operator.client.create(resources.NAMESPACES, {"metadata": {"name": namespace}})
    return server


@cache
def _kube_client() -> Client:
    return Client(load(str(kube_server().kubeconfig)), timeout=SECONDS)


def in_kubernetes(*, alone: bool = False) -> Cluster:
    """Return an empty ledger behind the API server: whatever a test before has left there is gone.

    `alone`: its machines are no Nodes.
    """
    clear_kubernetes()
    cluster = KubernetesCluster(_kube_client(), "default", "test", alone=alone)
    if alone:
        assert cluster.demand("0.2.0", cluster.minimum())
    return cluster


def have_node(name: str) -> None:
    """Have the API server have a Node of that name."""
    try:
        _kube_client().create(resources.NODES, {"metadata": {"name": name}})
    except errors.AlreadyExists:
        pass


def clear_kubernetes() -> None:
    """Delete all of podberth's objects where the API server keeps them, finalizers or not."""
    kube_server().clear("podberth.io/", "leases/default/", "configmaps/default/")


def in_etcd() -> Cluster:
    """Return an empty ledger in etcd."""
    return EtcdCluster(_etcd_client(), f"/{uuid4().hex}")
